/**
 * The machine's clocks. Time stands still until somebody moves it, or follows a source that is handed in; nothing here reads
 * the host's clock.
 */
import { UsageError } from '../../base/errors.ts';
import { highHalf, lowHalf } from '../../base/int64.ts';
import type { ClockName, ClockPort, TimerClock } from '../../helpers/index.ts';

/** Ticks a second of the simulated kernel (CONFIG_HZ). */
const HZ = 250n;

const NS_PER_TICK = 1_000_000_000n / HZ;
/** jiffies_64 starts five minutes before it wraps at 32 bits (INITIAL_JIFFIES in include/linux/jiffies.h). */
const INITIAL_JIFFIES = BigInt.asUintN(32, -300n * HZ);

/** Where the clocks start. */
export interface ClockOptions {
  /** CLOCK_MONOTONIC at the start, in nanoseconds; one second by default. */
  readonly start?: number | bigint;
  /** Time spent in suspend: what CLOCK_BOOTTIME is ahead of CLOCK_MONOTONIC. */
  readonly suspended?: number | bigint;
  /** CLOCK_TAI when CLOCK_MONOTONIC is zero. */
  readonly taiOffset?: number | bigint;
  /** Where the time comes from instead of standing still: nanoseconds since some start, never backwards. */
  readonly source?: () => bigint;
}

/** What has to happen at certain times. */
export interface AlarmSource {
  /** The clock is about to move. */
  begin(): void;
  /** When the next thing happens, in nanoseconds of CLOCK_MONOTONIC; undefined when nothing will. */
  next(): bigint | undefined;
  /** Does all that happens until a time, which is now. */
  fireDue(now: bigint): void;
}

/** A clock that tests move by hand: `clock.advance(1_000_000)`. */
export class Clock implements ClockPort {
  high = 0;
  private time: bigint;
  private readonly suspended: bigint;
  private readonly taiOffset: bigint;
  private readonly source: (() => bigint) | undefined;
  private readonly listeners: (() => void)[] = [];
  private readonly alarms: AlarmSource[] = [];
  /** Halves of each clock's reading, valid while `time` stays what it is; spares the hot path its BigInts. */
  private readonly cached = new Map<ClockName, { readonly lo: number; readonly hi: number }>();

  constructor(options: ClockOptions = {}) {
    this.time = BigInt(options.start ?? 1_000_000_000);
    this.suspended = BigInt(options.suspended ?? 0);
    this.taiOffset = BigInt(options.taiOffset ?? 0);
    this.source = options.source;
  }

  /** It moves in `advance` only. */
  get standsStill(): boolean {
    return this.source === undefined;
  }

  /** Has `listener` called after each `advance`. */
  onAdvance(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Has alarms of `source` go off as time passes in `advance`; a clock may serve several kernels. */
  addAlarms(source: AlarmSource): void {
    this.alarms.push(source);
  }

  /** CLOCK_MONOTONIC in nanoseconds. */
  now(): bigint {
    return this.source === undefined ? this.time : this.time + this.source();
  }

  /** CLOCK_BOOTTIME in nanoseconds. */
  bootTime(): bigint {
    return this.now() + this.suspended;
  }

  /** How much a clock that timers go by is ahead of CLOCK_MONOTONIC. CLOCK_REALTIME is CLOCK_TAI without leap seconds. */
  ahead(clock: TimerClock): bigint {
    switch (clock) {
      case 'monotonic':
        return 0n;
      case 'boottime':
        return this.suspended;
      case 'realtime':
        return this.taiOffset;
    }
  }

  /** Moves all clocks forward by so many nanoseconds, and stops on the way for each alarm. @throws UsageError for a time that is none. */
  advance(nanoseconds: number | bigint): void {
    if (typeof nanoseconds !== 'bigint' && !Number.isInteger(nanoseconds))
      throw new UsageError('bad-time', `time is a whole number of nanoseconds, not ${nanoseconds}`);
    if (nanoseconds < 0) throw new UsageError('bad-time', 'clocks only move forward');
    let left = BigInt(nanoseconds);
    for (const source of this.alarms) source.begin();
    for (let due = this.nextAlarm(); due !== undefined && due <= this.now() + left; due = this.nextAlarm()) {
      const step = due - this.now();
      if (step > 0n) {
        this.move(step);
        left -= step;
      }
      for (const source of this.alarms) source.fireDue(this.now());
    }
    this.move(left);
  }

  private nextAlarm(): bigint | undefined {
    let first: bigint | undefined;
    for (const source of this.alarms) {
      const due = source.next();
      if (due !== undefined && (first === undefined || due < first)) first = due;
    }
    return first;
  }

  private move(nanoseconds: bigint): void {
    this.time += nanoseconds;
    this.cached.clear();
    for (const listener of this.listeners) listener();
  }

  read(clock: ClockName): number {
    let halves = this.source === undefined ? this.cached.get(clock) : undefined;
    if (halves === undefined) {
      const value = this.value(clock);
      halves = { lo: lowHalf(value), hi: highHalf(value) };
      this.cached.set(clock, halves);
    }
    this.high = halves.hi;
    return halves.lo;
  }

  private value(clock: ClockName): bigint {
    const now = this.now();
    switch (clock) {
      case 'monotonic':
        return now;
      case 'boottime':
        return now + this.suspended;
      case 'coarse':
        return now - (now % NS_PER_TICK);
      case 'tai':
        return now + this.taiOffset;
      case 'jiffies':
        return INITIAL_JIFFIES + now / NS_PER_TICK;
    }
  }
}
