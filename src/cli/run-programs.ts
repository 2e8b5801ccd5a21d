/** What `run` makes happen: the events that were asked for, or each program's own. */

import { decodeUtf8 } from '../base/text.ts';
import {
  type BpfObject,
  BpfProgType,
  type Kernel,
  type PacketResult,
  type Program,
  type ProgramRun,
  shortProgType,
  takesPacket,
} from '../index.ts';
import { readIterator } from './iterators.ts';
import { usageError } from './report.ts';

/** What is to happen. */
export interface RunPlan {
  /** Only this program; all that are loaded by default. */
  readonly program?: string;
  /** Packet for packet programs and packet events. */
  readonly data?: Uint8Array;
  /** Context for test runs. */
  readonly ctx?: Uint8Array;
  /** Events as text; none: each program's own. */
  readonly events: readonly string[];
  readonly times: number;
  readonly cpu: number;
}

/** What happened: programs ran, or were read. */
export type Outcome = RunOutcome | ReadOutcome;

/** One event and one program. `event` is what made it happen: an event's name or `test run`. */
export interface RunOutcome {
  readonly event: string;
  readonly program: string;
  readonly type: string;
  /** r0 as a C int. */
  readonly retval: number;
  /** What the number means for this type, or ''. */
  readonly meaning: string;
  readonly times: number;
  /** The packet afterwards, for packet programs. */
  readonly data?: Uint8Array;
}

/** An iterator was read to its end. */
export interface ReadOutcome {
  /** `read`, with the map if it goes through the elements of one. */
  readonly event: string;
  readonly program: string;
  readonly type: string;
  /** The bytes as text; undefined if they are none. */
  readonly text?: string;
  readonly data: Uint8Array;
}

const EMPTY_FRAME = 64;

/**
 * Runs everything that the plan says, one after the other as it is asked for.
 * @throws VmFault when a program faults; UsageError for an event that is none; SyscallError for data that the kernel refuses.
 */
export function* runPrograms(kernel: Kernel, object: BpfObject, plan: RunPlan): Generator<Outcome, void> {
  const { program: only } = plan;
  const programs = object.programList.filter(
    (program) => program.isLoaded && (only ?? program.name) === program.name,
  );
  if (plan.events.length > 0) {
    for (const program of programs) program.attach();
    for (const event of plan.events)
      yield* repeat(plan.times, () => fire(kernel, event, plan), programs, event);
    return;
  }
  for (const program of programs)
    yield* program.isIterator ? readings(kernel, object, program) : runAlone(kernel, program, plan);
}

function readings(kernel: Kernel, object: BpfObject, program: Program): ReadOutcome[] {
  return readIterator(kernel, object, program).map(({ event, bytes }) => {
    const text = decodeUtf8(bytes);
    const readable = !/[^\P{C}\t\n]|\ufffd/u.test(text);
    const base = { event, program: program.name, type: shortProgType(program.spec.type), data: bytes };
    return readable ? { ...base, text } : base;
  });
}

function runAlone(kernel: Kernel, program: Program, plan: RunPlan): RunOutcome[] {
  const event = ownEvent(program);
  if (event === undefined) {
    const { retval, data } = program.testRun({
      cpu: plan.cpu,
      repeat: plan.times,
      ...(plan.data === undefined || !takesPacket(program.spec.type) ? {} : { data: plan.data }),
      ...(plan.ctx === undefined ? {} : { ctx: plan.ctx }),
    });
    return [outcome('test run', program, retval, plan.times, data)];
  }
  const link = program.attach();
  try {
    return repeat(plan.times, () => fire(kernel, event, plan), [program], event);
  } finally {
    link.detach();
  }
}

/** The event that a program's section names; undefined for those that are test-run. */
function ownEvent(program: Program): string | undefined {
  const { type, attachTarget, section } = program.spec;
  switch (type) {
    case BpfProgType.BPF_PROG_TYPE_TRACEPOINT:
      return attachTarget === '' ? undefined : `tp/${attachTarget}`;
    case BpfProgType.BPF_PROG_TYPE_RAW_TRACEPOINT:
    case BpfProgType.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
      return attachTarget === '' ? undefined : `raw_tp/${attachTarget}`;
    case BpfProgType.BPF_PROG_TYPE_KPROBE:
      if (attachTarget === '' || !/^\??k(ret)?(probe|syscall)\//.test(section)) return undefined;
      return section.includes('syscall/') ? attachTarget : `kprobe/${attachTarget}`;
    default:
      return undefined;
  }
}

/** Fires so many times and keeps the last outcome of each program. */
function repeat(
  times: number,
  action: () => readonly ProgramRun[],
  programs: readonly Program[],
  event: string,
): RunOutcome[] {
  const last = new Map<string, { run: ProgramRun; times: number }>();
  for (let i = 0; i < times; i++) {
    for (const run of action())
      last.set(run.program, { run, times: (last.get(run.program)?.times ?? 0) + 1 });
  }
  return programs.flatMap((program) => {
    const found = last.get(program.name);
    return found === undefined ? [] : [outcome(event, program, found.run.retval, found.times)];
  });
}

function outcome(
  event: string,
  program: Program,
  retval: number,
  times: number,
  data?: Uint8Array,
): RunOutcome {
  const meaning = returnMeaning(program.spec.type, retval);
  const base = {
    event,
    program: program.name,
    type: shortProgType(program.spec.type),
    retval,
    meaning,
    times,
  };
  return data === undefined ? base : { ...base, data };
}

const XDP_ACTIONS = ['XDP_ABORTED', 'XDP_DROP', 'XDP_PASS', 'XDP_TX', 'XDP_REDIRECT'];
const TC_ACTIONS = [
  'TC_ACT_OK',
  'TC_ACT_RECLASSIFY',
  'TC_ACT_SHOT',
  'TC_ACT_PIPE',
  'TC_ACT_STOLEN',
  'TC_ACT_QUEUED',
  'TC_ACT_REPEAT',
  'TC_ACT_REDIRECT',
  'TC_ACT_TRAP',
];

function returnMeaning(type: number, retval: number): string {
  switch (type) {
    case BpfProgType.BPF_PROG_TYPE_XDP:
      return XDP_ACTIONS[retval] ?? '';
    case BpfProgType.BPF_PROG_TYPE_SCHED_CLS:
    case BpfProgType.BPF_PROG_TYPE_SCHED_ACT:
      return retval === -1 ? 'TC_ACT_UNSPEC' : (TC_ACTIONS[retval] ?? '');
    case BpfProgType.BPF_PROG_TYPE_SOCKET_FILTER:
      return retval === 0 ? 'dropped' : 'kept';
    default:
      return '';
  }
}

/** Fires one event from its text; the runs of the programs that it reached. */
function fire(kernel: Kernel, event: string, plan: RunPlan): readonly ProgramRun[] {
  const { cpu } = plan;
  const frame = plan.data ?? new Uint8Array(EMPTY_FRAME);
  const [kind = '', ...rest] = event.split('/');
  const name = rest.join('/');
  switch (kind) {
    case 'tp':
    case 'tracepoint':
      return fireTracepoint(kernel, name, plan);
    case 'raw_tp':
    case 'raw_tracepoint':
    case 'tp_btf':
      return kernel.rawTracepoint(name, [], { cpu });
    case 'kprobe':
    case 'kretprobe':
    case 'fentry':
    case 'fexit':
      return fireFunction(kernel, name, plan);
    case 'syscall':
    case 'ksyscall':
      return kernel.syscall(name, [], { cpu });
    case 'syscalls':
      return fireTracepoint(kernel, event, plan);
    case 'receive':
    case 'xdp':
      return packetRuns(kernel.receive(name === '' ? 'eth0' : name, frame, { cpu }));
    case 'transmit':
      return packetRuns(kernel.transmit(name === '' ? 'eth0' : name, frame, { cpu }));
    default:
      if (rest.length === 0) return kernel.syscall(event, [], { cpu });
      throw usageError(
        `'${event}' is no event: name a system call, or tp/…, raw_tp/…, kprobe/…, receive, transmit`,
      );
  }
}

const packetRuns = (result: PacketResult): readonly ProgramRun[] => result.runs;

/** Tracepoints of system calls come with the whole call; others with an empty record. */
function fireTracepoint(kernel: Kernel, name: string, plan: RunPlan): readonly ProgramRun[] {
  const call = /^syscalls\/sys_(?:enter|exit)_(\w+)$/.exec(name)?.[1];
  if (call !== undefined) return kernel.syscall(call, [], { cpu: plan.cpu });
  if (name === 'raw_syscalls/sys_enter' || name === 'raw_syscalls/sys_exit') {
    return kernel.syscall('getpid', [], { cpu: plan.cpu });
  }
  return kernel.tracepoint(name, new Uint8Array(EMPTY_FRAME), { cpu: plan.cpu });
}

/** A probe on a system call's function comes with the call. */
function fireFunction(kernel: Kernel, symbol: string, plan: RunPlan): readonly ProgramRun[] {
  const call = /^(?:__x64_)?sys_(\w+)$/.exec(symbol)?.[1];
  return call === undefined
    ? kernel.functionCall(symbol, [], { cpu: plan.cpu })
    : kernel.syscall(call, [], { cpu: plan.cpu });
}
