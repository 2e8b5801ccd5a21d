/**
 * BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: values without keys, in a ring with one place more than there are entries, so that full and
 * empty differ. They share all but the end at which values leave (kernel/bpf/queue_stack_maps.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfMapType } from '../../spec/index.ts';
import { BPF_ANY, BPF_EXIST } from '../flags.ts';
import type { BpfMap } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { copyBytes, copyIn, copyOut } from '../values/copy.ts';

/** Values without keys: the queue gives the oldest first, the stack the newest. */
export class QueueStackMap extends MapBase implements BpfMap {
  readonly userValueSize: number;
  private readonly lastInFirstOut: boolean;
  private readonly values: number;
  private readonly places: number;
  /** The place of the next value, and that of the oldest one. */
  private head = 0;
  private tail = 0;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { attr, owner } = context;
    this.userValueSize = attr.valueSize;
    this.lastInFirstOut = attr.type === BpfMapType.BPF_MAP_TYPE_STACK;
    this.places = attr.maxEntries + 1;
    this.values = owner.allocateHidden(this.places * attr.valueSize);
  }

  /** BPF_EXIST makes room in a full map: the oldest value goes. */
  push(value: number, flags: number): number {
    const place = this.claim(flags);
    if (place < 0) return place;
    copyBytes(this.owner.memory, this.addressOf(place), value, this.attr.valueSize);
    return 0;
  }

  pop(value: number): number {
    return this.read(value, true);
  }

  peek(value: number): number {
    return this.read(value, false);
  }

  lookup(): number {
    return 0;
  }

  update(): number {
    return -Errno.EINVAL;
  }

  delete(): number {
    return -Errno.EINVAL;
  }

  /** BPF_MAP_LOOKUP_ELEM is a peek. */
  readUser(_key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.readToUser(value, flags, false);
  }

  /** BPF_MAP_UPDATE_ELEM is a push. */
  updateUser(_key: Uint8Array, value: Uint8Array, flags: number): number {
    if (value.length < this.userValueSize) return -Errno.EFAULT;
    const place = this.claim(flags);
    if (place < 0) return place;
    copyIn(this.owner.memory, this.addressOf(place), value, 0, this.attr.valueSize);
    return 0;
  }

  deleteUser(): number {
    return -Errno.EINVAL;
  }

  /** BPF_MAP_LOOKUP_AND_DELETE_ELEM is a pop. */
  lookupAndDeleteUser(_key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.readToUser(value, flags, true);
  }

  nextKey(): number {
    return -Errno.EINVAL;
  }

  free(): void {
    this.owner.freeAll();
  }

  /** The place for a new value, or a negative errno. */
  private claim(flags: number): number {
    if (flags !== BPF_ANY && flags !== BPF_EXIST) return -Errno.EINVAL;
    const place = this.head;
    const next = this.after(place);
    if (next === this.tail) {
      if (flags !== BPF_EXIST) return -Errno.E2BIG;
      this.tail = this.after(this.tail);
    }
    this.head = next;
    return place;
  }

  /** The place of the value that leaves next, or -ENOENT. */
  private leaving(remove: boolean): number {
    if (this.head === this.tail) return -Errno.ENOENT;
    if (!this.lastInFirstOut) {
      const oldest = this.tail;
      if (remove) this.tail = this.after(oldest);
      return oldest;
    }
    const newest = this.head === 0 ? this.places - 1 : this.head - 1;
    if (remove) this.head = newest;
    return newest;
  }

  private read(to: number, remove: boolean): number {
    const place = this.leaving(remove);
    if (place < 0) {
      this.owner.memory.u8.fill(0, to, to + this.attr.valueSize);
      return place;
    }
    copyBytes(this.owner.memory, to, this.addressOf(place), this.attr.valueSize);
    return 0;
  }

  private readToUser(to: Uint8Array, flags: number, remove: boolean): number {
    if (to.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    const place = this.leaving(remove);
    if (place < 0) return place;
    copyOut(this.owner.memory, to, 0, this.addressOf(place), this.attr.valueSize);
    return 0;
  }

  private addressOf(place: number): number {
    return this.values + place * this.attr.valueSize;
  }

  private after(place: number): number {
    return place + 1 === this.places ? 0 : place + 1;
  }
}
