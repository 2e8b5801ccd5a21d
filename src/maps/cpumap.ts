/**
 * BPF_MAP_TYPE_CPUMAP: CPUs by number, to which XDP programs redirect packets; each with a queue and, if one was given, an XDP program
 * that runs there on what arrives (kernel/bpf/cpumap.c).
 */
import { Errno } from '../base/errno.ts';
import { BpfAttachType } from '../spec/index.ts';
import { userWord } from './copy.ts';
import { BPF_NOEXIST, unknownPlainUpdateFlags } from './flags.ts';
import type { RedirectTarget, RedirectTargets } from './map.ts';
import type { MapContext } from './map-context.ts';
import { SlotArrayMap, type SlotEntry } from './slot-array.ts';
import { XdpPrograms } from './xdp-programs.ts';

/** sizeof(struct bpf_cpumap_val): the queue's size, then the program's descriptor or, when it is read, id. */
const VALUE_BYTES = 8;
/** The longest queue. */
const MAX_QUEUE = 16384;

/** A CPU in the map. */
interface CpuEntry extends SlotEntry {
  readonly target: RedirectTarget;
  readonly image: Uint8Array;
}

export class CpuMap extends SlotArrayMap<CpuEntry> implements RedirectTargets {
  readonly targets: RedirectTargets = this;
  readonly knownFlags = 0;
  private readonly programs: XdpPrograms;
  /** What programs look up: a struct bpf_cpumap_val for each slot. */
  private readonly values: number;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    this.programs = new XdpPrograms(this.env, BpfAttachType.BPF_XDP_CPUMAP);
    const size = this.attr.maxEntries * VALUE_BYTES;
    this.values = this.owner.allocate({ size, kind: 'map-value', writable: false });
  }

  targetAt(index: number): RedirectTarget | undefined {
    return this.at(index)?.target;
  }

  allTargets(): RedirectTarget[] {
    return this.occupied().map(([, entry]) => entry.target);
  }

  protected addressOf(_entry: CpuEntry, index: number): number {
    return this.values + index * VALUE_BYTES;
  }

  protected readEntry(entry: CpuEntry, value: Uint8Array): number {
    value.set(entry.image.subarray(0, this.attr.valueSize));
    return 0;
  }

  /** A queue of no size empties the slot. */
  protected updateSlot(index: number, value: Uint8Array, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (index >= this.attr.maxEntries) return -Errno.E2BIG;
    if (flags === BPF_NOEXIST) return -Errno.EEXIST;
    const queue = userWord(value, 0);
    if (queue > MAX_QUEUE) return -Errno.EOVERFLOW;
    if (index >= this.env.cpuCount) return -Errno.ENODEV;
    if (queue === 0) {
      this.clear(index);
      return 0;
    }
    const program = this.programs.find(this.attr.valueSize > 4 ? userWord(value, 4) | 0 : 0);
    // The kernel does not tell a wrong program from a lack of memory.
    if (typeof program === 'number') return -Errno.ENOMEM;
    const image = new Uint8Array(VALUE_BYTES);
    const words = new DataView(image.buffer);
    words.setUint32(0, queue, true);
    words.setUint32(4, program?.id ?? 0, true);
    program?.hold();
    const dispose = (): void => program?.release();
    this.set(index, { target: { kind: 'cpu', cpu: index, program }, image, dispose });
    this.owner.memory.writeBytes(this.values + index * VALUE_BYTES, image);
    return 0;
  }

  /** An empty slot may be emptied. */
  protected deleteSlot(index: number): number {
    if (index >= this.attr.maxEntries) return -Errno.EINVAL;
    this.clear(index);
    return 0;
  }
}
