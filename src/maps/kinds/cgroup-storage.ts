/**
 * BPF_MAP_TYPE_CGROUP_STORAGE and BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE: a value for each cgroup at which a program that uses the map is
 * attached. It appears with the attachment and goes with the cgroup or the map; user space reads and changes it (kernel/bpf/local_storage.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfMapType } from '../../spec/index.ts';
import { BPF_EXIST, BPF_F_LOCK } from '../flags.ts';
import type { BpfMap, CgroupValues } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import type { CgroupRef } from '../ports.ts';
import { loadWord, userWord } from '../values/copy.ts';
import { type OwnedValue, ValuePool } from '../values/value-pool.ts';

/** sizeof(struct bpf_cgroup_storage_key): a cgroup's id and an attach type; a key of 8 bytes is the id alone. */
const ISOLATED_KEY_BYTES = 16;
const TWO_32 = 2 ** 32;

interface Stored extends OwnedValue {
  readonly cgroupId: number;
  readonly attachType: number;
  value: number;
}

/** Values of cgroups, or of cgroups and attach types; one appears when a program that uses the map is attached there. */
export class CgroupStorageMap extends MapBase implements BpfMap, CgroupValues {
  readonly userValueSize: number;
  readonly cgroupValues: CgroupValues = this;
  private readonly pool: ValuePool;
  private readonly perCpu: boolean;
  private readonly isolated: boolean;
  /** The value of a test run, 0 when none is under way. */
  private temporary = 0;
  /** By key, the newest first, as user space walks them. */
  private readonly stored = new Map<string, Stored>();

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { attr } = context;
    this.perCpu = attr.type === BpfMapType.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
    this.isolated = attr.keySize === ISOLATED_KEY_BYTES;
    this.pool = new ValuePool(context, this.perCpu);
    this.userValueSize = this.pool.values.userSize;
  }

  attach(cgroup: CgroupRef, attachType: number): number {
    const name = this.nameOf(cgroup.id, attachType);
    if (this.stored.has(name)) return 0;
    const value = this.pool.take();
    if (value === 0) return -Errno.ENOMEM;
    const stop = cgroup.onEnd(() => {
      this.remove(name);
    });
    this.stored.set(name, { cgroupId: cgroup.id, attachType, value, stop });
    return 0;
  }

  valueFor(cgroup: CgroupRef, attachType: number): number {
    return this.slotOf(this.stored.get(this.nameOf(cgroup.id, attachType)));
  }

  scratch(): number {
    if (this.temporary === 0) {
      this.temporary = this.pool.take();
      if (this.temporary === 0) return 0;
      const end = (): void => {
        this.pool.give(this.temporary);
        this.temporary = 0;
      };
      this.env.afterRun?.(end);
    }
    return this.cpuSlot(this.temporary);
  }

  lookup(key: number): number {
    const { memory } = this.owner;
    const id = loadWord(memory, key) + loadWord(memory, key + 4) * TWO_32;
    return this.slotOf(this.stored.get(this.nameOf(id, this.isolated ? loadWord(memory, key + 8) : 0)));
  }

  update(): number {
    return -Errno.EOPNOTSUPP;
  }

  delete(): number {
    return -Errno.EINVAL;
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0 && !(flags === BPF_F_LOCK && this.pool.values.hasLock)) return -Errno.EINVAL;
    const found = this.findUser(key);
    if (found === undefined) return -Errno.ENOENT;
    this.pool.values.loadUser(found.value, value);
    return 0;
  }

  /** Changes a value that is there; none can be made. Without BPF_F_LOCK programs that hold the old one keep it. */
  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    if (!this.acceptsFlags(flags)) return -Errno.EINVAL;
    const found = this.findUser(key);
    if (found === undefined) return -Errno.ENOENT;
    if (this.perCpu || (flags & BPF_F_LOCK) !== 0) {
      this.pool.values.storeUser(found.value, value);
      return 0;
    }
    const fresh = this.pool.take();
    if (fresh === 0) return -Errno.ENOMEM;
    this.pool.values.storeUser(fresh, value);
    this.pool.give(found.value);
    found.value = fresh;
    return 0;
  }

  deleteUser(key: Uint8Array): number {
    return key.length < this.attr.keySize ? -Errno.EFAULT : -Errno.EINVAL;
  }

  /** The newest first; nothing follows a key that is not there. */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    const { keySize } = this.attr;
    if (next.length < keySize || (key !== undefined && key.length < keySize)) return -Errno.EFAULT;
    const all = [...this.stored.values()].reverse();
    const before = key === undefined ? undefined : this.findUser(key);
    if (key !== undefined && before === undefined) return -Errno.ENOENT;
    const found = all[before === undefined ? 0 : all.indexOf(before) + 1];
    if (found === undefined) return -Errno.ENOENT;
    const words = new DataView(next.buffer, next.byteOffset);
    words.setUint32(0, found.cgroupId % TWO_32, true);
    words.setUint32(4, Math.floor(found.cgroupId / TWO_32), true);
    if (this.isolated) {
      words.setUint32(8, found.attachType, true);
      words.setUint32(12, 0, true);
    }
    return 0;
  }

  free(): void {
    this.pool.end(this.stored.values());
    this.stored.clear();
    this.owner.freeAll();
  }

  private acceptsFlags(flags: number): boolean {
    if (this.perCpu) return flags === 0 || flags === BPF_EXIST;
    const known = flags >= 0 && flags <= (BPF_F_LOCK | BPF_EXIST) && (flags & 1) === 0;
    return known && ((flags & BPF_F_LOCK) === 0 || this.pool.values.hasLock);
  }

  private findUser(key: Uint8Array): Stored | undefined {
    const id = userWord(key, 0) + userWord(key, 4) * TWO_32;
    return this.stored.get(this.nameOf(id, this.isolated ? userWord(key, 8) : 0));
  }

  /** Keys of 8 bytes do not tell attach types apart. */
  private nameOf(cgroupId: number, attachType: number): string {
    return this.isolated ? `${cgroupId}:${attachType}` : `${cgroupId}`;
  }

  private slotOf(stored: Stored | undefined): number {
    return stored === undefined ? 0 : this.cpuSlot(stored.value);
  }

  private cpuSlot(value: number): number {
    return value + (this.perCpu ? this.env.currentCpu() * this.pool.values.slot : 0);
  }

  private remove(name: string): void {
    const found = this.stored.get(name);
    if (found === undefined) return;
    this.stored.delete(name);
    found.stop();
    this.pool.give(found.value);
  }
}
