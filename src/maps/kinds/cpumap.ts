/**
 * BPF_MAP_TYPE_CPUMAP: CPUs by number, to which XDP programs redirect packets; each with a queue and, if one was given, an XDP program
 * that runs there on what arrives (kernel/bpf/cpumap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType } from '../../spec/index.ts';
import type { MapContext } from '../map-context.ts';
import { TARGET_VALUE_BYTES, TargetArrayMap, type TargetEntry } from '../slots/target-array.ts';
import { XdpPrograms } from '../slots/xdp-programs.ts';
import { userWord } from '../values/copy.ts';

/** The longest queue. */
const MAX_QUEUE = 16384;

/** CPUs by number. */
export class CpuMap extends TargetArrayMap {
  readonly knownFlags = 0;
  private readonly programs: XdpPrograms;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.programs = new XdpPrograms(this.env, BpfAttachType.BPF_XDP_CPUMAP);
  }

  /** A queue of no size empties the slot. */
  protected makeEntry(index: number, value: Uint8Array): TargetEntry | undefined | number {
    const queue = userWord(value, 0);
    if (queue > MAX_QUEUE) return -Errno.EOVERFLOW;
    if (index >= this.env.cpuCount) return -Errno.ENODEV;
    if (queue === 0) return undefined;
    const program = this.programs.find(value.length > 4 ? userWord(value, 4) | 0 : 0);
    // The kernel does not tell a wrong program from a lack of memory.
    if (typeof program === 'number') return -Errno.ENOMEM;
    program?.hold();
    const image = new Uint8Array(TARGET_VALUE_BYTES);
    const words = new DataView(image.buffer);
    words.setUint32(0, queue, true);
    words.setUint32(4, program?.id ?? 0, true);
    return {
      target: { kind: 'cpu', cpu: index, program },
      image,
      dispose: () => program?.release(),
    };
  }
}
