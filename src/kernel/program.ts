/** A program as a user of the library holds it: attach it to its event, or run it once on data of one's own. */
import { UsageError } from '../base/errors.ts';
import type { ProgramSpec } from '../loader/index.ts';
import { BpfAttachType, BpfProgType } from '../spec/index.ts';
import { type AttachOptions, hookOf, isIterator, iteratorChoice } from './attach/attach.ts';
import { linkBehind } from './attach/cgroup-link.ts';
import type { HookTable, Link } from './attach/hooks.ts';
import { SOCKET_MAP_TYPES, socketMapLink } from './attach/socket-map-programs.ts';
import { linkIterator } from './iterators/link.ts';
import type { Verification } from './load/load-program.ts';
import type { Machine } from './machine/machine.ts';
import type { LoadedProgram } from './objects/loaded-program.ts';
import type { PackedPackets } from './packets/frames.ts';
import { type RunManyOptions, runMany } from './packets/run-many.ts';
import { type TestRunOptions, type TestRunResult, testRun } from './packets/test-run.ts';
import { CGROUP_TYPES } from './syscall/program-kinds.ts';

interface Live {
  readonly program: LoadedProgram;
  readonly machine: Machine;
  readonly hooks: HookTable;
  readonly verification: Verification;
}

/** A program: its definition before load; then attached to events, or run once on data of one's own. */
export class Program {
  readonly spec: ProgramSpec;
  /** Whether load takes it; false at first for SEC("?…"). */
  autoload: boolean;
  private live: Live | undefined;

  constructor(spec: ProgramSpec) {
    this.spec = spec;
    this.autoload = spec.autoload;
  }

  get name(): string {
    return this.spec.name;
  }

  get isLoaded(): boolean {
    return this.live !== undefined;
  }

  /** It shows objects of the kernel to who reads its link, see `process.openIterator`. */
  get isIterator(): boolean {
    return isIterator(this.spec);
  }

  /** The program in the kernel. @throws UsageError before load. */
  get loaded(): LoadedProgram {
    return this.need().program;
  }

  /** What the verifier said of it. @throws UsageError before load. */
  get verification(): Verification {
    return this.need().verification;
  }

  /**
   * Attaches the program where its section says, or options do.
   * @throws UsageError or SyscallError when there is no such place.
   */
  attach(options: AttachOptions = {}): Link {
    const { program, hooks, machine } = this.need();
    if (isIterator(this.spec)) return linkIterator(machine, hooks, program, iteratorChoice(options)).own();
    if (CGROUP_TYPES.includes(program.type) || program.expectedAttachType === BpfAttachType.BPF_LSM_CGROUP) {
      const { cgroups } = machine.objects;
      const { cgroup = cgroups.root } = options;
      const { directory } = typeof cgroup === 'string' ? cgroups.find(cgroup) : cgroup;
      return linkBehind(machine, hooks, program, directory).own();
    }
    if (SOCKET_MAP_TYPES.includes(program.type)) return this.attachToMap(options);
    if (options.device !== undefined) machine.objects.needDevice(options.device);
    const hook = hookOf(this.spec, options);
    if (program.type === BpfProgType.BPF_PROG_TYPE_SK_REUSEPORT) hooks.empty(hook);
    return hooks.attach(hook, program, BigInt(options.cookie ?? 0));
  }

  /**
   * Runs the program once (or `repeat` times) as BPF_PROG_TEST_RUN does; tracing programs take their context as bytes.
   * @throws VmFault when it faults; SyscallError when the kernel would refuse data or context.
   */
  testRun(options: TestRunOptions = {}): TestRunResult {
    const { program, machine } = this.need();
    return testRun(machine, program, options);
  }

  /**
   * Runs the program on each packet in turn and gives the return value of each run: `testRun` for many packets, without its copies. They are
   * given as a list or, faster, as one array. What runs did
   * to maps stays, what they did to packets does not.
   * @throws VmFault when it faults; SyscallError for frames that the kernel would refuse; UsageError for types that take no packet.
   */
  runMany(packets: readonly Uint8Array[] | PackedPackets, options: RunManyOptions = {}): Int32Array {
    const { program, machine } = this.need();
    return runMany(machine, program, packets, options);
  }

  /** Called by load and unload. */
  setLive(live: Live | undefined): void {
    this.live = live;
  }

  private attachToMap({ map, attachType = this.spec.attachType }: AttachOptions): Link {
    const { program, hooks } = this.need();
    if (map === undefined)
      throw new UsageError('no-attach-target', 'name the SOCKMAP or SOCKHASH, as attach({ map: … })', {
        program: this.name,
      });
    return socketMapLink(hooks, map.loaded, program, attachType).own();
  }

  private need(): Live {
    if (this.live !== undefined) return this.live;
    const why = this.autoload
      ? 'kernel.load(object) loads it'
      : 'set its autoload to true before kernel.load(object)';
    throw new UsageError('not-loaded', `program '${this.name}' is not loaded: ${why}`);
  }
}
