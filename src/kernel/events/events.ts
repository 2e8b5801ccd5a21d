/**
 * Events of the kernel's code: system calls with all that hangs on them, single tracepoints, raw tracepoints and function
 * probes. Each builds the contexts that its programs see and runs them in the order of the kernel.
 */
import { UsageError } from '../../base/errors.ts';
import { highHalf, lowHalf } from '../../base/int64.ts';
import { nearest } from '../../base/suggest.ts';
import { BpfAttachType } from '../../spec/index.ts';
import { functionHook, syscallFunctions } from '../attach/attach.ts';
import type { Attachment, HookTable } from '../attach/hooks.ts';
import { findLsmHook } from '../attach/lsm-hooks.ts';
import { type CgroupAnswer, CgroupRunner } from '../cgroup-events/run.ts';
import type { Machine } from '../machine/machine.ts';
import type { Situation } from '../machine/situation.ts';
import { type CallArgument, UserMemory } from '../machine/user-memory.ts';
import type { Socket } from '../sockets/socket.ts';
import { allocateContext } from './event-context.ts';
import type { ProgramRun } from './program-run.ts';
import {
  PT_REGS_BYTES,
  writeFunctionArguments,
  writeReturnValue,
  writeSyscallRegisters,
} from './registers.ts';
import { syscallNames, syscallNumber } from './syscalls.ts';

/** Who makes an event happen, and where. */
export interface EventOptions {
  readonly cpu?: number;
  /** Pid of the task; the current one by default. */
  readonly pid?: number;
  /** Addresses of the call stack in the kernel, innermost frame first: what bpf_get_stackid and bpf_get_stack walk. */
  readonly kernelStack?: readonly bigint[];
  /** The same of the task's own code. */
  readonly userStack?: readonly bigint[];
}

/** An event of an LSM hook. */
export interface LsmOptions extends EventOptions {
  /** The socket that it is about: programs of BPF_LSM_CGROUP are those of its cgroup, otherwise of the task's. */
  readonly socket?: Socket;
}

/** What an LSM hook answers. */
export interface LsmResult {
  /** 0 or a negative errno; for hooks that answer yes or no, 1 or 0. */
  readonly retval: number;
  readonly runs: readonly ProgramRun[];
}

/** Members before the arguments of a tracepoint's record: struct trace_entry, 8 bytes. */
const TRACE_ENTRY_BYTES = 8;
const WORD = 8;

/** What some system calls answer; others give 0 unless told otherwise. */
const ANSWERS: Readonly<Record<string, (situation: Situation) => number>> = {
  getpid: ({ task }) => task.tgid,
  gettid: ({ task }) => task.pid,
  getuid: ({ task }) => task.uid,
  geteuid: ({ task }) => task.uid,
  getgid: ({ task }) => task.gid,
  getegid: ({ task }) => task.gid,
};

/** Fires events on one machine. */
export class EventSource {
  private readonly machine: Machine;
  private readonly hooks: HookTable;
  private readonly cgroups: CgroupRunner;

  constructor(machine: Machine, hooks: HookTable) {
    this.machine = machine;
    this.hooks = hooks;
    this.cgroups = new CgroupRunner(machine, hooks);
  }

  /**
   * A system call by its name (`getuid`): its entry tracepoints, probes on its function, its exit tracepoints.
   * @param args Up to six; strings and bytes are put into user memory for the time of the call.
   * @throws UsageError for a name that x86-64 does not have.
   */
  syscall(
    name: string,
    args: readonly CallArgument[] = [],
    options: EventOptions & { readonly returns?: number | bigint } = {},
  ): ProgramRun[] {
    const id = syscallNumber(name);
    if (id === undefined) throw unknownSyscall(name);
    return this.inSituation(options, (user) => {
      const words = args.map((argument) => user.place(argument));
      const result = BigInt(options.returns ?? ANSWERS[name]?.(this.machine.current) ?? 0);
      return [
        ...this.syscallEntry(name, id, words),
        ...this.syscallFunction(name, id, words, result),
        ...this.syscallExit(name, id, words, result),
      ];
    });
  }

  /** One tracepoint, `category/name`; the record is what the kernel's format file describes, common fields included. */
  tracepoint(name: string, record: Uint8Array, options: EventOptions = {}): ProgramRun[] {
    return this.inSituation(options, () => this.runAt(`tracepoint:${name}`, record));
  }

  /** One raw tracepoint: its arguments as the kernel passes them. Also runs the tp_btf programs there. */
  rawTracepoint(name: string, args: readonly CallArgument[] = [], options: EventOptions = {}): ProgramRun[] {
    return this.inSituation(options, (user) =>
      this.runRaw(
        name,
        args.map((argument) => user.place(argument)),
      ),
    );
  }

  /** A call of a kernel function: kprobes and fentry at its start, kretprobes and fexit at its end. */
  functionCall(
    symbol: string,
    args: readonly CallArgument[] = [],
    options: EventOptions & { readonly returns?: number | bigint } = {},
  ): ProgramRun[] {
    return this.inSituation(options, (user) =>
      this.runFunction(
        symbol,
        args.map((argument) => user.place(argument)),
        BigInt(options.returns ?? 0),
      ),
    );
  }

  /**
   * An LSM hook by its name without `bpf_lsm_`: the programs of BPF_LSM_MAC, of which the first that gives another number than 0 decides, then
   * those of the cgroup (BPF_LSM_CGROUP). Hooks without a result run all.
   * @throws UsageError `no-such-hook` when the kernel's types do not have it.
   */
  lsm(name: string, args: readonly CallArgument[] = [], options: LsmOptions = {}): LsmResult {
    const hook = findLsmHook(this.machine.kernelTypes, name);
    let retval = hook.otherwise;
    const runs = this.inSituation(options, (user) => {
      const words = args.map((argument) => user.place(argument));
      if (hook.isVoid) return this.runAt(`lsm:bpf_lsm_${name}`, wordBytes(words));
      const decided = this.runModifiers(`lsm:bpf_lsm_${name}`, words);
      if (decided.instead !== 0n) {
        retval = Number(BigInt.asIntN(32, decided.instead));
        return decided.runs;
      }
      const asked = this.askCgroup(hook.btfId, words, options.socket);
      if (asked.retval !== 0) retval = asked.retval;
      return [...decided.runs, ...asked.runs];
    });
    return { retval, runs };
  }

  /** The programs of BPF_LSM_CGROUP at the cgroup of a socket, or of the current task. */
  private askCgroup(attachBtfId: number, words: readonly bigint[], socket: Socket | undefined): CgroupAnswer {
    const { machine } = this;
    const cgroup = socket?.cgroup ?? machine.objects.cgroupOf(machine.current.task);
    const attachType = BpfAttachType.BPF_LSM_CGROUP;
    const context = allocateContext(machine.memory, wordBytes([...words, 0n]), 'context of an LSM hook');
    try {
      return this.cgroups.run({ cgroup, attachType, context, attachBtfId });
    } finally {
      machine.memory.free(context);
    }
  }

  private syscallEntry(name: string, id: number, args: readonly bigint[]): ProgramRun[] {
    const record = new Uint8Array(TRACE_ENTRY_BYTES + 7 * WORD);
    writeWords(record, TRACE_ENTRY_BYTES, [BigInt(id), ...args]);
    return [
      ...this.withRegisters(
        (regs) => {
          writeSyscallRegisters(this.machine.memory, regs, id, args);
        },
        (regs) => this.runRaw('sys_enter', [BigInt(regs), BigInt(id)]),
      ),
      ...this.runAt('tracepoint:raw_syscalls/sys_enter', record),
      ...this.runAt(`tracepoint:syscalls/sys_enter_${name}`, record),
    ];
  }

  private syscallFunction(name: string, id: number, args: readonly bigint[], result: bigint): ProgramRun[] {
    const [wrapper, plain] = syscallFunctions(name);
    return this.withRegisters(
      (regs) => {
        writeSyscallRegisters(this.machine.memory, regs, id, args);
      },
      (regs) => [
        ...this.runFunction(wrapper, [BigInt(regs)], result),
        ...this.runFunction(plain, args, result),
      ],
    );
  }

  private syscallExit(name: string, id: number, args: readonly bigint[], result: bigint): ProgramRun[] {
    const record = new Uint8Array(TRACE_ENTRY_BYTES + 2 * WORD);
    writeWords(record, TRACE_ENTRY_BYTES, [BigInt(id), result]);
    return [
      ...this.withRegisters(
        (regs) => {
          writeSyscallRegisters(this.machine.memory, regs, id, args);
          writeReturnValue(this.machine.memory, regs, result);
        },
        (regs) => this.runRaw('sys_exit', [BigInt(regs), result]),
      ),
      ...this.runAt('tracepoint:raw_syscalls/sys_exit', record),
      ...this.runAt(`tracepoint:syscalls/sys_exit_${name}`, record),
    ];
  }

  private runFunction(symbol: string, args: readonly bigint[], result: bigint): ProgramRun[] {
    const { memory } = this.machine;
    const entry = this.withRegisters(
      (regs) => {
        writeFunctionArguments(memory, regs, args);
      },
      (regs) => this.runLinks(functionHook('kprobe', symbol), regs),
    );
    const fentry = this.runAt(`fentry:${symbol}`, wordBytes(args));
    const { runs, instead } = this.runModifiers(`fmod_ret:${symbol}`, args);
    const returned = instead === 0n ? result : instead;
    return [
      ...entry,
      ...fentry,
      ...runs,
      ...this.runAt(`fexit:${symbol}`, wordBytes([...args, returned])),
      ...this.withRegisters(
        (regs) => {
          writeReturnValue(memory, regs, returned);
        },
        (regs) => this.runLinks(functionHook('kretprobe', symbol), regs),
      ),
    ];
  }

  /**
   * Programs that may answer in a function's place: the first that gives another number than 0 does, and those behind it do not run
   * (invoke_bpf_mod_ret in arch/x86/net/bpf_jit_comp.c).
   */
  private runModifiers(
    hook: string,
    args: readonly bigint[],
  ): { readonly runs: ProgramRun[]; readonly instead: bigint } {
    const runs: ProgramRun[] = [];
    if (this.hooks.at(hook).length === 0) return { runs, instead: 0n };
    const { memory } = this.machine;
    const context = allocateContext(memory, wordBytes([...args, 0n]), hook);
    try {
      for (const attachment of this.hooks.at(hook)) {
        const run = this.runLink(attachment, context);
        runs.push(run);
        if (run.r0 !== 0n) return { runs, instead: run.r0 };
      }
    } finally {
      memory.free(context);
    }
    return { runs, instead: 0n };
  }

  private runRaw(name: string, args: readonly bigint[]): ProgramRun[] {
    const words = wordBytes(args);
    return [...this.runAt(`raw_tracepoint:${name}`, words), ...this.runAt(`tp_btf:${name}`, words)];
  }

  /** Runs what hangs at a hook on a context with these bytes. */
  private runAt(hook: string, context: Uint8Array): ProgramRun[] {
    if (this.hooks.at(hook).length === 0) return [];
    const { memory } = this.machine;
    const address = allocateContext(memory, context, hook);
    try {
      return this.runLinks(hook, address);
    } finally {
      memory.free(address);
    }
  }

  private runLinks(hook: string, context: number): ProgramRun[] {
    return this.hooks.at(hook).map((link) => this.runLink(link, context));
  }

  private runLink(link: Attachment, context: number): ProgramRun {
    const cookie = { lo: lowHalf(link.cookie), hi: highHalf(link.cookie) };
    const event = { functionAddress: { lo: 0, hi: 0 }, cookie };
    return this.machine.during({ event }, () => {
      const { r0, retval } = this.machine.runner.run(link.program, context);
      return { program: link.program.name, hook: link.hook, r0, retval };
    });
  }

  private withRegisters<T>(fill: (regs: number) => void, action: (regs: number) => T): T {
    const { memory } = this.machine;
    const regs = memory.allocate({ size: PT_REGS_BYTES, kind: 'ctx', name: 'pt_regs' });
    try {
      fill(regs);
      return action(regs);
    } finally {
      memory.free(regs);
    }
  }

  private inSituation(options: EventOptions, action: (user: UserMemory) => ProgramRun[]): ProgramRun[] {
    const { machine } = this;
    const task = options.pid === undefined ? machine.current.task : machine.tasks.get(options.pid);
    if (task === undefined)
      throw new UsageError('no-such-task', `there is no task with pid ${options.pid}; spawn it first`);
    const user = new UserMemory(machine.memory);
    try {
      const stacks = { kernel: stackWords(options.kernelStack), user: stackWords(options.userStack) };
      return machine.during({ task, cpu: options.cpu ?? machine.current.cpu, stacks }, () => action(user));
    } finally {
      user.release();
    }
  }
}

function stackWords(frames: readonly bigint[] = []): Uint32Array {
  return new Uint32Array(BigUint64Array.from(frames, (frame) => BigInt.asUintN(64, frame)).buffer);
}

function writeWords(bytes: Uint8Array, offset: number, words: readonly bigint[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  words.forEach((word, i) => {
    if (offset + (i + 1) * WORD <= bytes.length)
      view.setBigUint64(offset + i * WORD, BigInt.asUintN(64, word), true);
  });
}

function wordBytes(words: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(words.length * WORD);
  writeWords(bytes, 0, words);
  return bytes;
}

function unknownSyscall(name: string): UsageError {
  const meant = nearest(name, syscallNames());
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return new UsageError('no-such-syscall', `x86-64 has no system call '${name}'${hint}`);
}
