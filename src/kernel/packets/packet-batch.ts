/**
 * Packets in batches: copied into linear memory as many as fit, then run on one after another without JavaScript in between. For XDP programs that
 * were verified and leave the packet where it is: the context of the next packet is then known before the program runs.
 */
import type { PreparedProgram } from '../../vm/index.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Frames } from './frames.ts';
import { type Arrival, type PacketBuffer, XdpMd } from './packet-buffer.ts';
import { frameLimits } from './test-run.ts';

/** Bytes and packets of a batch: what fits the processor's first cache. */
const INPUT_BYTES = 16384;
const MAX_COUNT = 256;

/** Offsets in the batch's memory. */
const At = { TEMPLATE: 0, LENGTHS: 32, RESULTS: 32 + 4 * MAX_COUNT, INPUTS: 32 + 8 * MAX_COUNT } as const;
const BATCH_BYTES = At.INPUTS + INPUT_BYTES;

/** Helpers after which the packet may begin or end elsewhere, or another program may run: tail_call, xdp_adjust_head, _meta, _tail. */
const MOVING_HELPERS: ReadonlySet<number> = new Set([12, 44, 54, 65]);

/** Whether a program can be run on batches: verified, and nothing that it calls moves the packet. */
export function leavesPacketAlone({ insns, verified }: PreparedProgram): boolean {
  const moves = insns.some(
    (insn) => insn?.kind === 'call-kfunc' || (insn?.kind === 'call-helper' && MOVING_HELPERS.has(insn.id)),
  );
  return verified === true && !moves;
}

/** The memory that batches of packets lie in. */
export class PacketBatch {
  private readonly machine: Machine;
  private readonly packet: PacketBuffer;
  private readonly start: number;

  /** @param packet Where each packet lies while the program runs on it. */
  constructor(machine: Machine, packet: PacketBuffer) {
    const { memory } = machine;
    this.machine = machine;
    this.packet = packet;
    this.start = memory.allocate({ size: BATCH_BYTES, kind: 'kernel', name: 'packets' });
    memory.setAccess(this.start, BATCH_BYTES, 'none');
  }

  /**
   * Runs a program on frames from `first` on: on as many as fit a batch, up to one that the kernel would refuse. Gives the number of runs, 0 when
   * the first frame is refused or the engine does not run batches. `results` has a place for every frame.
   */
  run(program: LoadedProgram, frames: Frames, first: number, arrival: Arrival, results: Int32Array): number {
    const { packet, machine, start } = this;
    const { memory } = machine;
    const { count, longest } = this.take(frames, first);
    if (count === 0) return 0;
    // The longest one opens what any of them may touch.
    packet.fillXdp(frames.frame(longest), arrival);
    memory.u8.copyWithin(start + At.TEMPLATE, packet.context, packet.context + XdpMd.bytes);
    const at = (start + At.RESULTS) >>> 2;
    memory.i32.set(results.subarray(first, first + count), at);
    try {
      return machine.runner.runBatch(program, {
        inputs: start + At.INPUTS,
        lengths: start + At.LENGTHS,
        results: start + At.RESULTS,
        count,
        target: memory.u32[(packet.context + XdpMd.data) >>> 2]!,
        context: packet.context,
        template: start + At.TEMPLATE,
        templateBytes: XdpMd.bytes,
        endAt: XdpMd.dataEnd,
      });
    } finally {
      results.set(memory.i32.subarray(at, at + count), first);
    }
  }

  /** Copies frames to the batch. Gives their number and the index of the longest. */
  private take(frames: Frames, first: number): { count: number; longest: number } {
    const { memory } = this.machine;
    const { i32 } = memory;
    const { lengths } = frames;
    const { shortest, longest: limit } = frameLimits('xdp');
    const at = (this.start + At.LENGTHS) >>> 2;
    const most = Math.min(lengths.length - first, MAX_COUNT);
    let bytes = 0;
    let count = 0;
    let longest = first;
    for (; count < most; count++) {
      const length = lengths[first + count]!;
      bytes += length;
      if (length < shortest || length > limit || bytes > INPUT_BYTES) break;
      if (length > lengths[longest]!) longest = first + count;
      i32[at + count] = length;
    }
    frames.copy(first, first + count, memory.u8, this.start + At.INPUTS);
    return { count, longest };
  }

  free(): void {
    this.machine.memory.free(this.start);
  }
}
