/** A machine for map tests: memory, CPUs to switch between, and words for keys, values and flags. */
import { Errno, errnoName, SyscallError } from '../../src/base/errno.ts';
import {
  type BpfMap,
  type CgroupRef,
  createMap,
  type DeviceRef,
  type MapAttr,
  type MapCapability,
  type MapEnv,
  type MapRef,
  type PerfEventRef,
  type ProgRef,
  type SocketRef,
  type SpecialField,
  type StorageOwner,
} from '../../src/maps/index.ts';
import { BpfMapType, type BpfMapTypeName } from '../../src/spec/index.ts';
import { Memory } from '../../src/vm/index.ts';

/** A type's name without BPF_MAP_TYPE_. */
export type Kind = BpfMapTypeName extends `BPF_MAP_TYPE_${infer K}` ? K : never;

export type Shape = Partial<Omit<MapAttr, 'type'>>;

const STACK_BYTES = 1 << 16;

/** What map kinds see of the kernel, with everything adjustable. */
export class TestMachine implements MapEnv {
  readonly memory: Memory;
  readonly cpuCount: number;
  /** The CPU that runs. */
  cpu = 0;
  /** What `random` gives. */
  seed = 0x1234567;
  readonly missing = new Set<MapCapability>();
  unprivilegedBpf = false;
  readonly programs = new Map<number, ProgRef>();
  readonly events = new Map<number, PerfEventRef>();
  readonly maps = new Map<number, MapRef>();
  readonly devices = new Map<number, DeviceRef>();
  readonly sockets = new Map<number, SocketRef>();
  readonly cgroups = new Map<number, CgroupRef>();
  readonly tasks = new Map<number, StorageOwner>();
  readonly inodes = new Map<number, StorageOwner>();
  /** What waits for the running program to end; undefined when none runs. */
  waiting: (() => void)[] | undefined;
  /** Fields that maps gave up, as `kind@address`. */
  readonly freed: { readonly field: SpecialField; readonly address: number }[] = [];
  private readonly stack: number;
  private stackTop: number;

  constructor(cpuCount = 1, maxBytes?: number) {
    this.memory = new Memory(maxBytes === undefined ? {} : { maxBytes });
    this.cpuCount = cpuCount;
    this.stack = this.memory.allocate({ size: STACK_BYTES, kind: 'stack', name: 'test' });
    this.stackTop = this.stack;
  }

  currentCpu(): number {
    return this.cpu;
  }

  random(): number {
    return this.seed;
  }

  capable(capability: MapCapability): boolean {
    return !this.missing.has(capability);
  }

  programByFd(fd: number): ProgRef | number {
    return this.programs.get(fd) ?? -Errno.EBADF;
  }

  perfEventByFd(fd: number): PerfEventRef | number {
    return this.events.get(fd) ?? -Errno.EBADF;
  }

  mapByFd(fd: number): MapRef | number {
    return this.maps.get(fd) ?? -Errno.EBADF;
  }

  deviceByIndex(ifindex: number): DeviceRef | undefined {
    return this.devices.get(ifindex);
  }

  socketByFd(fd: number): SocketRef | number {
    return this.sockets.get(fd) ?? -Errno.ENOTSOCK;
  }

  cgroupByFd(fd: number): CgroupRef | number {
    return this.cgroups.get(fd) ?? -Errno.EBADF;
  }

  taskByPidFd(fd: number): StorageOwner | number {
    return this.tasks.get(fd) ?? -Errno.EBADF;
  }

  inodeByFd(fd: number): StorageOwner | number {
    return this.inodes.get(fd) ?? -Errno.EBADF;
  }

  afterRun(action: () => void): void {
    if (this.waiting === undefined) action();
    else this.waiting.push(action);
  }

  freeField(field: SpecialField, address: number): void {
    this.freed.push({ field, address });
  }

  map(kind: Kind, shape: Shape = {}): BpfMap {
    return createMap(this, attrOf(kind, shape));
  }

  /** The errno's name with which creation fails, or `ok`. */
  creation(kind: Kind, shape: Shape = {}): string {
    try {
      this.map(kind, shape).free();
      return 'ok';
    } catch (error) {
      if (error instanceof SyscallError) return errnoName(error.errno);
      throw error;
    }
  }

  /** Bytes on the program's stack, for as long as 64 KiB of later ones have not overwritten them. */
  push(bytes: Uint8Array): number {
    const size = Math.ceil(bytes.length / 8) * 8;
    if (this.stackTop + size > this.stack + STACK_BYTES) this.stackTop = this.stack;
    const address = this.stackTop;
    this.stackTop += size;
    this.memory.writeBytes(address, bytes);
    return address;
  }
}

export function attrOf(kind: Kind, shape: Shape): MapAttr {
  const type = BpfMapType[`BPF_MAP_TYPE_${kind}`];
  return { type, name: 'test', keySize: 4, valueSize: 8, maxEntries: 4, flags: 0, ...shape };
}

/** A little-endian integer of 4 bytes. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

/** A little-endian integer of 8 bytes. */
export function u64(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes;
}

/** `count` bytes of one value. */
export function filled(count: number, byte: number): Uint8Array {
  return new Uint8Array(count).fill(byte);
}

/** 0 as `ok`, a negative errno as its name, so that expectations read. */
export function outcome(result: number): string {
  return result === 0 ? 'ok' : result < 0 ? errnoName(result) : `address ${result}`;
}

/** A map from the program's side: bytes in, bytes out, results as names. */
export class ProgramSide {
  private readonly machine: TestMachine;
  private readonly map: BpfMap;

  constructor(machine: TestMachine, map: BpfMap) {
    this.machine = machine;
    this.map = map;
  }

  lookupAddress(key: Uint8Array): number {
    return this.map.lookup(this.machine.push(key));
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    const address = this.lookupAddress(key);
    return address === 0 ? undefined : this.machine.memory.readBytes(address, this.map.attr.valueSize);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): string {
    return outcome(this.map.update(this.machine.push(key), this.machine.push(value), flags));
  }

  delete(key: Uint8Array): string {
    return outcome(this.map.delete(this.machine.push(key)));
  }

  lookupOnCpu(key: Uint8Array, cpu: number): Uint8Array | undefined {
    const address = this.map.lookupPercpu?.(this.machine.push(key), cpu) ?? 0;
    return address === 0 ? undefined : this.machine.memory.readBytes(address, this.map.attr.valueSize);
  }

  /** Keys and values in the order of bpf_for_each_map_elem; `visit` may change the map. */
  walk(visit: (key: Uint8Array, value: Uint8Array) => unknown = () => true): void {
    const walk = this.map.iterate?.();
    if (walk === undefined) throw new Error('the map cannot be walked');
    while (walk.next()) {
      const key = this.machine.memory.readBytes(walk.key, this.map.attr.keySize);
      const value = this.machine.memory.readBytes(walk.value, this.map.attr.valueSize);
      if (visit(key, value) === false) break;
    }
    walk.close();
  }
}

/** A map from user space's side, as bpf(2) has it. */
export class UserSide {
  private readonly map: BpfMap;

  constructor(map: BpfMap) {
    this.map = map;
  }

  /** The value, or the errno's name. */
  lookup(key: Uint8Array, flags = 0): Uint8Array | string {
    const value = new Uint8Array(this.map.userValueSize);
    const result = this.map.readUser(key, value, flags);
    return result === 0 ? value : outcome(result);
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): string {
    return outcome(this.map.updateUser(key, value, flags));
  }

  delete(key: Uint8Array): string {
    return outcome(this.map.deleteUser(key));
  }

  lookupAndDelete(key: Uint8Array, flags = 0): Uint8Array | string {
    if (this.map.lookupAndDeleteUser === undefined) return 'unsupported';
    const value = new Uint8Array(this.map.userValueSize);
    const result = this.map.lookupAndDeleteUser(key, value, flags);
    return result === 0 ? value : outcome(result);
  }

  /** The key behind `key`, or the errno's name. */
  next(key?: Uint8Array): Uint8Array | string {
    const next = new Uint8Array(this.map.attr.keySize);
    const result = this.map.nextKey(key, next);
    return result === 0 ? next : outcome(result);
  }

  /** All keys in order. */
  keys(): Uint8Array[] {
    const keys: Uint8Array[] = [];
    for (let key = this.next(); typeof key !== 'string'; key = this.next(key)) keys.push(key);
    return keys;
  }
}

/** Bytes as a number, least significant first. */
export function numberOf(bytes: Uint8Array | string | undefined): number | string | undefined {
  if (bytes === undefined || typeof bytes === 'string') return bytes;
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
