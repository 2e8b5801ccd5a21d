/**
 * What maps hold of the rest of the kernel, seen through small interfaces: programs in prog arrays, perf events in perf
 * event arrays, maps in maps of maps. kernel/ implements them; maps only keep, count and hand them out.
 */
import type { PreparedProgram } from '../vm/index.ts';

/** An object that is counted: it lives while someone holds it. */
export interface Held {
  /** Takes a reference. */
  hold(): void;
  /** Gives one back. */
  release(): void;
}

/** A loaded program as a prog array sees it (struct bpf_prog). */
export interface ProgRef extends Held {
  /** The program's id: what user space reads from a slot. */
  readonly id: number;
  /** BPF_PROG_TYPE_* number; for a BPF_PROG_TYPE_EXT program that runs as another's part, still EXT. */
  readonly type: number;
  /** BPF_* attach type number. */
  readonly expectedAttachType: number;
  /** BPF_F_XDP_HAS_FRAGS was given at load. */
  readonly xdpHasFrags: boolean;
  /** Tracing kinds: identity of the prototype of the function it is attached to. */
  readonly attachFuncProto?: object;
  /** What a tail call runs. */
  readonly prepared: PreparedProgram;
}

/** A perf event as a perf event array sees it: where samples of programs go to. */
export interface PerfEventRef extends Held {
  /** CPU on which the event is open: it takes samples of programs that run there. */
  readonly cpu: number;
  /** Its type is PERF_TYPE_SOFTWARE and its config PERF_COUNT_SW_BPF_OUTPUT. */
  readonly isBpfOutput: boolean;
  /**
   * Takes one sample: `size` bytes at address `data`, then `extraSize` bytes at `extra` (packet bytes of the networking
   * helpers). 0 or a negative errno (ENOSPC when its buffer is full).
   */
  output(data: number, size: number, extra: number, extraSize: number): number;
}
