/** struct bpf_link_info (bpf_link_get_info_by_fd and the fill_link_info of each kind of link in kernel/bpf/). */
import { Errno } from '../../base/errno.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { BpfLinkType as L } from '../../spec/index.ts';
import type { KernelLink } from '../attach/hooks.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { putString, readInfo, writeInfo } from './info-struct.ts';

const INFO_BYTES = 64;

/** A number of 4 or 8 bytes, or a string: the caller's address at `offset`, its room and then its length at `lengthAt`. */
type Member =
  | { readonly name: string; readonly offset: number; readonly size: 4 | 8 }
  | { readonly name: string; readonly offset: number; readonly lengthAt: number };

const u32 = (name: string, offset: number): Member => ({ name, offset, size: 4 });
const u64 = (name: string, offset: number): Member => ({ name, offset, size: 8 });
const text = (name: string, offset: number, lengthAt: number): Member => ({
  name,
  offset,
  lengthAt,
});

/** What each kind of link tells, in the members of its part of the union. */
const MEMBERS: Readonly<Record<number, readonly Member[]>> = {
  [L.BPF_LINK_TYPE_RAW_TRACEPOINT]: [text('tp_name', 16, 24)],
  [L.BPF_LINK_TYPE_TRACING]: [u32('attach_type', 16), u32('target_obj_id', 20), u32('target_btf_id', 24)],
  [L.BPF_LINK_TYPE_CGROUP]: [u64('cgroup_id', 16), u32('attach_type', 24)],
  [L.BPF_LINK_TYPE_ITER]: [text('target_name', 16, 24), u32('map_id', 28), u32('tid', 32), u32('pid', 36)],
  [L.BPF_LINK_TYPE_NETNS]: [u32('netns_ino', 16), u32('attach_type', 20)],
  [L.BPF_LINK_TYPE_XDP]: [u32('ifindex', 16)],
  [L.BPF_LINK_TYPE_SOCKMAP]: [u32('map_id', 16), u32('attach_type', 20)],
  [L.BPF_LINK_TYPE_TCX]: [u32('ifindex', 16), u32('attach_type', 20)],
  [L.BPF_LINK_TYPE_PERF_EVENT]: [
    u32('type', 16),
    text('tp_name', 24, 32),
    text('func_name', 24, 32),
    u32('kprobe_offset', 36),
    u64('kprobe_cookie', 56),
    u64('cookie', 40),
  ],
};

/** A struct bpf_link_info (bpf_link_get_info_by_fd). */
export function linkInfo(
  sys: SyscallContext,
  attr: Attributes<'BPF_OBJ_GET_INFO_BY_FD'>,
  link: KernelLink,
): number {
  const info = readInfo(sys, attr, INFO_BYTES);
  const { view } = info;
  view.setUint32(0, link.type, true);
  view.setUint32(4, link.id, true);
  view.setUint32(8, link.program.id, true);
  const details = link.describe();
  for (const member of MEMBERS[link.type] ?? []) {
    const value = details[member.name];
    if (value === undefined) continue;
    if ('lengthAt' in member) putText(sys, view, member, String(value));
    else if (member.size === 4) view.setUint32(member.offset, Number(value), true);
    else view.setBigUint64(member.offset, BigInt(value), true);
  }
  return writeInfo(sys, attr, info);
}

/** @throws SyscallError EINVAL for an address without a length or the other way round, ENOSPC when the string had to be cut. */
function putText(
  sys: SyscallContext,
  view: DataView,
  { offset, lengthAt }: { readonly offset: number; readonly lengthAt: number },
  value: string,
): void {
  const address = Number(view.getBigUint64(offset, true));
  const room = view.getUint32(lengthAt, true);
  if ((address === 0) !== (room === 0))
    fail(Errno.EINVAL, 'a buffer for the name and its length go together');
  view.setUint32(lengthAt, encodeUtf8(value).length + 1, true);
  if (address !== 0 && putString(sys, address, room, value))
    fail(Errno.ENOSPC, 'the name does not fit its buffer');
}
