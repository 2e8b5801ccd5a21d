/**
 * Running one program on many packets: what `testRun` does on the data of each, without its objects and copies. One buffer in linear memory takes
 * packet after packet; only the return values are kept.
 */
import { UsageError } from '../base/errors.ts';
import type { LoadedProgram } from './loaded-program.ts';
import type { Machine } from './machine.ts';
import { PAGE_BYTES, PacketBuffer } from './packet-buffer.ts';
import { checkFrame, LOOPBACK, NOWHERE, packetView } from './test-run.ts';

export interface RunManyOptions {
  /** The CPU that all packets come in on; the current one by default. */
  readonly cpu?: number;
  /** Takes the return values; a new array by default. At least as long as the list of packets. */
  readonly results?: Int32Array;
}

/** Where packets of test runs come from. */
const ARRIVAL = { ifindex: LOOPBACK, queue: 0 };

/**
 * Runs a program of a packet type on each frame in turn. Maps keep what the runs did to them, packets do not.
 * @returns r0 of each run, as the C int that it is
 * @throws VmFault, SyscallError (EINVAL: a frame that the kernel would refuse), UsageError; earlier packets have then been run.
 */
export function runMany(
  machine: Machine,
  program: LoadedProgram,
  packets: readonly Uint8Array[],
  options: RunManyOptions = {},
): Int32Array {
  const { cpu = machine.current.cpu, results = new Int32Array(packets.length) } = options;
  const view = packetView(program.type);
  if (view === undefined) {
    throw new UsageError('no-packet-program', 'only programs that run on packets take many of them', {
      program: program.name,
    });
  }
  if (results.length < packets.length)
    throw new UsageError('short-results', `${results.length} results have no room for ${packets.length}`);
  const packet = new PacketBuffer(machine.memory, view === 'xdp' ? 'xdp' : 'skb', PAGE_BYTES, NOWHERE);
  try {
    machine.during({ cpu, packet }, () => {
      const ready = (index: number): void => {
        const frame = packets[index]!;
        checkFrame(program, view, frame);
        if (view === 'xdp') packet.fillXdp(frame, ARRIVAL);
        else packet.fillSkb(frame, ARRIVAL, view === 'link');
      };
      machine.runEach(program, packet.context, packets.length, ready, results);
    });
  } finally {
    packet.free();
  }
  return results;
}
