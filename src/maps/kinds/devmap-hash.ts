/**
 * BPF_MAP_TYPE_DEVMAP_HASH: network devices by any 32-bit key, as BPF_MAP_TYPE_DEVMAP has them by index. The key itself is the hash
 * (kernel/bpf/devmap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_NOEXIST, unknownPlainUpdateFlags } from '../flags.ts';
import type { BpfMap, RedirectTarget, RedirectTargets } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { DeviceSlots, readonlyToPrograms } from '../slots/device-slots.ts';
import { KeyedSlots } from '../slots/keyed-slots.ts';
import type { TargetEntry } from '../slots/target-array.ts';
import { loadWord, userWord } from '../values/copy.ts';

const KEY_BYTES = 4;

/** Devices by any number, to redirect XDP packets to. */
export class DevHashMap extends MapBase implements BpfMap, RedirectTargets {
  readonly userValueSize: number;
  readonly targets: RedirectTargets = this;
  readonly knownFlags = DeviceSlots.knownFlags;
  private readonly devices: DeviceSlots;
  private readonly slots: KeyedSlots<TargetEntry>;
  private readonly wanted: number;

  /** @throws SyscallError ENOMEM */
  constructor(given: MapContext) {
    const context = readonlyToPrograms(given);
    super(context);
    const { owner, attr, env } = context;
    this.userValueSize = attr.valueSize;
    this.devices = new DeviceSlots(env);
    this.slots = new KeyedSlots(context, { hash: (key) => loadWord(owner.memory, key) });
    this.wanted = owner.allocateHidden(8);
  }

  lookup(key: number): number {
    return this.slots.find(key);
  }

  update(): number {
    return -Errno.EOPNOTSUPP;
  }

  delete(key: number): number {
    return this.remove(this.slots.find(key));
  }

  targetAt(index: number): RedirectTarget | undefined {
    this.owner.memory.u32[this.wanted >>> 2] = index;
    return this.slots.entryOf(this.slots.find(this.wanted))?.target;
  }

  allTargets(): RedirectTarget[] {
    return this.slots.inOrder().map((entry) => entry.target);
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < KEY_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    const entry = this.slots.entryOf(this.slots.findUser(key));
    if (entry === undefined) return -Errno.ENOENT;
    value.set(entry.image.subarray(0, this.userValueSize));
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < KEY_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    if (userWord(value, 0) === 0) return -Errno.EINVAL;
    const old = this.slots.findUser(key);
    if (old !== 0 && (flags & BPF_NOEXIST) !== 0) return -Errno.EEXIST;
    const entry = this.devices.make(value.subarray(0, this.userValueSize), () => {
      if (typeof entry === 'object') this.slots.removeEntry(entry);
    });
    if (typeof entry !== 'object') return entry ?? -Errno.EINVAL;
    const error = this.install(entry, old);
    if (error !== 0) entry.dispose();
    return error;
  }

  deleteUser(key: Uint8Array): number {
    return key.length < KEY_BYTES ? -Errno.EFAULT : this.remove(this.slots.findUser(key));
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    return this.slots.nextKey(key, next);
  }

  free(): void {
    this.slots.clear();
    this.owner.freeAll();
  }

  /** The user's key is where `findUser` left it. */
  private install(entry: TargetEntry, old: number): number {
    if (old === 0 && this.slots.count >= this.attr.maxEntries) return -Errno.E2BIG;
    return this.slots.put(this.slots.table.userKey, entry, entry.image);
  }

  private remove(element: number): number {
    if (element === 0) return -Errno.ENOENT;
    this.slots.remove(element);
    return 0;
  }
}
