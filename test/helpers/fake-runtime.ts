/**
 * A machine for the tests of helpers: real memory and maps, everything else as a test sets it. `call` passes arguments as an
 * engine does, after the helper's calling convention.
 */
import { encodeUtf8 } from '../../src/base/text.ts';
import {
  type CgroupRun,
  type ClockName,
  createHelpers,
  type EventSocket,
  type Halves,
  type HelperRuntime,
  type MessagePort,
  type PacketPort,
  type RedirectRequest,
  type SeqFilePort,
  type SocketChoice,
} from '../../src/helpers/index.ts';
import {
  type BpfMap,
  type CgroupRef,
  type CgroupValues,
  createMap,
  type DeviceRef,
  type MapAttr,
  type MapEnv,
  type SocketRef,
  type StorageOwner,
} from '../../src/maps/index.ts';
import { BpfMapType, BpfProgType, helperByName } from '../../src/spec/index.ts';
import {
  type CallbackDriver,
  type HelperEntry,
  type HelperTable,
  Memory,
  type RegionKind,
} from '../../src/vm/index.ts';

export type Argument = number | bigint;

const halves = (value: Argument): [number, number] => {
  const wide = BigInt(value);
  return [Number(BigInt.asIntN(32, wide)), Number(BigInt.asIntN(32, wide >> 32n))];
};

export class FakeRuntime implements HelperRuntime, MapEnv {
  readonly memory = new Memory();
  cpuCount = 4;
  cpu = 0;
  node = 0;
  times: Record<ClockName, bigint> = { monotonic: 0n, boottime: 0n, coarse: 0n, tai: 0n, jiffies: 0n };
  randoms: number[] = [];
  task = { pid: 7, tgid: 5, uid: 1000, gid: 100, comm: 'tester', address: 0x20000 };
  cgroups: readonly number[] = [1];
  symbols = new Map<bigint, string>();
  program = { type: BpfProgType.BPF_PROG_TYPE_KPROBE as number, name: 'test' };
  event = { functionAddress: { lo: 0, hi: 0 }, cookie: { lo: 0, hi: 0 } };
  runningOn: PacketPort | undefined;
  readonly owners = new Map<number, StorageOwner>();
  readonly cgroupRefs = new Map<number, CgroupRef>();
  kernelStack = new Uint32Array();
  userStack = new Uint32Array();
  readonly printed: string[] = [];
  readonly clock = {
    high: 0,
    read: (name: ClockName): number => {
      const [lo, hi] = halves(this.times[name]);
      this.clock.high = hi;
      return lo;
    },
  };
  readonly table: HelperTable;
  private readonly maps = new Map<number, BpfMap>();

  constructor(options: { readonly checked?: boolean } = {}) {
    this.table = createHelpers(this, options);
  }

  currentCpu = (): number => this.cpu;
  numaNode = (): number => this.node;
  random = (): number => this.randoms.shift() ?? 0;
  currentTask = (): typeof this.task => this.task;
  cgroupPath = (): readonly number[] => this.cgroups;
  cgroupEvent: CgroupRun | undefined;
  cgroupRun = (): CgroupRun | undefined => this.cgroupEvent;
  seqFile: SeqFilePort | undefined;
  seqFileAt = (): SeqFilePort | undefined => this.seqFile;
  mapAt = (address: number): BpfMap | undefined => this.maps.get(address);
  trace = (text: string): void => void this.printed.push(text);
  symbolAt = ({ lo, hi }: Halves): string | undefined =>
    this.symbols.get(BigInt.asUintN(64, (BigInt(hi) << 32n) | BigInt(lo >>> 0)));
  runningProgram = (): typeof this.program => this.program;
  tracedEvent = (): typeof this.event => this.event;
  packet = (): PacketPort | undefined => this.runningOn;
  message = (): MessagePort | undefined => undefined;
  eventSocket = (): EventSocket | undefined => undefined;
  socketAt = (): SocketRef | undefined => undefined;
  findSocket = (): SocketRef | undefined => undefined;
  socketChoice = (): SocketChoice | undefined => undefined;
  currentTaskIsUnder = (cgroup: CgroupRef): boolean => this.cgroups.includes(cgroup.id);
  storageOwnerAt = (address: number): StorageOwner | undefined => this.owners.get(address);
  cgroupValue = (values: CgroupValues): number => values.scratch();
  callStack = (user: boolean): Uint32Array => (user ? this.userStack : this.kernelStack);
  cgroupByFd = (fd: number): CgroupRef | number => this.cgroupRefs.get(fd) ?? -9;
  deviceByIndex = (ifindex: number): DeviceRef | undefined =>
    ifindex < 10 ? { ifindex, onEnd: () => () => undefined } : undefined;

  // ---- memory ----

  /** Memory with content, of a kind that programs or processes own; its address. */
  place(content: Uint8Array | string, kind: RegionKind = 'stack', writable = true): number {
    const bytes = typeof content === 'string' ? encodeUtf8(`${content}\0`) : content;
    const address = this.memory.allocate({ size: bytes.length, kind, name: 'test', writable });
    this.memory.writeBytes(address, bytes);
    return address;
  }

  /** Memory filled with 0xee, so that what a helper leaves alone can be seen. */
  room(size: number): number {
    return this.place(new Uint8Array(size).fill(0xee));
  }

  /** Values of 64 bits in a row. */
  values(...list: readonly Argument[]): number {
    const bytes = new Uint8Array(8 * list.length);
    const view = new DataView(bytes.buffer);
    list.forEach((value, i) => {
      view.setBigUint64(8 * i, BigInt.asUintN(64, BigInt(value)), true);
    });
    return this.place(bytes);
  }

  bytes(address: number, size: number): number[] {
    return [...this.memory.readBytes(address, size)];
  }

  hex(address: number, size: number): string {
    return Buffer.from(this.memory.readBytes(address, size)).toString('hex');
  }

  text(address: number): string {
    return this.memory.readCString(address, 4096);
  }

  int64(address: number): bigint {
    return this.memory.view.getBigInt64(address, true);
  }

  // ---- maps ----

  map(type: keyof typeof BpfMapType, attr: Partial<MapAttr> = {}): BpfMap {
    const defaults = { name: 'map', keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };
    const map = createMap(this, { ...defaults, ...attr, type: BpfMapType[type] });
    this.maps.set(map.address, map);
    return map;
  }

  // ---- packets ----

  /** Puts a packet into a buffer of 4096 bytes, `before` bytes from its start, and makes it the running program's. */
  packetOn(kind: 'xdp' | 'skb', data: Uint8Array, options: PacketOptions = {}): FakePacket {
    const { before = 256, skip = 0 } = options;
    const start = this.memory.allocate({ size: 4096, kind: 'packet', name: kind });
    const context = this.memory.allocate({ size: 192, kind: 'ctx', name: kind });
    const packet = new FakePacket(this.memory, kind, context, start, start + before, data, skip);
    this.runningOn = packet;
    this.program = {
      type: kind === 'xdp' ? BpfProgType.BPF_PROG_TYPE_XDP : BpfProgType.BPF_PROG_TYPE_SCHED_CLS,
      name: 'test',
    };
    return packet;
  }

  // ---- calls ----

  entry(name: string): HelperEntry {
    const entry = this.table.entries[helperByName(name)?.id ?? 0];
    if (entry === undefined) throw new Error(`${name} is not implemented`);
    return entry;
  }

  /** Calls a helper and gives r0 as the program sees it, as a signed 64-bit number. */
  call64(name: string, ...args: readonly Argument[]): bigint {
    const entry = this.entry(name);
    if (entry.kind !== 'plain') throw new Error(`${name} is no plain helper`);
    return this.widen(entry, entry.call(...this.wordsFor(entry, args)));
  }

  /** The same for results that fit a number. */
  call(name: string, ...args: readonly Argument[]): number {
    return Number(this.call64(name, ...args));
  }

  /** Calls a helper that calls back; the callback gets r1 to r5 and returns r0. */
  drive(name: string, args: readonly Argument[], callback: (registers: readonly bigint[]) => bigint): number {
    const entry = this.entry(name);
    if (entry.kind !== 'callback') throw new Error(`${name} does not call back`);
    const driver = entry.start(...this.wordsFor(entry, args));
    return Number(this.widen(entry, typeof driver === 'number' ? driver : this.run(driver, callback)));
  }

  private run(driver: CallbackDriver, callback: (registers: readonly bigint[]) => bigint): number {
    const words = new Int32Array(10).fill(-1);
    while (driver.next(words)) {
      const registers = [0, 2, 4, 6, 8].map(
        (i) => (BigInt(words[i + 1]! >>> 0) << 32n) | BigInt(words[i]! >>> 0),
      );
      driver.returned(...halves(callback(registers)));
    }
    return driver.result();
  }

  private wordsFor(entry: HelperEntry, args: readonly Argument[]): number[] {
    return entry.args.flatMap((pass, i) => {
      const [lo, hi] = halves(args[i] ?? 0);
      return pass === 'u64' ? [lo, hi] : [lo];
    });
  }

  private widen(entry: HelperEntry, result: number): bigint {
    switch (entry.returns) {
      case 'int':
        return BigInt(result | 0);
      case 'ptr':
        return BigInt(result >>> 0);
      case 'u64':
        return (BigInt(this.table.high | 0) << 32n) | BigInt(result >>> 0);
      case 'void':
        return 0n;
    }
  }
}

interface PacketOptions {
  /** Bytes of the buffer before the packet's first byte. */
  readonly before?: number;
  /** skb: bytes that lie before what the program sees: the link header of a packet at a socket. */
  readonly skip?: number;
}

const OFFSETS = {
  xdp: { data: 0, dataEnd: 4, dataMeta: 8 },
  skb: { data: 76, dataEnd: 80, dataMeta: 140 },
};

/** A packet as the kernel lays it out: 40 bytes for a driver's own use first, 320 at the end. */
export class FakePacket implements PacketPort {
  readonly headLimit: number;
  readonly tailLimit: number;
  readonly macHeader: number;
  readonly networkHeader: number;
  readonly requests: RedirectRequest[] = [];
  readonly clones: { ifindex: number; ingress: boolean }[] = [];
  readonly kind: 'xdp' | 'skb';
  readonly context: number;
  private readonly memory: Memory;

  constructor(
    memory: Memory,
    kind: 'xdp' | 'skb',
    context: number,
    start: number,
    first: number,
    data: Uint8Array,
    skip: number,
  ) {
    this.memory = memory;
    this.kind = kind;
    this.context = context;
    this.headLimit = start + 40;
    this.tailLimit = start + 4096 - 320;
    this.macHeader = first;
    this.networkHeader = first + 14;
    memory.setAccess(start, 4096, 'none');
    memory.setAccess(first + skip, data.length - skip, 'readwrite');
    memory.writeBytes(first, data);
    this.set('data', first + skip);
    this.set('dataEnd', first + data.length);
    this.set('dataMeta', first + skip);
    if (kind === 'skb') memory.view.setUint32(context, data.length - skip, true);
  }

  get(field: keyof typeof OFFSETS.xdp): number {
    return this.memory.view.getUint32(this.context + OFFSETS[this.kind][field], true);
  }

  get bytes(): number[] {
    return [...this.memory.readBytes(this.get('data'), this.get('dataEnd') - this.get('data'))];
  }

  redirect(request: RedirectRequest): void {
    this.requests.push(request);
  }

  cloneRedirect(ifindex: number, ingress: boolean): number {
    if (ifindex !== 1) return -22;
    this.clones.push({ ifindex, ingress });
    return 0;
  }

  private set(field: keyof typeof OFFSETS.xdp, value: number): void {
    this.memory.view.setUint32(this.context + OFFSETS[this.kind][field], value, true);
  }
}
