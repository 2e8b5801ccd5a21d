/**
 * bpf_user_ringbuf_drain: calls back with a dynptr for each record that user space wrote, until there is none, the callback returns other than
 * 0, or 128 K records were shown (kernel/bpf/ringbuf.c).
 */
import { Errno } from '../base/errno.ts';
import type { UserRingBuffer } from '../maps/index.ts';
import { BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP } from '../spec/uapi.ts';
import type { CallbackDriver, Memory } from '../vm/index.ts';
import { DYNPTR_BYTES, writeLocalDynptr } from './dynptr.ts';
import { type FamilyMaker, type HighHalf, wideInt } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** BPF_MAX_USER_RINGBUF_SAMPLES. */
const MAX_SAMPLES = 128 * 1024;

/** A buffer is drained by one program at a time, so one driver at a time is under way for each; drivers are small and not reused. */
class DrainDriver implements CallbackDriver {
  readonly callback: number;
  private readonly memory: Memory;
  private readonly high: HighHalf;
  private readonly ring: UserRingBuffer;
  private readonly context: number;
  private readonly flags: number;
  private readonly dynptr: number;
  private seen = 0;
  private discarded = 0;
  /** Size of the record that the callback has; below 0 when it has none. */
  private size = -1;
  private error = 0;
  private stopped = false;

  constructor(
    memory: Memory,
    high: HighHalf,
    ring: UserRingBuffer,
    call: { readonly callback: number; readonly context: number; readonly flags: number },
  ) {
    this.memory = memory;
    this.high = high;
    this.ring = ring;
    this.callback = call.callback;
    this.context = call.context;
    this.flags = call.flags;
    this.dynptr = memory.allocate({ size: DYNPTR_BYTES, kind: 'kernel', name: 'dynptr of a record' });
  }

  next(args: Int32Array): boolean {
    this.giveBack();
    while (!this.stopped && this.seen < MAX_SAMPLES) {
      const size = this.ring.peek();
      if (size === -Errno.ENODATA) return false;
      if (size < 0 && size !== -Errno.EAGAIN) {
        this.error = size;
        return false;
      }
      this.seen++;
      if (size < 0) {
        this.discarded++;
        continue;
      }
      this.size = size;
      writeLocalDynptr(this.memory, this.dynptr, this.ring.sample, size);
      args.fill(0);
      args[0] = this.dynptr;
      args[2] = this.context;
      return true;
    }
    return false;
  }

  returned(lo: number, hi: number): void {
    this.stopped = (lo | hi) !== 0;
  }

  result(): number {
    this.giveBack();
    this.memory.free(this.dynptr);
    const quiet = (this.flags & BPF_RB_NO_WAKEUP) !== 0;
    this.ring.unclaim((this.flags & BPF_RB_FORCE_WAKEUP) !== 0 || (!quiet && this.seen > 0));
    return wideInt(this.high, this.error !== 0 ? this.error : this.seen - this.discarded);
  }

  private giveBack(): void {
    if (this.size >= 0) this.ring.release(this.size);
    this.size = -1;
  }
}

/** bpf_user_ringbuf_drain. */
export const userRingbufHelpers: FamilyMaker = (runtime, result) => ({
  bpf_user_ringbuf_drain: {
    kind: 'callback',
    start: (address, callback, context, flagsLo, flagsHi) => {
      const map = needMap(runtime, 'bpf_user_ringbuf_drain', address);
      if (map.userRing === undefined) throw unsupported(map, 'bpf_user_ringbuf_drain');
      const unknown = (flagsLo & ~(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP)) !== 0 || flagsHi !== 0;
      if (unknown) return wideInt(result, -Errno.EINVAL);
      if (!map.userRing.claim()) return wideInt(result, -Errno.EBUSY);
      return new DrainDriver(runtime.memory, result, map.userRing, { callback, context, flags: flagsLo });
    },
  },
});
