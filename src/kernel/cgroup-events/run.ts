/**
 * Running the programs of a cgroup for one event: each sees what those before it made of the answer, a program that gives 0 makes it EPERM
 * (bpf_prog_run_array_cg in kernel/bpf/cgroup.c).
 */
import { Errno } from '../../base/errno.ts';
import type { CgroupRun, SysctlAccess } from '../../helpers/index.ts';
import type { CgroupValues } from '../../maps/index.ts';
import { effectivePrograms } from '../attach/cgroup-programs.ts';
import type { HookTable } from '../attach/hooks.ts';
import type { ProgramRun } from '../events/program-run.ts';
import type { Machine } from '../machine/machine.ts';
import type { Situation } from '../machine/situation.ts';
import type { Cgroup, CgroupTable } from '../objects/cgroups.ts';

/** MAX_ERRNO: answers below 0 down to here are errors. */
const MAX_ERRNO = 4095;

/** What runs, for whom. */
export interface CgroupEvent {
  readonly cgroup: Cgroup;
  readonly attachType: number;
  /** Address of the context. */
  readonly context: number;
  /** The answer that the programs may change; 0 by default. */
  readonly retval?: number;
  /** Address in the context where programs read and write the answer. */
  readonly retvalAt?: number;
  /** Programs return a bit that says yes, and further ones that say more: they are gathered in `flags`. */
  readonly hasFlags?: boolean;
  /** BPF_LSM_CGROUP: only programs that attach to this BTF id. */
  readonly attachBtfId?: number;
  readonly sysctl?: SysctlAccess;
  /** What else holds while they run. */
  readonly situation?: Partial<Situation>;
}

/** What came of it. */
export interface CgroupAnswer {
  /** 0, a negative errno, or what programs set. */
  readonly retval: number;
  /** Higher bits of what programs returned, ORed together. */
  readonly flags: number;
  readonly runs: readonly ProgramRun[];
}

/** The state of one run that helpers see (struct bpf_cg_run_ctx). */
class RunState implements CgroupRun {
  readonly sysctl: SysctlAccess | undefined;
  /** The cgroup at which the running program is attached. */
  owner: Cgroup;
  private readonly attachType: number;
  private readonly machine: Machine;
  private readonly retvalAt: number;
  private answer = 0;

  constructor(machine: Machine, event: CgroupEvent) {
    this.machine = machine;
    this.sysctl = event.sysctl;
    this.owner = event.cgroup;
    this.attachType = event.attachType;
    this.retvalAt = event.retvalAt ?? 0;
    this.retval = event.retval ?? 0;
  }

  get retval(): number {
    return this.retvalAt === 0 ? this.answer : this.machine.memory.view.getInt32(this.retvalAt, true);
  }

  set retval(value: number) {
    if (this.retvalAt === 0) this.answer = value;
    else this.machine.memory.view.setInt32(this.retvalAt, value, true);
  }

  valueOf(values: CgroupValues): number {
    return values.valueFor(this.owner, this.attachType);
  }
}

/** Runs the programs of one machine's cgroups. */
export class CgroupRunner {
  readonly machine: Machine;
  private readonly hooks: HookTable;

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.hooks = hooks;
  }

  /** Whether an event would run anything. */
  hasPrograms(cgroup: Cgroup, attachType: number): boolean {
    return effectivePrograms(this.hooks, cgroup.directory, attachType).length > 0;
  }

  /** Runs what is attached to a cgroup and those above for an event. @throws VmFault when a program faults. */
  run(event: CgroupEvent): CgroupAnswer {
    const { machine } = this;
    const cgroups: CgroupTable = machine.objects.cgroups;
    const state = new RunState(machine, event);
    const runs: ProgramRun[] = [];
    let flags = 0;
    for (const { attachment, directory } of effectivePrograms(
      this.hooks,
      event.cgroup.directory,
      event.attachType,
    )) {
      const { program, hook } = attachment;
      if (event.attachBtfId !== undefined && program.facts.attachBtfId !== event.attachBtfId) continue;
      state.owner = cgroups.of(directory);
      const { r0, retval } = machine.during({ ...event.situation, cgroupRun: state }, () =>
        machine.runner.run(program, event.context),
      );
      runs.push({ program: program.name, hook, r0, retval });
      let verdict = retval >>> 0;
      if (event.hasFlags === true) {
        flags |= verdict >>> 1;
        verdict &= 1;
      }
      if (verdict === 0 && !isError(state.retval)) state.retval = -Errno.EPERM;
    }
    return { retval: state.retval, flags, runs };
  }
}

/** IS_ERR_VALUE. */
export function isError(value: number): boolean {
  return value < 0 && value >= -MAX_ERRNO;
}
