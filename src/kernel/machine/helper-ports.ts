/** What helpers see of the machine: its memory and clock, and the circumstances of the run that calls them. */
import type {
  CgroupRun,
  EventSocket,
  Halves,
  HelperRuntime,
  MessagePort,
  PacketPort,
  RunningProgram,
  SeqFilePort,
  SocketChoice,
  TracedEvent,
} from '../../helpers/index.ts';
import type { BpfMap, CgroupRef, CgroupValues, SocketRef, StorageOwner } from '../../maps/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { SeqFileTable } from '../iterators/seq-file.ts';
import type { KernelImages } from '../objects/kernel-images.ts';
import type { ObjectTable } from '../objects/object-table.ts';
import type { Clock } from './clock.ts';
import type { CurrentWords } from './current-words.ts';
import type { RandomSource } from './random.ts';
import type { Situation } from './situation.ts';
import type { Task } from './tasks.ts';
import type { TimerTable } from './timers.ts';
import type { TracePipe } from './trace-pipe.ts';

/** The machine, as far as helpers come to know of it. */
export interface HelperHost {
  readonly memory: Memory;
  readonly clock: Clock;
  readonly cpuCount: number;
  readonly words: CurrentWords;
  readonly timers: TimerTable;
  readonly random: RandomSource;
  readonly objects: ObjectTable;
  readonly images: KernelImages;
  readonly seqFiles: SeqFileTable;
  readonly tracePipe: TracePipe;
  /** The circumstances that hold now. */
  readonly current: Situation;
  /** The program that runs. */
  readonly program: RunningProgram | undefined;
  mapAt(address: number): BpfMap | undefined;
  socketAt(address: number): SocketRef | undefined;
}

const NO_STACK = new Uint32Array(0);
const NO_EVENT: TracedEvent = { functionAddress: { lo: 0, hi: 0 }, cookie: { lo: 0, hi: 0 } };
const NO_PROGRAM: RunningProgram = { type: 0, name: '' };

/** Answers helpers for one machine. */
export class HelperPorts implements HelperRuntime {
  readonly memory: Memory;
  readonly clock: Clock;
  readonly cpuCount: number;
  readonly words: CurrentWords;
  readonly timers: TimerTable;
  readonly random: RandomSource;
  private readonly host: HelperHost;

  constructor(host: HelperHost) {
    this.host = host;
    this.memory = host.memory;
    this.clock = host.clock;
    this.cpuCount = host.cpuCount;
    this.words = host.words;
    this.timers = host.timers;
    this.random = host.random;
  }

  currentCpu(): number {
    return this.host.current.cpu;
  }

  numaNode(): number {
    return 0;
  }

  currentTask(): Task {
    return this.host.current.task;
  }

  cgroupPath(): readonly number[] {
    return this.host.objects.cgroupOf(this.host.current.task).path.map((cgroup) => cgroup.id);
  }

  currentTaskIsUnder(cgroup: CgroupRef): boolean {
    return this.host.objects.cgroupOf(this.host.current.task).isUnder(cgroup);
  }

  storageOwnerAt(address: number): StorageOwner | undefined {
    return this.host.objects.ownerAt(address) ?? this.host.images.socketAt(address);
  }

  cgroupRun(): CgroupRun | undefined {
    return this.host.current.cgroupRun;
  }

  /** Test runs have values of their own. */
  cgroupValue(values: CgroupValues): number {
    return this.host.current.cgroupRun?.valueOf(values) ?? values.scratch();
  }

  callStack(user: boolean): Uint32Array {
    const { stacks } = this.host.current;
    return (user ? stacks?.user : stacks?.kernel) ?? NO_STACK;
  }

  seqFileAt(address: number): SeqFilePort | undefined {
    return this.host.seqFiles.at(address);
  }

  trace(text: string): void {
    const { comm, pid } = this.host.current.task;
    this.host.tracePipe.write({ comm, pid, cpu: this.host.current.cpu, time: this.clock.now(), text });
  }

  symbolAt(_address: Halves): string | undefined {
    return undefined;
  }

  runningProgram(): RunningProgram {
    return this.host.program ?? NO_PROGRAM;
  }

  tracedEvent(): TracedEvent {
    return this.host.current.event ?? NO_EVENT;
  }

  packet(): PacketPort | undefined {
    return this.host.current.packet;
  }

  message(): MessagePort | undefined {
    return this.host.current.message;
  }

  eventSocket(): EventSocket | undefined {
    return this.host.current.socket;
  }

  findSocket(protocol: number, tuple: Uint8Array): SocketRef | undefined {
    return this.host.objects.sockets.find(protocol, tuple);
  }

  socketChoice(): SocketChoice | undefined {
    return this.host.current.choice;
  }

  mapAt(address: number): BpfMap | undefined {
    return this.host.mapAt(address);
  }

  socketAt(address: number): SocketRef | undefined {
    return this.host.socketAt(address);
  }
}
