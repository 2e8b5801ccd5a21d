/**
 * The simulated kernel as users hold it: load objects, fire events, read what came of it. Everything it does can be repeated: clock,
 * randomness, CPUs and tasks are given to it.
 */
import type { KconfigValue } from '../loader/index.ts';
import type { BpfCommand } from '../spec/index.ts';
import type { Memory } from '../vm/index.ts';
import { HookTable } from './attach/hooks.ts';
import { CgroupEvents } from './cgroup-events/events.ts';
import { type EventOptions, EventSource, type LsmOptions, type LsmResult } from './events/events.ts';
import type { ProgramRun } from './events/program-run.ts';
import { DEFAULT_KCONFIG } from './load/kconfig-defaults.ts';
import { type LoadChoices, type LoadedObject, loadObject, unloadObject } from './load/load.ts';
import { VerifierInputs } from './load/verifier-input.ts';
import type { Clock } from './machine/clock.ts';
import { Machine, type MachineOptions } from './machine/machine.ts';
import type { Task, TaskOptions } from './machine/tasks.ts';
import type { TracePipe } from './machine/trace-pipe.ts';
import type { CallArgument } from './machine/user-memory.ts';
import { BpfObject } from './object.ts';
import type { CgroupTable } from './objects/cgroups.ts';
import type { InodeTable } from './objects/inodes.ts';
import { DeviceTable, type PacketOptions, type PacketResult } from './packets/devices.ts';
import { dissectInNamespace, type FlowAnswer } from './packets/flow-dissector.ts';
import { Process } from './process.ts';
import { SocketStack } from './sockets/socket-stack.ts';
import type { SocketTable } from './sockets/socket-table.ts';
import { bpfRaw, bpfTyped } from './syscall/bpf.ts';
import type { SyscallContext } from './syscall/context.ts';
import type { BpfAttr } from './syscall/typed-attr.ts';
import { UserSpace } from './syscall/user-space.ts';

/** How a simulated kernel is made. */
export interface KernelOptions extends MachineOptions {
  /** Values of `.kconfig` externs; these come before the defaults. */
  readonly kconfig?: Readonly<Record<string, KconfigValue>>;
  /** Addresses of kernel symbols, for `.ksyms` externs. */
  readonly ksyms?: Readonly<Record<string, bigint>>;
  /**
   * Loads programs that the verifier rejects, too: to see what they would do, in engines that check every access. False by default:
   * `load` throws a VerifierError.
   */
  readonly unsafe?: boolean;
}

/** In which kernel an object is loaded: its maps and programs can be those of one only. */
const holders = new WeakMap<BpfObject, Kernel>();

/** A simulated kernel: load objects into it, make events happen, call bpf(2). Kernels do not see each other. */
export class Kernel {
  private readonly machine: Machine;
  private readonly hooks = new HookTable();
  private readonly events: EventSource;
  private readonly loadedObjects = new Map<BpfObject, LoadedObject>();
  private readonly kconfig: Readonly<Record<string, KconfigValue>>;
  private readonly ksyms: Readonly<Record<string, bigint>>;
  private readonly unsafe: boolean;
  /** A kernel's BTF was given. */
  private readonly strictTypes: boolean;
  /** Network devices: `lo` and `eth0` from the start. */
  readonly devices: DeviceTable;
  /** Events that programs of cgroups are asked about. */
  readonly cgroupEvents: CgroupEvents;
  /** Memory, files and descriptors of the process that calls `bpf`. */
  readonly process: Process;
  private readonly syscalls: SyscallContext;

  constructor(options: KernelOptions = {}) {
    this.machine = new Machine(options);
    this.strictTypes = options.btf !== undefined;
    this.events = new EventSource(this.machine, this.hooks);
    this.hooks.ids.onRemove((link) => {
      this.machine.images.drop(link);
    });
    this.cgroupEvents = new CgroupEvents(this.machine, this.hooks);
    this.devices = new DeviceTable(this.machine, this.hooks);
    this.machine.objects.setSocketActions(new SocketStack(this.machine, this.hooks));
    this.kconfig = { ...DEFAULT_KCONFIG, ...options.kconfig };
    this.ksyms = options.ksyms ?? {};
    this.unsafe = options.unsafe ?? false;
    const { machine, hooks, devices, events, ksyms } = this;
    const { paths } = machine.objects;
    const user = new UserSpace(machine.memory);
    this.process = new Process(machine, paths, hooks);
    this.syscalls = { machine, hooks, devices, events, paths, user, ksyms, fds: machine.fds };
  }

  /** Number of CPUs. */
  get cpus(): number {
    return this.machine.cpuCount;
  }

  get clock(): Clock {
    return this.machine.clock;
  }

  /** What programs printed. */
  get tracePipe(): TracePipe {
    return this.machine.tracePipe;
  }

  /** The linear memory that all programs of this kernel share. */
  get memory(): Memory {
    return this.machine.memory;
  }

  /** Sockets: open them here, put them in maps, give them to packets. */
  get sockets(): SocketTable {
    return this.machine.objects.sockets;
  }

  /** Cgroups, the directories below /sys/fs/cgroup. */
  get cgroups(): CgroupTable {
    return this.machine.objects.cgroups;
  }

  /** Inodes of paths. */
  get inodes(): InodeTable {
    return this.machine.objects.inodes;
  }

  /** Moves a task to the cgroup at a path, as writing its pid to cgroup.procs. @throws SyscallError, UsageError. */
  moveToCgroup(task: Task, path: string): void {
    this.machine.objects.moveTask(task, path);
  }

  /** Who makes system calls when nothing else is said. */
  get currentTask(): Task {
    return this.machine.current.task;
  }

  set currentTask(task: Task) {
    this.machine.makeCurrent(task);
  }

  /** Makes a task; fire events as it with `{ pid }`, or make it the current one. */
  spawn(options: TaskOptions = {}): Task {
    return this.machine.tasks.spawn({ parent: this.currentTask.pid, ...options });
  }

  /** Does something on one CPU: whatever runs inside runs there. */
  runOn<T>(cpu: number, action: () => T): T {
    return this.machine.during({ cpu }, action);
  }

  /**
   * Creates an object's maps and loads its programs. An object that is loaded already, here or in another kernel, is unloaded there first.
   * @param object An opened object, or the bytes of an object file.
   * @returns the object, now live.
   * @throws VerifierError when the verifier rejects a program; LoadError, SyscallError (as the kernel's errno says), IsaError. Then
   * nothing of it stays.
   */
  load(object: BpfObject | Uint8Array): BpfObject {
    const target = object instanceof BpfObject ? object : BpfObject.open(object);
    holders.get(target)?.unload(target);
    const { kernelTypes } = this.machine;
    const inputs = new VerifierInputs(target, {
      ...(this.strictTypes ? { kernelTypes } : {}),
      kconfig: this.kconfig,
      ksyms: this.ksyms,
      cpus: this.cpus,
    });
    const loaded = loadObject(target.spec, choicesOf(target, inputs), {
      machine: this.machine,
      kconfig: this.kconfig,
      ksyms: this.ksyms,
      kernelTypes,
      unsafe: this.unsafe,
    });
    this.loadedObjects.set(target, loaded);
    holders.set(target, this);
    this.bind(target, loaded);
    return target;
  }

  /** Detaches an object's programs and frees what nobody else holds; nothing happens when it is not loaded. */
  unload(object: BpfObject): void {
    const loaded = this.loadedObjects.get(object);
    if (loaded === undefined) return;
    this.hooks.detachAll(loaded.programs);
    this.loadedObjects.delete(object);
    holders.delete(object);
    for (const handle of [...object.mapList, ...object.programList]) handle.setLive(undefined);
    for (const section of object.sections) section?.comeBack();
    unloadObject(loaded);
  }

  /**
   * bpf(2), typed: `kernel.bpf('BPF_MAP_CREATE', { map_type: 2, key_size: 4, value_size: 8, max_entries: 1 })`. What the kernel writes is
   * written back to `attr`.
   * @returns a descriptor, or 0.
   * @throws SyscallError with the errno; UsageError for attributes that the command does not have.
   */
  bpf<C extends BpfCommand>(command: C, attr: BpfAttr<C>): number;
  /**
   * bpf(2) for bindings: the number of a command, bytes of union bpf_attr, and what the caller says their size is. Pointers in them are
   * addresses of `process.allocate`. What the kernel writes is written to the bytes.
   * @returns a descriptor, 0, or a negative errno.
   */
  bpf(command: number, attr: Uint8Array, size?: number): number;
  bpf(command: BpfCommand | number, attr: object, size?: number): number {
    if (typeof command === 'number') return bpfRaw(this.syscalls, command, attr as Uint8Array, size);
    return bpfTyped(this.syscalls, command, attr);
  }

  /** A system call by the current task, or another's: `kernel.syscall('openat', [-100, '/etc/passwd', 0])`. */
  syscall(
    name: string,
    args: readonly CallArgument[] = [],
    options: EventOptions & { readonly returns?: number | bigint } = {},
  ): ProgramRun[] {
    return this.events.syscall(name, args, options);
  }

  /** A tracepoint `category/name` with its record, common fields included. */
  tracepoint(name: string, record: Uint8Array, options: EventOptions = {}): ProgramRun[] {
    return this.events.tracepoint(name, record, options);
  }

  /** A raw tracepoint with its arguments. */
  rawTracepoint(name: string, args: readonly CallArgument[] = [], options: EventOptions = {}): ProgramRun[] {
    return this.events.rawTracepoint(name, args, options);
  }

  /** A call of a kernel function, for kprobe, kretprobe, fentry and fexit programs. */
  functionCall(
    symbol: string,
    args: readonly CallArgument[] = [],
    options: EventOptions & { readonly returns?: number | bigint } = {},
  ): ProgramRun[] {
    return this.events.functionCall(symbol, args, options);
  }

  /** An LSM hook by its name: what its programs, and those of the cgroup, answer. */
  lsm(hook: string, args: readonly CallArgument[] = [], options: LsmOptions = {}): LsmResult {
    return this.events.lsm(hook, args, options);
  }

  /** Has the flow dissector of the network namespace look at a frame, from its Ethernet header on. @throws SyscallError EINVAL; VmFault. */
  dissect(frame: Uint8Array, flags = 0): FlowAnswer {
    return dissectInNamespace(this.machine, this.hooks, frame, flags);
  }

  /** A frame arrives at a device: XDP, tc, socket filters. */
  receive(device: string, frame: Uint8Array, options: PacketOptions = {}): PacketResult {
    return this.devices.receive(device, frame, options);
  }

  /** A frame leaves by a device: tc on the way out, socket filters. */
  transmit(device: string, frame: Uint8Array, options: PacketOptions = {}): PacketResult {
    return this.devices.transmit(device, frame, options);
  }

  /** The hooks that hold a program, for those who want to know what could be fired. */
  attachedHooks(): string[] {
    return this.hooks.keys();
  }

  private bind(object: BpfObject, loaded: LoadedObject): void {
    const { machine, hooks } = this;
    object.mapList.forEach((handle, index) => {
      const live = loaded.maps[index]!;
      const { map } = live;
      handle.setLive({ live, map, machine });
      const address = map.directValue?.(0) ?? 0;
      const section = object.sections[index];
      if (section === undefined || address <= 0) return;
      section.goLive(
        {
          read: (offset, size) => machine.memory.readBytes(address + offset, size),
          write: (offset, bytes) => {
            machine.memory.writeBytes(address + offset, bytes);
          },
        },
        ['rodata', 'kconfig'].includes(handle.spec.origin),
      );
    });
    object.programList.forEach((handle, index) => {
      const program = loaded.programs[index];
      const verification = loaded.verifications[index];
      handle.setLive(
        program === undefined || verification === undefined
          ? undefined
          : { program, machine, hooks, verification },
      );
    });
  }
}

/** What the user set on an object before load. */
function choicesOf(object: BpfObject, inputs: VerifierInputs): LoadChoices {
  const initial = new Map<number, Uint8Array>();
  const maxEntries = new Map<number, number>();
  object.mapList.forEach((handle, index) => {
    const section = object.sections[index];
    if (section !== undefined) initial.set(index, section.bytes());
    if (handle.maxEntries !== handle.spec.maxEntries) maxEntries.set(index, handle.maxEntries);
  });
  const wanted = object.programList.filter((program) => program.autoload);
  return { initial, maxEntries, programs: new Set(wanted.map((program) => program.name)), inputs };
}
