/**
 * The machine under the kernel: memory, CPUs, clock, randomness, tasks, file descriptors, and the engine. It is what maps see of the kernel
 * (helpers see it through helper-ports.ts), and it knows in which circumstances a program runs at the moment; program-runner.ts runs it.
 */
import { UsageError } from '../../base/errors.ts';
import { MAX_CPUS } from '../../base/limits.ts';
import { Btf } from '../../btf/index.ts';
import { createHelpers } from '../../helpers/index.ts';
import type {
  BpfMap,
  CgroupRef,
  DeviceRef,
  MapEnv,
  MapRef,
  PerfEventRef,
  ProgRef,
  SocketRef,
  SpecialField,
  StorageOwner,
} from '../../maps/index.ts';
import { type EngineName, makeEngine, type RepeatingEngine } from '../../vm/engines.ts';
import {
  type HelperTable,
  type Interpreter,
  InterpreterEngine,
  Memory,
  type PreparedProgram,
} from '../../vm/index.ts';
import { SeqFileTable } from '../iterators/seq-file.ts';
import { builtinKernelTypes } from '../load/kernel-types.ts';
import type { RunnableProgram } from '../load/prepare-program.ts';
import { FdTable } from '../objects/fds.ts';
import { IdTable } from '../objects/ids.ts';
import { KernelImages } from '../objects/kernel-images.ts';
import { LiveBtf } from '../objects/live-btf.ts';
import { LiveMap } from '../objects/live-map.ts';
import { LoadedProgram, type ProgramKind } from '../objects/loaded-program.ts';
import { ObjectTable } from '../objects/object-table.ts';
import type { ProgramFacts } from '../objects/program-facts.ts';
import { Clock, type ClockOptions } from './clock.ts';
import { CurrentWords } from './current-words.ts';
import { type HelperHost, HelperPorts } from './helper-ports.ts';
import { ProgramRunner } from './program-runner.ts';
import { type RandomSource, seededRandom } from './random.ts';
import type { Situation } from './situation.ts';
import { type Task, type TaskOptions, TaskTable } from './tasks.ts';
import { type TimerHost, TimerTable } from './timers.ts';
import { TracePipe } from './trace-pipe.ts';

/** How the machine is made; all of it has a default that makes runs repeatable. */
export interface MachineOptions {
  /** Possible CPUs, 1 to 4096; one by default. */
  readonly cpus?: number;
  readonly clock?: Clock | ClockOptions;
  /** Seed of the random numbers, or their source. */
  readonly seed?: number | RandomSource;
  /** The task that is current when nothing else is said. */
  readonly task?: TaskOptions;
  /** Instructions that one run may take before it is stopped; ten million by default. */
  readonly budget?: number;
  /** Bytes that linear memory may grow to. */
  readonly memoryLimit?: number;
  /**
   * BTF of the kernel to stand for, then of its modules: CO-RE relocates against it, strictly as libbpf, and tasks are laid
   * out by it. By default the few types that the simulated kernel has content for, beside each object's own.
   */
  readonly btf?: readonly Btf[];
  /**
   * What runs programs: the interpreter, compiled WebAssembly, or for each program what suits it; `auto` by default. The interpreter checks
   * every access, compiled code those of programs that the verifier did not accept.
   */
  readonly engine?: EngineName;
  /** Tells the platform, before a program of so many slots is compiled, how to compile it; see JitEngineOptions. */
  readonly beforeCompile?: (slots: number) => void;
  /** Called before every instruction, for tracing; needs the interpreter; runs are several times slower with it. */
  readonly onInsn?: (interpreter: Interpreter) => void;
}

const DEFAULT_BUDGET = 10_000_000;

/** The machine below the kernel's parts: memory, CPUs, clock, tasks, live programs and maps, and what programs see of them. */
export class Machine implements MapEnv, TimerHost, HelperHost {
  readonly memory: Memory;
  readonly cpuCount: number;
  readonly clock: Clock;
  readonly tasks: TaskTable;
  /** Sockets, cgroups, inodes and paths. */
  readonly objects: ObjectTable;
  /** The kernel's types, then those of its modules. */
  readonly kernelTypes: readonly Btf[];
  readonly tracePipe = new TracePipe();
  readonly random: RandomSource;
  readonly fds = new FdTable();
  /** Names of operations that struct_ops maps have registered. */
  readonly operations = new Set<string>();
  /** Programs, maps and types by id. */
  readonly programs = new IdTable<LoadedProgram>();
  readonly liveMaps = new IdTable<LiveMap>();
  readonly btfs = new IdTable<LiveBtf>();
  readonly engine: RepeatingEngine;
  /** Runs programs in the circumstances that hold now. */
  readonly runner: ProgramRunner;
  readonly words: CurrentWords;
  /** Structs that programs and links have in memory, and files of iterators. */
  readonly images: KernelImages;
  readonly seqFiles: SeqFileTable;
  private iteratorSessions = 0;
  /** By address of the kernel object. */
  private readonly maps = new Map<number, LiveMap>();
  private situation: Situation;
  readonly timers: TimerTable;

  constructor(options: MachineOptions = {}) {
    const { cpus = 1, seed = 1 } = options;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > MAX_CPUS) {
      throw new UsageError('bad-cpus', `a machine has 1 to ${MAX_CPUS} CPUs, not ${cpus}`);
    }
    this.cpuCount = cpus;
    this.memory = new Memory(options.memoryLimit === undefined ? {} : { maxBytes: options.memoryLimit });
    this.clock = options.clock instanceof Clock ? options.clock : new Clock(options.clock);
    this.random = typeof seed === 'number' ? seededRandom(seed) : seed;
    checkTypes(options.btf);
    this.kernelTypes = options.btf ?? [builtinKernelTypes()];
    this.kernelTypes.forEach((btf, i) => {
      this.liveBtf(btf, i === 0 ? 'vmlinux' : `module${i}`).hold();
    });
    const types = this.kernelTypes[0] ?? builtinKernelTypes();
    this.tasks = new TaskTable(this.memory, types);
    this.images = new KernelImages(this.memory, types, this.programs);
    this.seqFiles = new SeqFileTable(this.memory, types);
    this.words = new CurrentWords(this.memory, this.clock);
    this.timers = new TimerTable(this);
    this.clock.addAlarms(this.timers);
    this.situation = { cpu: 0, task: this.tasks.spawn(options.task) };
    this.objects = new ObjectTable(this.memory, this.fds, this.tasks, () => this.situation.task);
    this.words.set(this.situation);
    this.engine = engineFor(this.memory, createHelpers(new HelperPorts(this)), options);
    this.runner = new ProgramRunner(this.engine, this.clock);
  }

  /** The circumstances that hold now. */
  get current(): Situation {
    return this.situation;
  }

  /** Changes who is current when nothing else is said. */
  makeCurrent(task: Task): void {
    this.enter({ ...this.situation, task });
  }

  /** Does something under other circumstances and goes back to the old ones. */
  during<T>(change: Partial<Situation>, action: () => T): T {
    const before = this.situation;
    const next = { ...before, ...change };
    if (!Number.isInteger(next.cpu) || next.cpu < 0 || next.cpu >= this.cpuCount) {
      throw new UsageError(
        'no-such-cpu',
        `there is no CPU ${next.cpu}: this machine has CPUs 0 to ${this.cpuCount - 1}`,
      );
    }
    this.enter(next);
    try {
      return action();
    } finally {
      this.enter(before);
    }
  }

  private enter(situation: Situation): void {
    this.situation = situation;
    this.words.set(situation);
  }

  /** Makes a map known to programs, which find it by its address; it is so until its last holder lets go. */
  addMap(map: BpfMap): LiveMap {
    const { btf } = map.attr;
    const types = btf === undefined ? undefined : this.liveBtf(btf);
    const live = this.liveMaps.add(
      (id) =>
        new LiveMap(id, map, this.memory, types, {
          onFree: () => {
            this.liveMaps.remove(id);
            // A program that has just taken it out of a map of maps may still use it.
            this.afterRun(() => {
              this.maps.delete(map.address);
              map.free();
              types?.release();
            });
          },
          onLastUser: (held) => {
            this.timers.freeAllOf(held);
          },
        }),
    );
    this.maps.set(map.address, live);
    live.holdUser();
    return live;
  }

  /** A program in the kernel. Nobody holds it yet. */
  addProgram(
    kind: ProgramKind,
    code: RunnableProgram,
    verified: boolean,
    facts: ProgramFacts,
  ): LoadedProgram {
    const origin = { time: this.clock.bootTime(), uid: this.situation.task.uid };
    return this.programs.add(
      (id) =>
        new LoadedProgram(id, { kind, code, verified, facts, origin }, () => {
          this.programs.remove(id);
        }),
    );
  }

  /** Type information as the kernel holds it; new when it has not seen it yet. Nobody holds a new one. */
  liveBtf(btf: Btf, name = ''): LiveBtf {
    const known = this.btfs.all().find((live) => live.btf === btf);
    return (
      known ??
      this.btfs.add(
        (id) =>
          new LiveBtf(id, btf, name, () => {
            this.btfs.remove(id);
          }),
      )
    );
  }

  /** Runs a part of a program, prepared as one of its own, on a CPU; such runs are not counted. @throws VmFault when it faults. */
  runPart(program: LoadedProgram, part: PreparedProgram, argument: number, cpu: number): void {
    this.runner.runInside(program, () => {
      this.during({ cpu }, () => this.engine.execute(part, argument));
    });
  }

  // ---- what maps, helpers and timers ask for ----

  currentCpu(): number {
    return this.situation.cpu;
  }

  get kernelBtf(): Btf | undefined {
    return this.kernelTypes[0];
  }

  deviceByIndex(ifindex: number): DeviceRef | undefined {
    return this.objects.deviceByIndex(ifindex);
  }

  socketByFd(fd: number): SocketRef | number {
    return this.objects.socketByFd(fd);
  }

  cgroupByFd(fd: number): CgroupRef | number {
    return this.objects.cgroupByFd(fd);
  }

  taskByPidFd(fd: number): StorageOwner | number {
    return this.objects.taskByPidFd(fd);
  }

  inodeByFd(fd: number): StorageOwner | number {
    return this.objects.inodeByFd(fd);
  }

  afterRun(action: () => void): void {
    this.runner.afterRun(action);
  }

  /** Number of an iterator that is opened now. */
  nextIteratorSession(): number {
    return ++this.iteratorSessions;
  }

  get program(): LoadedProgram | undefined {
    return this.runner.program;
  }

  liveMapAt(address: number): LiveMap | undefined {
    return this.maps.get(address);
  }

  /** Timers are all that fields can hold here: objects behind kptrs are not counted, and nothing makes nodes of lists and trees. */
  freeField(field: SpecialField, address: number): void {
    if (field.kind === 'bpf_timer') this.timers.free(address);
  }

  /**
   * Has a socket that was accepted inherit values of the one that listens (bpf_sk_storage_clone in net/core/bpf_sk_storage.c).
   * @returns false when there is no memory for one
   */
  inheritStorage(from: SocketRef, to: SocketRef): boolean {
    return this.liveMaps.all().every(({ map }) => (map.storage?.inherit(from, to) ?? 0) === 0);
  }

  mapAt(address: number): BpfMap | undefined {
    return this.maps.get(address)?.map;
  }

  socketAt(address: number): SocketRef | undefined {
    return this.objects.sockets.at(address);
  }

  programByFd(fd: number): ProgRef | number {
    return this.fds.program(fd);
  }

  mapByFd(fd: number): MapRef | number {
    return this.fds.map(fd);
  }

  perfEventByFd(fd: number): PerfEventRef | number {
    return this.fds.perfEvent(fd);
  }
}

/** @throws UsageError for the bytes of types, or for one instead of a list. */
function checkTypes(btf: unknown): void {
  if (btf === undefined || (Array.isArray(btf) && btf.every((types) => types instanceof Btf))) return;
  throw new UsageError(
    'bad-types',
    'btf is a list: the parsed types of a kernel, then those of its modules, as [parseBtf(bytes)]',
  );
}

function engineFor(memory: Memory, helpers: HelperTable, options: MachineOptions): RepeatingEngine {
  const { engine = 'auto', budget = DEFAULT_BUDGET, onInsn, beforeCompile } = options;
  if (onInsn !== undefined) return new InterpreterEngine(memory, helpers, { budget, onInsn });
  const hook = beforeCompile === undefined ? {} : { beforeCompile };
  return makeEngine(engine, memory, helpers, { budget, checked: true, ...hook });
}
