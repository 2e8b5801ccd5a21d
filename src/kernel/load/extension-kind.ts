/**
 * As what an extension program (freplace) is verified while nobody says which program it extends: as one of the kind that has its
 * context. libbpf would refuse to load it; tools that only verify, as the kernel's veristat, do this.
 */
import type { Btf, BtfType } from '../../btf/index.ts';
import type { ProgramSpec } from '../../loader/index.ts';
import { BpfAttachType as A, BpfProgType as P } from '../../spec/index.ts';

/** A program type with its attach type. */
export interface ExtensionKind {
  readonly type: number;
  readonly attachType: number;
}

type Row = readonly [structs: string, type: number, attachType: number];

/** The structs that a context is declared as, the one of programs first; of several kinds that share one, the commonest. */
const ROWS: readonly Row[] = [
  ['__sk_buff sk_buff', P.BPF_PROG_TYPE_SCHED_CLS, 0],
  ['bpf_sock sock', P.BPF_PROG_TYPE_CGROUP_SOCK, A.BPF_CGROUP_INET4_POST_BIND],
  ['bpf_sock_addr bpf_sock_addr_kern', P.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, A.BPF_CGROUP_INET4_BIND],
  ['bpf_sock_ops bpf_sock_ops_kern', P.BPF_PROG_TYPE_SOCK_OPS, A.BPF_CGROUP_SOCK_OPS],
  ['sk_msg_md sk_msg', P.BPF_PROG_TYPE_SK_MSG, A.BPF_SK_MSG_VERDICT],
  ['bpf_cgroup_dev_ctx', P.BPF_PROG_TYPE_CGROUP_DEVICE, A.BPF_CGROUP_DEVICE],
  ['bpf_sysctl bpf_sysctl_kern', P.BPF_PROG_TYPE_CGROUP_SYSCTL, A.BPF_CGROUP_SYSCTL],
  ['bpf_sockopt bpf_sockopt_kern', P.BPF_PROG_TYPE_CGROUP_SOCKOPT, A.BPF_CGROUP_SETSOCKOPT],
  ['sk_reuseport_md sk_reuseport_kern', P.BPF_PROG_TYPE_SK_REUSEPORT, A.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE],
  ['bpf_sk_lookup bpf_sk_lookup_kern', P.BPF_PROG_TYPE_SK_LOOKUP, A.BPF_SK_LOOKUP],
  ['xdp_md xdp_buff', P.BPF_PROG_TYPE_XDP, A.BPF_XDP],
  ['bpf_user_pt_regs_t pt_regs', P.BPF_PROG_TYPE_KPROBE, 0],
  ['bpf_perf_event_data bpf_perf_event_data_kern', P.BPF_PROG_TYPE_PERF_EVENT, 0],
  ['bpf_raw_tracepoint_args', P.BPF_PROG_TYPE_RAW_TRACEPOINT, 0],
];

/** The kind that has the context of the program's only argument; undefined when that does not tell. */
export function extensionKind(btf: Btf | undefined, program: ProgramSpec): ExtensionKind | undefined {
  const func = btf?.findByName(program.name, 'func');
  if (btf === undefined || func === undefined) return undefined;
  const { params } = btf.typeOfKind(func.type, 'func_proto');
  const pointer = params.length === 1 ? skipModifiers(btf, params[0]!.type) : undefined;
  const context = pointer?.kind === 'ptr' ? skipModifiers(btf, pointer.type).name : '';
  const row = ROWS.find(([structs]) => structs.split(' ').includes(context));
  return row === undefined ? undefined : { type: row[1], attachType: row[2] };
}

/** The type behind const, volatile and the like; typedefs stay, since contexts are known by their names. */
function skipModifiers(btf: Btf, id: number): BtfType {
  let type = btf.typeById(id);
  for (let depth = 0; depth < MAX_MODIFIERS; depth++) {
    if (
      type.kind !== 'const' &&
      type.kind !== 'volatile' &&
      type.kind !== 'restrict' &&
      type.kind !== 'type_tag'
    )
      break;
    type = btf.typeById(type.type);
  }
  return type;
}

const MAX_MODIFIERS = 32;
