/**
 * The timers in map values (struct bpf_timer): what programs start with bpf_timer_start, when their callbacks run, and that they go with
 * their value (bpf_timer_* and bpf_timer_cancel_and_free in kernel/bpf/helpers.c). Time passes in `Clock.advance` only, so that is where
 * most of them expire.
 */
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import { HelperFault, type TimerClock, type TimerPort } from '../../helpers/index.ts';
import {
  functionProgram,
  functionSlot,
  type Memory,
  type PreparedProgram,
  slotsAhead,
} from '../../vm/index.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { AlarmSource, Clock } from './clock.ts';

/** Bytes of struct bpf_timer; the first word names the timer, all are zero where there is none. */
const TIMER_BYTES = 16;
/** KTIME_MAX: a time that never comes. */
const NEVER = (1n << 63n) - 1n;
/** What a callback takes at least: a timer that it starts expires no sooner, or time would stand still for ever. */
const CALLBACK_NS = 1000n;
/** Callbacks of one `advance`, before it is taken for a mistake. */
const MAX_FIRINGS = 200_000;

/** What timers need of the machine. */
export interface TimerHost {
  readonly memory: Memory;
  readonly clock: Clock;
  currentCpu(): number;
  liveMapAt(address: number): LiveMap | undefined;
  /** The program that runs now. */
  readonly program: LoadedProgram | undefined;
  /** Runs a part of a program, prepared as a program of its own, on a CPU. */
  runPart(program: LoadedProgram, part: PreparedProgram, argument: number, cpu: number): void;
  afterRun(action: () => void): void;
}

/** Which function of which program a timer calls; it holds the program. */
interface Callback {
  readonly program: LoadedProgram;
  readonly slot: number;
}

/** A timer that was initialised (struct bpf_hrtimer). */
interface Timer {
  readonly id: number;
  /** Of the field, and of the value around it. */
  readonly address: number;
  readonly value: number;
  readonly map: LiveMap;
  readonly clock: TimerClock;
  callback: Callback | undefined;
  /** When it expires, in nanoseconds of CLOCK_MONOTONIC; undefined when it was not started. */
  due: bigint | undefined;
  /** The CPU that started it, and the order among equal times. */
  cpu: number;
  order: number;
}

/** The timers of one machine, by the address of their field. */
export class TimerTable implements TimerPort, AlarmSource {
  private readonly host: TimerHost;
  private readonly timers = new Map<number, Timer>();
  private readonly parts = new WeakMap<PreparedProgram, Map<number, PreparedProgram>>();
  private running: { readonly timer: Timer; readonly part: PreparedProgram } | undefined;
  /** Address of a callback's arguments, and of the index that is an array's key; 0 before the first. */
  private block = 0;
  private lastId = 0;
  private starts = 0;
  private firings = 0;

  constructor(host: TimerHost) {
    this.host = host;
  }

  init(address: number, mapAddress: number, clock: TimerClock): number {
    const { memory } = this.host;
    if (memory.view.getUint32(address, true) !== 0) return -Errno.EBUSY;
    const map = this.host.liveMapAt(mapAddress);
    const field = map?.fields.find(({ kind }) => kind === 'bpf_timer');
    if (map === undefined || field === undefined) throw misuse(address, 'lies in no map with timers');
    if (!map.hasUsers) return -Errno.EPERM;
    const id = ++this.lastId;
    const value = address - field.offset;
    const idle = { callback: undefined, due: undefined, cpu: 0, order: 0 };
    this.timers.set(id, { id, address, value, map, clock, ...idle });
    memory.view.setUint32(address, id, true);
    return 0;
  }

  setCallback(address: number, pointer: number): number {
    const timer = this.at(address);
    if (timer === undefined) return -Errno.EINVAL;
    if (!timer.map.hasUsers) return -Errno.EPERM;
    const { program } = this.host;
    const slot = program === undefined ? undefined : this.slotOf(program, pointer);
    if (program === undefined || slot === undefined)
      throw misuse(address, 'was given no function of the program');
    program.hold();
    timer.callback?.program.release();
    timer.callback = { program, slot };
    return 0;
  }

  start(address: number, nanoseconds: bigint, absolute: boolean): number {
    const timer = this.at(address);
    if (timer?.callback === undefined) return -Errno.EINVAL;
    const { clock } = this.host;
    const now = clock.now();
    const wish = absolute ? BigInt.asIntN(64, nanoseconds) - clock.ahead(timer.clock) : now + nanoseconds;
    const soonest = this.running === undefined ? now : now + CALLBACK_NS;
    const due = wish > soonest ? wish : soonest;
    timer.due = due < NEVER ? due : NEVER;
    timer.cpu = this.host.currentCpu();
    timer.order = this.starts++;
    if (timer.due <= now) {
      this.host.afterRun(() => {
        this.begin();
        this.fireDue(this.host.clock.now());
      });
    }
    return 0;
  }

  cancel(address: number): number {
    const timer = this.at(address);
    if (timer === undefined) return -Errno.EINVAL;
    // It would wait for itself to end.
    if (this.running?.timer === timer) return -Errno.EDEADLK;
    const active = timer.due !== undefined;
    this.disarm(timer);
    return active ? 1 : 0;
  }

  /** The value around a timer was deleted or replaced, or its map freed. */
  free(address: number): void {
    const timer = this.timers.get(this.host.memory.view.getUint32(address, true));
    if (timer?.address !== address) return;
    this.disarm(timer);
    this.timers.delete(timer.id);
  }

  /** User space has let go of a map: all its timers go, since their callbacks' programs may hold the map in turn. */
  freeAllOf(map: LiveMap): void {
    for (const timer of [...this.timers.values()]) {
      if (timer.map !== map) continue;
      this.free(timer.address);
      this.host.memory.u8.fill(0, timer.address, timer.address + TIMER_BYTES);
    }
  }

  // ---- the clock's side ----

  begin(): void {
    this.firings = 0;
  }

  next(): bigint | undefined {
    return this.earliest()?.due;
  }

  fireDue(now: bigint): void {
    for (let timer = this.earliest(); timer?.due !== undefined && timer.due <= now; timer = this.earliest())
      this.fire(timer);
  }

  private fire(timer: Timer): void {
    timer.due = undefined;
    const { callback } = timer;
    if (callback === undefined) return;
    if (++this.firings > MAX_FIRINGS) {
      throw new UsageError(
        'too-many-timers',
        `more than ${MAX_FIRINGS} timers expired in one step of the clock: advance it in smaller ones`,
      );
    }
    const part = this.partOf(callback);
    const before = this.running;
    this.running = { timer, part };
    callback.program.hold();
    try {
      this.host.runPart(callback.program, part, this.argumentsOf(timer), timer.cpu);
    } finally {
      this.running = before;
      callback.program.release();
    }
  }

  private earliest(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.timers.values()) {
      if (timer.due === undefined) continue;
      if (
        first?.due === undefined ||
        timer.due < first.due ||
        (timer.due === first.due && timer.order < first.order)
      )
        first = timer;
    }
    return first;
  }

  private disarm(timer: Timer): void {
    timer.due = undefined;
    timer.callback?.program.release();
    timer.callback = undefined;
  }

  /** The timer at an address; undefined where none was initialised. @throws HelperFault when the bytes there are no timer's. */
  private at(address: number): Timer | undefined {
    const id = this.host.memory.view.getUint32(address, true);
    if (id === 0) return undefined;
    const timer = this.timers.get(id);
    if (timer?.address === address) return timer;
    throw misuse(address, 'was overwritten');
  }

  /** Slot in the whole program of a function that the program, or the part of it that runs for a timer, points to. */
  private slotOf(program: LoadedProgram, pointer: number): number | undefined {
    if (this.running === undefined) return functionSlot(program.prepared, pointer);
    const slot = functionSlot(this.running.part, pointer);
    return slot === undefined ? undefined : slot - slotsAhead;
  }

  private partOf({ program, slot }: Callback): PreparedProgram {
    const { prepared } = program;
    const known = this.parts.get(prepared) ?? new Map<number, PreparedProgram>();
    this.parts.set(prepared, known);
    const part = known.get(slot) ?? functionProgram(prepared, slot);
    known.set(slot, part);
    return part;
  }

  /** Writes what a callback is called with: map, key, value. @returns where. */
  private argumentsOf({ map, value }: Timer): number {
    const { memory } = this.host;
    if (this.block === 0)
      this.block = memory.allocate({ size: 32, kind: 'kernel', name: "a timer's callback", writable: false });
    const { block } = this;
    let key = block + 24;
    const { buckets, placement } = map.map;
    if (buckets !== undefined) key = buckets.keyOf(value);
    else if (placement?.kind === 'array')
      memory.view.setUint32(key, (value - placement.values) / placement.stride, true);
    [map.map.address, key, value].forEach((word, i) => {
      memory.view.setBigUint64(block + 8 * i, BigInt(word), true);
    });
    return block;
  }
}

function misuse(address: number, what: string): HelperFault {
  return new HelperFault('helper-bad-object', `the bpf_timer at 0x${address.toString(16)} ${what}`);
}
