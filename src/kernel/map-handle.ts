/**
 * A map as a user of the library holds it: keys and values by BTF type or as bytes, per-CPU values as arrays. Before load it
 * describes the map and takes its size; afterwards it works on the live one.
 */
import { Errno, errnoName, SyscallError } from '../base/errno.ts';
import { UsageError } from '../base/errors.ts';
import { type Btf, type BtfValue, decodeValue, encodeValue } from '../btf/index.ts';
import { type MapSpec, ringBufferSize } from '../loader/index.ts';
import { BPF_ANY, type BpfMap } from '../maps/index.ts';
import { BpfMapType, mapTypeName } from '../spec/index.ts';
import type { Machine } from './machine/machine.ts';
import type { Task } from './machine/tasks.ts';
import { NumberMap } from './number-map.ts';
import type { Cgroup } from './objects/cgroups.ts';
import { updateByFd } from './objects/fds.ts';
import { mapFile, programFile } from './objects/files.ts';
import type { Inode } from './objects/inodes.ts';
import { KernelObject } from './objects/kernel-object.ts';
import type { LiveMap } from './objects/live-map.ts';
import { PerfReader } from './perf-reader.ts';
import { Program } from './program.ts';
import type { RecordOptions } from './record-queue.ts';
import { RingReader } from './ring-reader.ts';
import type { Socket } from './sockets/socket.ts';

/** A key: a value by BTF type, or bytes. */
export type MapKey = BtfValue;
/** What a map takes and gives: a value by BTF type, bytes, an array of them for each CPU, a program for prog arrays. */
export type MapValue = BtfValue;
/** What values of local storage hang on: their keys. */
export type OwnerKey = Task | Socket | Cgroup | Inode;

const PER_CPU_TYPES = new Set<number>([
  BpfMapType.BPF_MAP_TYPE_PERCPU_ARRAY,
  BpfMapType.BPF_MAP_TYPE_PERCPU_HASH,
  BpfMapType.BPF_MAP_TYPE_LRU_PERCPU_HASH,
  BpfMapType.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
]);

interface Live {
  readonly live: LiveMap;
  readonly map: BpfMap;
  readonly machine: Machine;
}

/** A map: its definition before load, and then its content, read and written by BTF type. */
export class MapHandle {
  readonly spec: MapSpec;
  private readonly btf: Btf | undefined;
  private live: Live | undefined;
  /** For maps of numbers by numbers. */
  private numbers: NumberMap | undefined;
  private size: number;

  constructor(spec: MapSpec, btf: Btf | undefined) {
    this.spec = spec;
    this.btf = btf;
    this.size = spec.maxEntries;
  }

  get name(): string {
    return this.spec.name;
  }

  /**
   * Entries that the map can hold; may be set before load, as bpf_map__set_max_entries does: ring buffers get the next power of two of
   * pages.
   */
  get maxEntries(): number {
    return this.live?.map.attr.maxEntries ?? this.size;
  }

  set maxEntries(entries: number) {
    if (this.live !== undefined)
      throw new UsageError('already-loaded', `map '${this.name}' exists: set its size before load`);
    this.size = ringBufferSize(this.spec.type, entries);
  }

  /** True for the kinds that keep a value for each CPU. */
  get isPerCpu(): boolean {
    return PER_CPU_TYPES.has(this.spec.type);
  }

  /** The map in the kernel. @throws UsageError before load. */
  get loaded(): LiveMap {
    return this.need().live;
  }

  /** The live map; for those who work with bytes and addresses. */
  get map(): BpfMap {
    return this.need().map;
  }

  /** What the kernel calls it by: ids of the map and of its types (0 for none), and whether user space may write it no more. */
  get identity(): { readonly id: number; readonly btfId: number; readonly frozen: boolean } {
    const { id, btf, frozen } = this.need().live;
    return { id, btfId: btf?.id ?? 0, frozen };
  }

  /** The value of a key, or undefined. Per-CPU kinds give an array, one value a CPU. */
  lookup(key: MapKey | OwnerKey): MapValue | undefined {
    if (this.numbers?.accepts(key) === true) return this.numbers.lookup(key);
    if (key instanceof KernelObject) return this.withFile(key, (bytes) => this.lookup(bytes));
    const value = this.lookupBytes(this.encodeKey(key));
    return value === undefined ? undefined : this.decodeUserValue(value);
  }

  /**
   * Sets the value of a key. Per-CPU kinds take an array with one value a CPU; prog arrays take a program, maps of maps a map.
   * @param flags BPF_ANY (default), BPF_NOEXIST, BPF_EXIST, BPF_F_LOCK.
   * @throws SyscallError as the kernel's errno says.
   */
  update(
    key: MapKey | OwnerKey,
    value: MapValue | Program | MapHandle | Socket | Cgroup,
    flags = BPF_ANY,
  ): void {
    if (key instanceof KernelObject) {
      this.withFile(key, (bytes) => {
        this.update(bytes, value, flags);
      });
      return;
    }
    if (this.numbers?.accepts(key) === true) {
      const error = this.numbers.update(key, value, flags);
      if (error === 0) return;
      if (error !== undefined) throw this.failure(error, 'cannot update', this.encodeKey(key));
    }
    const bytes = this.encodeKey(key);
    const { map, machine } = this.need();
    let error: number;
    if (value instanceof Program)
      error = updateByFd(machine.fds, programFile(value.loaded), map, bytes, flags);
    else if (value instanceof MapHandle)
      error = updateByFd(machine.fds, mapFile(value.need().live), map, bytes, flags);
    else if (value instanceof KernelObject) error = updateByFd(machine.fds, value.file(), map, bytes, flags);
    else error = map.updateUser(bytes, this.encodeUserValue(value), flags);
    if (error < 0) throw this.failure(error, 'cannot update', bytes);
  }

  /** Removes a key. @returns false when it was not there. */
  delete(key: MapKey | OwnerKey): boolean {
    if (key instanceof KernelObject) return this.withFile(key, (bytes) => this.delete(bytes));
    const { numbers } = this;
    const error =
      numbers?.accepts(key) === true ? numbers.delete(key) : this.need().map.deleteUser(this.encodeKey(key));
    if (error === -Errno.ENOENT) return false;
    if (error < 0) throw this.failure(error, 'cannot delete', this.encodeKey(key));
    return true;
  }

  /** The keys in the kernel's order. Keys deleted or added meanwhile may be missed or seen. */
  *keys(): IterableIterator<MapKey> {
    for (const key of this.keyBytes()) yield this.decodeKey(key);
  }

  /** Keys and values. */
  *entries(): IterableIterator<[key: MapKey, value: MapValue]> {
    for (const key of this.keyBytes()) {
      const value = this.lookupBytes(key);
      if (value !== undefined) yield [this.decodeKey(key), this.decodeUserValue(value)];
    }
  }

  /** The value's bytes as bpf(2) gives them, or undefined. */
  lookupBytes(key: Uint8Array): Uint8Array | undefined {
    const { map } = this.need();
    const value = new Uint8Array(map.userValueSize);
    const error = map.readUser(key, value, 0);
    if (error === -Errno.ENOENT) return undefined;
    if (error < 0) throw this.failure(error, 'cannot look up', key);
    return value;
  }

  /** Reads the records of a ring buffer; see RingReader. */
  ringBuffer(options: RecordOptions = {}): RingReader {
    const { map, machine } = this.need();
    return new RingReader(map, machine.memory, this.btf, options);
  }

  /** Opens a perf buffer on every CPU's slot of a perf event array and reads its samples; see PerfReader. */
  perfBuffer(options: RecordOptions = {}): PerfReader {
    const { map, machine } = this.need();
    return new PerfReader(map, machine, this.btf, options);
  }

  /** Called by load and unload. */
  setLive(live: Live | undefined): void {
    this.live = live;
    const { btfKeyTypeId, btfValueTypeId } = this.spec;
    this.numbers =
      live === undefined || this.btf === undefined
        ? undefined
        : NumberMap.of(live.map, live.machine.memory, this.btf, btfKeyTypeId, btfValueTypeId);
  }

  private *keyBytes(): IterableIterator<Uint8Array> {
    const { map } = this.need();
    let previous: Uint8Array | undefined;
    for (;;) {
      const next = new Uint8Array(map.attr.keySize);
      const error = map.nextKey(previous, next);
      if (error === -Errno.ENOENT) return;
      if (error < 0) throw this.failure(error, 'cannot list the keys');
      yield next;
      previous = next;
    }
  }

  /** Does something with a descriptor of an object as key. */
  private withFile<T>(object: KernelObject, action: (key: Uint8Array) => T): T {
    const { machine } = this.need();
    const fd = machine.fds.open(object.file());
    if (fd < 0) throw this.failure(fd, 'cannot open the key');
    try {
      return action(integerBytes(BigInt(fd), 4));
    } finally {
      machine.fds.close(fd);
    }
  }

  private encodeKey(key: MapKey | OwnerKey): Uint8Array {
    return this.encode(key as BtfValue, this.spec.btfKeyTypeId, this.need().map.attr.keySize, 'key');
  }

  private decodeKey(bytes: Uint8Array): MapKey {
    return this.decode(bytes, this.spec.btfKeyTypeId);
  }

  private encodeUserValue(value: MapValue): Uint8Array {
    const { map, machine } = this.need();
    if (value instanceof Uint8Array && value.length === map.userValueSize) return value;
    const size = map.attr.valueSize;
    if (!this.isPerCpu) return this.encode(value, this.spec.btfValueTypeId, size, 'value');
    if (!Array.isArray(value) || value.length !== machine.cpuCount) {
      throw new UsageError(
        'bad-value',
        `map '${this.name}' keeps a value for each CPU: give an array of ${machine.cpuCount}`,
      );
    }
    const bytes = new Uint8Array(map.userValueSize);
    const stride = map.userValueSize / machine.cpuCount;
    (value as readonly BtfValue[]).forEach((item, cpu) => {
      bytes.set(this.encode(item, this.spec.btfValueTypeId, size, 'value'), cpu * stride);
    });
    return bytes;
  }

  private decodeUserValue(bytes: Uint8Array): MapValue {
    const { map, machine } = this.need();
    const size = map.attr.valueSize;
    if (!this.isPerCpu) return this.decode(bytes.subarray(0, size), this.spec.btfValueTypeId);
    const stride = map.userValueSize / machine.cpuCount;
    return Array.from({ length: machine.cpuCount }, (_, cpu) =>
      this.decode(bytes.subarray(cpu * stride, cpu * stride + size), this.spec.btfValueTypeId),
    );
  }

  private encode(value: BtfValue, typeId: number, size: number, what: 'key' | 'value'): Uint8Array {
    if (value instanceof Uint8Array) {
      if (value.length === size) return value;
      throw new UsageError(
        'bad-size',
        `a ${what} of map '${this.name}' has ${size} bytes, not ${value.length}`,
      );
    }
    if (typeId !== 0 && this.btf !== undefined) return encodeValue(this.btf, typeId, value);
    if ((typeof value === 'number' || typeof value === 'bigint') && [1, 2, 4, 8].includes(size)) {
      return integerBytes(BigInt(value), size);
    }
    throw new UsageError(
      'untyped',
      `map '${this.name}' has no BTF for its ${what}: give ${size} bytes as a Uint8Array`,
    );
  }

  private decode(bytes: Uint8Array, typeId: number): BtfValue {
    return typeId !== 0 && this.btf !== undefined ? decodeValue(this.btf, typeId, bytes) : bytes.slice();
  }

  private describeKey(key: Uint8Array): string {
    const value = this.decodeKey(key);
    const text =
      value instanceof Uint8Array
        ? `0x${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
        : JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
    return `key ${text}`;
  }

  /** What an operation throws; made when it failed, because describing keys takes longer than most operations. */
  private failure(error: number, what: string, key?: Uint8Array): SyscallError {
    const subject = key === undefined ? what : `${what} ${this.describeKey(key)}`;
    const message = `${subject} of ${mapTypeName(this.spec.type)}: ${errnoName(error)}`;
    return new SyscallError(-error, message, { map: this.name });
  }

  private need(): Live {
    if (this.live !== undefined) return this.live;
    throw new UsageError('not-loaded', `map '${this.name}' does not exist yet: kernel.load(object) makes it`);
  }
}

/** A number as little-endian bytes; what does not fit is cut, as an assignment in C does. */
function integerBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes.subarray(0, size);
}
