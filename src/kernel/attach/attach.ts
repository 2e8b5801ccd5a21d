/**
 * Where programs attach: the hook that stands for a program's type, attach type and section, in one table. What is not in it
 * can be loaded and test-run, but nothing in this machine fires it.
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import type { ProgramSpec } from '../../loader/index.ts';
import { BpfAttachType, BpfProgType, progTypeName } from '../../spec/index.ts';
import type { IteratorChoice } from '../iterators/target.ts';
import type { Cgroup } from '../objects/cgroups.ts';
import type { LiveMap } from '../objects/live-map.ts';
import { FLOW_DISSECTOR_HOOK } from '../packets/flow-dissector.ts';
import { SK_LOOKUP_HOOK } from '../sockets/sk-lookup.ts';
import type { Socket } from '../sockets/socket.ts';

/** What the section name leaves open. */
export interface AttachOptions {
  /** XDP, tc, socket filters: name of the device; `eth0` by default. */
  readonly device?: string;
  /** tc: direction, when the section does not say; ingress by default. */
  readonly direction?: 'ingress' | 'egress';
  /** Tracing: what to attach to instead of what the section says. */
  readonly target?: string;
  /** SK_REUSEPORT: a socket of the group, with SO_REUSEPORT (setsockopt(2) with SO_ATTACH_REUSEPORT_EBPF); the program replaces another. */
  readonly socket?: Socket;
  /** SK_SKB programs of a section that does not say: BPF_SK_SKB_STREAM_PARSER, BPF_SK_SKB_STREAM_VERDICT or BPF_SK_SKB_VERDICT. */
  readonly attachType?: number;
  /** Tracing: what bpf_get_attach_cookie gives. */
  readonly cookie?: number | bigint;
  /** Programs of cgroups: the cgroup, or its path below /sys/fs/cgroup; the root by default. */
  readonly cgroup?: Cgroup | string;
  /** Iterators over map elements: the map. SK_SKB, SK_MSG: the SOCKMAP or SOCKHASH, whose sockets take the program when they are put in. */
  readonly map?: { readonly loaded: LiveMap };
  /** Iterators over tasks: the threads of this process only. */
  readonly pid?: number;
  /** Iterators over tasks: this thread only. */
  readonly tid?: number;
}

/** The device that XDP and tc programs are attached to when nothing is said. */
const DEFAULT_DEVICE = 'eth0';

/** Prefix of x86-64's system call functions, which kprobes see: arch/x86/include/asm/syscall_wrapper.h. */
const SYSCALL_PREFIX = '__x64_sys_';

type Rule = (spec: ProgramSpec, options: AttachOptions) => string;

const target = (spec: ProgramSpec, options: AttachOptions): string => {
  const name = options.target ?? spec.attachTarget;
  if (name !== '') return name;
  throw new UsageError(
    'no-attach-target',
    `section '${spec.section}' does not say where to attach: name a target there, as in SEC("${spec.section}/…"), or in attach({ target: … })`,
    { program: spec.name },
  );
};

const at =
  (hook: string): Rule =>
  (spec, options) =>
    `${hook}:${target(spec, options)}`;

const tracingHooks: Readonly<Record<number, string>> = {
  [BpfAttachType.BPF_TRACE_RAW_TP]: 'tp_btf',
  [BpfAttachType.BPF_TRACE_FENTRY]: 'fentry',
  [BpfAttachType.BPF_TRACE_FEXIT]: 'fexit',
  [BpfAttachType.BPF_MODIFY_RETURN]: 'fmod_ret',
};

const RULES: Readonly<Record<number, Rule>> = {
  [BpfProgType.BPF_PROG_TYPE_TRACEPOINT]: at('tracepoint'),
  [BpfProgType.BPF_PROG_TYPE_RAW_TRACEPOINT]: at('raw_tracepoint'),
  [BpfProgType.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE]: at('raw_tracepoint'),
  [BpfProgType.BPF_PROG_TYPE_KPROBE]: kprobeHook,
  [BpfProgType.BPF_PROG_TYPE_TRACING]: (spec, options) => {
    const hook = tracingHooks[spec.attachType];
    if (hook === undefined) throw notSimulated(spec);
    return `${hook}:${target(spec, options)}`;
  },
  [BpfProgType.BPF_PROG_TYPE_LSM]: (spec, options) => `lsm:bpf_lsm_${target(spec, options)}`,
  [BpfProgType.BPF_PROG_TYPE_XDP]: (_, { device = DEFAULT_DEVICE }) => `xdp:${device}`,
  [BpfProgType.BPF_PROG_TYPE_SCHED_CLS]: tcHook,
  [BpfProgType.BPF_PROG_TYPE_SCHED_ACT]: tcHook,
  [BpfProgType.BPF_PROG_TYPE_SK_LOOKUP]: () => SK_LOOKUP_HOOK,
  [BpfProgType.BPF_PROG_TYPE_SK_REUSEPORT]: (spec, { socket }) => {
    if (socket !== undefined) return socket.reuseportHook;
    throw new UsageError('no-attach-target', 'name a socket of the group, as attach({ socket: … })', {
      program: spec.name,
    });
  },
  [BpfProgType.BPF_PROG_TYPE_FLOW_DISSECTOR]: () => FLOW_DISSECTOR_HOOK,
  [BpfProgType.BPF_PROG_TYPE_SOCKET_FILTER]: (_, { device = DEFAULT_DEVICE }) => `socket:${device}`,
};

/**
 * The hook that a program attaches to.
 * @throws UsageError `no-attach-target` when neither section nor options name one; SyscallError EOPNOTSUPP for types that
 * this machine does not fire.
 */
export function hookOf(spec: ProgramSpec, options: AttachOptions): string {
  const rule = RULES[spec.type];
  if (rule === undefined) throw notSimulated(spec);
  return rule(spec, options);
}

/** Whether a program is one of an iterator. */
export function isIterator(spec: ProgramSpec): boolean {
  return spec.type === BpfProgType.BPF_PROG_TYPE_TRACING && spec.attachType === BpfAttachType.BPF_TRACE_ITER;
}

/** What options say an iterator walks over. @throws UsageError for a map that is not loaded. */
export function iteratorChoice({ map, pid, tid }: AttachOptions): IteratorChoice {
  return {
    ...(map === undefined ? {} : { map: map.loaded }),
    ...(pid === undefined ? {} : { tasks: { kind: 'process', id: pid } }),
    ...(tid === undefined ? {} : { tasks: { kind: 'thread', id: tid } }),
  };
}

/** The hook of a function's entry or return under any of a system call's names: `sys_clone`, `__x64_sys_clone`. */
export function functionHook(kind: 'kprobe' | 'kretprobe', symbol: string): string {
  const name = symbol.replace(/\+(0x)?[0-9a-f]+$/i, '');
  return `${kind}:${name}`;
}

/** The function names under which kprobes see a system call; the first has its arguments one pointer away. */
export function syscallFunctions(name: string): readonly [wrapper: string, plain: string] {
  return [SYSCALL_PREFIX + name, `sys_${name}`];
}

function kprobeHook(spec: ProgramSpec, options: AttachOptions): string {
  const prefix = spec.section.replace(/^\?/, '').split('/')[0] ?? '';
  const symbol = target(spec, options);
  switch (prefix) {
    case 'kprobe':
    case 'kretprobe':
      return functionHook(prefix, symbol);
    case 'ksyscall':
      return functionHook('kprobe', SYSCALL_PREFIX + symbol);
    case 'kretsyscall':
      return functionHook('kretprobe', SYSCALL_PREFIX + symbol);
    default:
      throw notSimulated(spec);
  }
}

function tcHook(spec: ProgramSpec, options: AttachOptions): string {
  const direction = options.direction ?? (spec.section.endsWith('egress') ? 'egress' : 'ingress');
  return `tc/${direction}:${options.device ?? DEFAULT_DEVICE}`;
}

function notSimulated(spec: ProgramSpec): SyscallError {
  return new SyscallError(
    Errno.EOPNOTSUPP,
    `nothing here fires ${progTypeName(spec.type)} programs of section '${spec.section}': run it with testRun and a context`,
    { program: spec.name },
  );
}
