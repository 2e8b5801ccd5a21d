/**
 * Running one program on many packets: what `testRun` does on the data of each, without its objects and copies. One buffer in linear memory takes
 * packet after packet; only the return values are kept. Where the program allows it, packets are run in batches (packet-batch.ts).
 */
import { UsageError } from '../../base/errors.ts';
import { LOOPBACK_IFINDEX, PAGE_BYTES } from '../../spec/uapi.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Socket } from '../sockets/socket.ts';
import { writeAddresses } from '../sockets/socket-image.ts';
import { testRunSocket } from '../sockets/test-run-socket.ts';
import { type Frames, framesOf, type PackedPackets } from './frames.ts';
import { leavesPacketAlone, PacketBatch } from './packet-batch.ts';
import { PacketBuffer, SkBuff } from './packet-buffer.ts';
import { checkFrame, NOWHERE, packetView } from './test-run.ts';

/** How `program.runMany` runs. */
export interface RunManyOptions {
  /** The CPU that all packets come in on; the current one by default. */
  readonly cpu?: number;
  /** Takes the return values; a new array by default. At least as long as the list of packets. */
  readonly results?: Int32Array;
}

/** Where packets of test runs come from. */
const ARRIVAL = { ifindex: LOOPBACK_IFINDEX, queue: 0 };

/**
 * Runs a program of a packet type on each frame in turn. Maps keep what the runs did to them, packets do not.
 * @returns r0 of each run, as the C int that it is
 * @throws VmFault, SyscallError (EINVAL: a frame that the kernel would refuse), UsageError; earlier packets have then been run.
 */
export function runMany(
  machine: Machine,
  program: LoadedProgram,
  packets: readonly Uint8Array[] | PackedPackets,
  options: RunManyOptions = {},
): Int32Array {
  const frames = framesOf(packets);
  const count = frames.lengths.length;
  const { cpu = machine.current.cpu, results = new Int32Array(count) } = options;
  const view = packetView(program.type);
  if (view === undefined) {
    throw new UsageError('no-packet-program', 'only programs that run on packets take many of them', {
      program: program.name,
    });
  }
  if (results.length < count)
    throw new UsageError('short-results', `${results.length} results have no room for ${count}`);
  const packet = new PacketBuffer(machine.memory, view === 'xdp' ? 'xdp' : 'skb', PAGE_BYTES, NOWHERE);
  let socket: Socket | undefined;
  try {
    machine.during({ cpu, packet }, () => {
      const done =
        view === 'xdp' && leavesPacketAlone(program.prepared)
          ? runBatches(machine, program, packet, frames, results)
          : 0;
      const ready = (index: number): void => {
        const frame = frames.frame(done + index);
        checkFrame(program, view, frame);
        if (view === 'xdp') {
          packet.fillXdp(frame, ARRIVAL);
          return;
        }
        const next = testRunSocket(machine.objects.sockets, frame);
        socket?.discard();
        socket = next;
        packet.socket = socket;
        packet.fillSkb(frame, ARRIVAL, view === 'link');
        writeAddresses(machine.memory, packet.context + SkBuff.family, socket);
      };
      machine.runner.runEach(program, packet.context, count - done, ready, results.subarray(done));
    });
  } finally {
    packet.free();
    socket?.discard();
  }
  return results;
}

/** Runs what can be run in batches, from the first frame on; gives how many frames that were. */
function runBatches(
  machine: Machine,
  program: LoadedProgram,
  packet: PacketBuffer,
  frames: Frames,
  results: Int32Array,
): number {
  const batch = new PacketBatch(machine, packet);
  try {
    let done = 0;
    while (done < frames.lengths.length) {
      const runs = batch.run(program, frames, done, ARRIVAL, results);
      if (runs === 0) break;
      done += runs;
    }
    return done;
  } finally {
    batch.free();
  }
}
