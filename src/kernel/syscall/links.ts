/**
 * The commands for links: made for each kind of program in its own way, then all alike (link_create, link_update, link_detach,
 * bpf_raw_tracepoint_open in kernel/bpf/syscall.c).
 */
import { Errno } from '../../base/errno.ts';
import { StructOpsMap } from '../../maps/index.ts';
import { BpfAttachType as A, BpfProgType as P } from '../../spec/index.ts';
import type { KernelLink } from '../attach/hooks.ts';
import { socketMapLink } from '../attach/socket-map-programs.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { checkAttachType } from './attach.ts';
import type { Attributes } from './attributes.ts';
import { cgroupLink } from './cgroups.ts';
import { linkOf, mapOf, openNew, programOf, type SyscallContext } from './context.ts';
import { fail, succeed } from './failure.ts';
import { BPF_F_REPLACE } from './multi-program.ts';
import { netnsLink } from './netns.ts';
import { tcxLink } from './tcx.ts';
import { iteratorLink, perfEventLink, rawTracepointLink, trampolineLink } from './tracing-links.ts';
import { xdpLink } from './xdp-link.ts';

type CreateAttributes = Attributes<'BPF_LINK_CREATE'>;
type Maker = (sys: SyscallContext, attr: CreateAttributes, program: LoadedProgram) => KernelLink;

const TRACEPOINT_NAME_BYTES = 127;

function open(sys: SyscallContext, link: KernelLink): number {
  return openNew(sys, { kind: 'link', link, held: link });
}

const notHere =
  (errno: number, what: string): Maker =>
  () =>
    fail(errno, what);

const toSocketMap: Maker = (sys, attr, program) => {
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'there are no flags');
  return socketMapLink(sys.hooks, mapOf(sys, attr.u32('target_fd')), program, attr.u32('attach_type'));
};

const MAKERS: Readonly<Record<number, Maker>> = {
  [P.BPF_PROG_TYPE_CGROUP_SKB]: cgroupLink,
  [P.BPF_PROG_TYPE_CGROUP_SOCK]: cgroupLink,
  [P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR]: cgroupLink,
  [P.BPF_PROG_TYPE_SOCK_OPS]: cgroupLink,
  [P.BPF_PROG_TYPE_CGROUP_DEVICE]: cgroupLink,
  [P.BPF_PROG_TYPE_CGROUP_SYSCTL]: cgroupLink,
  [P.BPF_PROG_TYPE_CGROUP_SOCKOPT]: cgroupLink,
  [P.BPF_PROG_TYPE_LSM]: tracingLink,
  [P.BPF_PROG_TYPE_TRACING]: tracingLink,
  [P.BPF_PROG_TYPE_FLOW_DISSECTOR]: netnsLink,
  [P.BPF_PROG_TYPE_SK_LOOKUP]: netnsLink,
  [P.BPF_PROG_TYPE_SK_MSG]: toSocketMap,
  [P.BPF_PROG_TYPE_SK_SKB]: toSocketMap,
  [P.BPF_PROG_TYPE_XDP]: xdpLink,
  [P.BPF_PROG_TYPE_SCHED_CLS]: classifierLink,
  [P.BPF_PROG_TYPE_NETFILTER]: notHere(Errno.EOPNOTSUPP, 'netfilter hooks are not simulated'),
  [P.BPF_PROG_TYPE_PERF_EVENT]: perfEventLink,
  [P.BPF_PROG_TYPE_TRACEPOINT]: perfEventLink,
  [P.BPF_PROG_TYPE_KPROBE]: kprobeLink,
};

/** BPF_LINK_CREATE (link_create). */
export function linkCreate(sys: SyscallContext, attr: CreateAttributes): number {
  attr.checkUnused();
  const attachType = attr.u32('attach_type');
  if (attachType === A.BPF_STRUCT_OPS) {
    const { map } = mapOf(sys, attr.u32('map_fd'));
    if (map instanceof StructOpsMap && map.isReady)
      fail(Errno.EOPNOTSUPP, 'links of operations, which have no program, are not simulated');
    fail(Errno.EINVAL, 'the map is no struct_ops map with BPF_F_LINK that an update has filled');
  }
  const program = programOf(sys, attr.u32('prog_fd'));
  checkAttachType(program, attachType);
  const maker = MAKERS[program.type];
  if (maker === undefined) fail(Errno.EINVAL, 'programs of this type do not attach by links');
  return open(sys, maker(sys, attr, program));
}

function tracingLink(sys: SyscallContext, attr: CreateAttributes, program: LoadedProgram): KernelLink {
  if (attr.u32('attach_type') !== program.expectedAttachType)
    fail(Errno.EINVAL, 'the program was loaded for another attach type');
  const cookie = attr.u64('tracing.cookie');
  switch (program.expectedAttachType) {
    case A.BPF_TRACE_RAW_TP:
      return rawTracepointLink(sys, program, undefined, cookie);
    case A.BPF_TRACE_ITER:
      return iteratorLink(sys, attr, program);
    case A.BPF_LSM_CGROUP:
      return cgroupLink(sys, attr, program);
    default:
      return trampolineLink(sys, program, {
        targetFd: attr.u32('target_fd'),
        btfId: attr.u32('target_btf_id'),
        cookie,
      });
  }
}

function classifierLink(sys: SyscallContext, attr: CreateAttributes, program: LoadedProgram): KernelLink {
  const attachType = attr.u32('attach_type');
  if (attachType === A.BPF_TCX_INGRESS || attachType === A.BPF_TCX_EGRESS) return tcxLink(sys, attr, program);
  return fail(
    sys.devices.byIndex(attr.u32('target_ifindex')) === undefined ? Errno.ENODEV : Errno.ENXIO,
    'no device here is a netkit device',
  );
}

function kprobeLink(sys: SyscallContext, attr: CreateAttributes, program: LoadedProgram): KernelLink {
  return attr.u32('attach_type') === A.BPF_PERF_EVENT
    ? perfEventLink(sys, attr, program)
    : fail(Errno.EOPNOTSUPP, 'links to many functions at once are not simulated');
}

/** BPF_RAW_TRACEPOINT_OPEN (bpf_raw_tracepoint_open). */
export function rawTracepointOpen(sys: SyscallContext, attr: Attributes<'BPF_RAW_TRACEPOINT_OPEN'>): number {
  attr.checkUnused();
  const program = programOf(sys, attr.u32('prog_fd'));
  const address = attr.word('name');
  const name = address === 0 ? undefined : () => sys.user.readString(address, TRACEPOINT_NAME_BYTES);
  return open(sys, rawTracepointLink(sys, program, name, attr.u64('cookie')));
}

/** BPF_LINK_UPDATE (link_update). */
export function linkUpdate(sys: SyscallContext, attr: Attributes<'BPF_LINK_UPDATE'>): number {
  attr.checkUnused();
  const flags = attr.u32('flags');
  if ((flags & ~BPF_F_REPLACE) !== 0) fail(Errno.EINVAL, 'the only flag is BPF_F_REPLACE');
  const link = linkOf(sys, attr.u32('link_fd'));
  const program = programOf(sys, attr.u32('new_prog_fd'));
  const replacing = (flags & BPF_F_REPLACE) !== 0;
  const oldFd = attr.u32('old_prog_fd');
  const old = replacing ? programOf(sys, oldFd) : undefined;
  if (!replacing && oldFd !== 0) fail(Errno.EINVAL, 'old_prog_fd needs BPF_F_REPLACE');
  const { checkUpdate } = link.rules;
  if (checkUpdate === undefined) fail(Errno.EINVAL, 'links of this kind keep their program');
  succeed(checkUpdate(program, link, old), 'the link does not take this program');
  link.update(program);
  return 0;
}

/** BPF_LINK_DETACH (link_detach). */
export function linkDetach(sys: SyscallContext, attr: Attributes<'BPF_LINK_DETACH'>): number {
  attr.checkUnused();
  const link = linkOf(sys, attr.u32('link_fd'));
  if (!link.rules.detachable) fail(Errno.EOPNOTSUPP, 'links of this kind are closed, not detached');
  link.takeOff();
  return 0;
}
