/**
 * BPF_PROG_ATTACH, BPF_PROG_DETACH and BPF_PROG_QUERY: flags and types, then the place's own rules (bpf_prog_attach, bpf_prog_detach,
 * bpf_prog_query in kernel/bpf/syscall.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType as A, BpfProgType as P } from '../../spec/index.ts';
import { BPF_F_ALLOW_MULTI, BPF_F_ALLOW_OVERRIDE, BPF_F_PREORDER } from '../attach/cgroup-programs.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Attributes } from './attributes.ts';
import { BPF_F_QUERY_EFFECTIVE, cgroupAttach, cgroupDetach, cgroupQuery } from './cgroups.ts';
import { programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { BPF_F_REPLACE, MULTI_FLAGS } from './multi-program.ts';
import { netnsAttach, netnsDetach, netnsQuery } from './netns.ts';
import { CGROUP_TYPES, programTypeOf } from './program-kinds.ts';
import { socketMapAttach, socketMapDetach, socketMapQuery } from './socket-maps.ts';
import { tcxAttach, tcxDetach, tcxQuery } from './tcx.ts';

const PLAIN_FLAGS = BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI | BPF_F_REPLACE | BPF_F_PREORDER;

const KPROBE_ATTACH_TYPES: readonly number[] = [
  A.BPF_PERF_EVENT,
  A.BPF_TRACE_KPROBE_MULTI,
  A.BPF_TRACE_KPROBE_SESSION,
  A.BPF_TRACE_UPROBE_MULTI,
];
const CLASSIFIER_ATTACH_TYPES: readonly number[] = [
  A.BPF_TCX_INGRESS,
  A.BPF_TCX_EGRESS,
  A.BPF_NETKIT_PRIMARY,
  A.BPF_NETKIT_PEER,
];

/** Whether a program may be attached so (bpf_prog_attach_check_attach_type). @throws SyscallError EINVAL. */
export function checkAttachType(program: LoadedProgram, attachType: number): void {
  if (!mayAttach(program, attachType))
    fail(Errno.EINVAL, `a program of type ${program.type} does not attach with attach type ${attachType}`);
}

function mayAttach(program: LoadedProgram, attachType: number): boolean {
  const { type, expectedAttachType } = program;
  switch (type) {
    case P.BPF_PROG_TYPE_CGROUP_SOCK:
    case P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
    case P.BPF_PROG_TYPE_CGROUP_SOCKOPT:
    case P.BPF_PROG_TYPE_SK_LOOKUP:
      return attachType === expectedAttachType;
    case P.BPF_PROG_TYPE_CGROUP_SKB:
      // What it was loaded for counts only for programs that make use of it.
      return (
        programTypeOf(attachType) === type &&
        (program.facts.uses?.boundToAttachType !== true || attachType === expectedAttachType)
      );
    case P.BPF_PROG_TYPE_EXT:
      return true;
    case P.BPF_PROG_TYPE_NETFILTER:
      return attachType === A.BPF_NETFILTER;
    case P.BPF_PROG_TYPE_PERF_EVENT:
    case P.BPF_PROG_TYPE_TRACEPOINT:
      return attachType === A.BPF_PERF_EVENT;
    case P.BPF_PROG_TYPE_KPROBE:
      return (
        KPROBE_ATTACH_TYPES.includes(attachType) &&
        (expectedAttachType === attachType ||
          expectedAttachType === A.BPF_PERF_EVENT ||
          !KPROBE_ATTACH_TYPES.includes(expectedAttachType))
      );
    case P.BPF_PROG_TYPE_SCHED_CLS:
      return CLASSIFIER_ATTACH_TYPES.includes(attachType);
    default:
      return programTypeOf(attachType) === type;
  }
}

/** Types whose rows have an order (bpf_mprog_supported). */
function hasOrder(type: number): boolean {
  return type === P.BPF_PROG_TYPE_SCHED_CLS;
}

function isCgroupType(type: number): boolean {
  return CGROUP_TYPES.includes(type) || type === P.BPF_PROG_TYPE_LSM;
}

/** BPF_PROG_ATTACH (bpf_prog_attach). */
export function programAttach(sys: SyscallContext, attr: Attributes<'BPF_PROG_ATTACH'>): number {
  attr.checkUnused();
  const attachType = attr.u32('attach_type');
  const type = programTypeOf(attachType);
  if (type === P.BPF_PROG_TYPE_UNSPEC)
    fail(Errno.EINVAL, `no program attaches with attach type ${attachType}`);
  checkAttachFlags(attr, type);
  const program = programOf(sys, attr.u32('attach_bpf_fd'));
  if (program.type !== type) fail(Errno.EINVAL, 'the program is of another type than the attach type is for');
  checkAttachType(program, attachType);
  if (
    CGROUP_TYPES.includes(type) ||
    (type === P.BPF_PROG_TYPE_LSM && program.expectedAttachType === A.BPF_LSM_CGROUP)
  )
    return cgroupAttach(sys, attr, program);
  switch (type) {
    case P.BPF_PROG_TYPE_SK_SKB:
    case P.BPF_PROG_TYPE_SK_MSG:
      return socketMapAttach(sys, attr, program);
    case P.BPF_PROG_TYPE_FLOW_DISSECTOR:
      return netnsAttach(sys, attr, program);
    case P.BPF_PROG_TYPE_SCHED_CLS:
      return isNetkit(attachType)
        ? refuseNetkit(sys, attr.u32('target_ifindex'))
        : tcxAttach(sys, attr, program);
    default:
      return fail(Errno.EINVAL, 'programs of this type attach by links');
  }
}

function checkAttachFlags(attr: Attributes<'BPF_PROG_ATTACH'>, type: number): void {
  const known = hasOrder(type) ? MULTI_FLAGS : isCgroupType(type) ? PLAIN_FLAGS | MULTI_FLAGS : PLAIN_FLAGS;
  if ((attr.u32('attach_flags') & ~known) !== 0) fail(Errno.EINVAL, 'attach_flags has unknown bits');
  if (hasOrder(type) || isCgroupType(type)) return;
  if (attr.u32('relative_fd') !== 0 || attr.u64('expected_revision') !== 0n)
    fail(Errno.EINVAL, 'programs there have no order');
}

/** BPF_PROG_DETACH (bpf_prog_detach). */
export function programDetach(sys: SyscallContext, attr: Attributes<'BPF_PROG_DETACH'>): number {
  attr.checkUnused();
  const attachType = attr.u32('attach_type');
  const type = programTypeOf(attachType);
  const flags = attr.u32('attach_flags');
  const fd = attr.u32('attach_bpf_fd');
  let program: LoadedProgram | undefined;
  if (hasOrder(type)) {
    if ((flags & ~MULTI_FLAGS) !== 0) fail(Errno.EINVAL, 'attach_flags has unknown bits');
    program = fd === 0 ? undefined : programOf(sys, fd);
    if (program !== undefined && program.type !== type) fail(Errno.EINVAL, 'the program is of another type');
  } else if (
    flags !== 0 ||
    attr.u32('relative_fd') !== 0 ||
    (!isCgroupType(type) && attr.u64('expected_revision') !== 0n)
  ) {
    fail(Errno.EINVAL, 'programs there have no order');
  }
  if (isCgroupType(type)) return cgroupDetach(sys, attr, type);
  switch (type) {
    case P.BPF_PROG_TYPE_SK_MSG:
    case P.BPF_PROG_TYPE_SK_SKB:
      return socketMapDetach(sys, attr, type);
    case P.BPF_PROG_TYPE_FLOW_DISSECTOR:
      return netnsDetach(sys, attr, type);
    case P.BPF_PROG_TYPE_SCHED_CLS:
      return isNetkit(attachType)
        ? refuseNetkit(sys, attr.u32('target_ifindex'))
        : tcxDetach(sys, attr, program);
    default:
      return fail(Errno.EINVAL, 'programs of this type attach by links');
  }
}

/** BPF_PROG_QUERY (bpf_prog_query). */
export function programQuery(sys: SyscallContext, attr: Attributes<'BPF_PROG_QUERY'>): number {
  attr.checkUnused();
  if ((attr.u32('query_flags') & ~BPF_F_QUERY_EFFECTIVE) !== 0)
    fail(Errno.EINVAL, 'the only flag is BPF_F_QUERY_EFFECTIVE');
  const attachType = attr.u32('attach_type');
  const type = programTypeOf(attachType);
  if (CGROUP_TYPES.includes(type) || attachType === A.BPF_LSM_CGROUP) return cgroupQuery(sys, attr);
  switch (attachType) {
    case A.BPF_FLOW_DISSECTOR:
    case A.BPF_SK_LOOKUP:
      return netnsQuery(sys, attr);
    case A.BPF_SK_SKB_STREAM_PARSER:
    case A.BPF_SK_SKB_STREAM_VERDICT:
    case A.BPF_SK_MSG_VERDICT:
    case A.BPF_SK_SKB_VERDICT:
      return socketMapQuery(sys, attr);
    case A.BPF_TCX_INGRESS:
    case A.BPF_TCX_EGRESS:
      return tcxQuery(sys, attr);
    case A.BPF_NETKIT_PRIMARY:
    case A.BPF_NETKIT_PEER:
      return refuseNetkit(sys, attr.u32('target_ifindex'));
    default:
      return fail(Errno.EINVAL, 'nothing can be asked for there');
  }
}

function isNetkit(attachType: number): boolean {
  return attachType === A.BPF_NETKIT_PRIMARY || attachType === A.BPF_NETKIT_PEER;
}

/** No device here is a netkit device. */
function refuseNetkit(sys: SyscallContext, ifindex: number): never {
  return fail(sys.devices.byIndex(ifindex) === undefined ? Errno.ENODEV : Errno.ENXIO, 'no netkit device');
}
