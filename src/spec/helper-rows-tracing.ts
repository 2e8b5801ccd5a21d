/**
 * Helpers of tracing, LSM, iterator and syscall programs (kernel/trace/bpf_trace.c, kernel/bpf/bpf_lsm.c, kernel/bpf/syscall.c):
 * tasks, reading memory, printing, perf events, stacks, arguments of traced functions.
 */
import { BpfAttachType as A, BpfProgType as P } from './enums.ts';
import { helper } from './helper-row.ts';
import {
  ARG_ANYTHING,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_OR_NULL,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_FIXED_SIZE_MEM,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_VALUE_OR_NULL,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_MEM_OR_NULL,
  ARG_PTR_TO_STACK_OR_NULL,
  ARG_PTR_TO_UNINIT_MEM,
  type HelperSpec,
  MEM_ALIGNED,
  MEM_RDONLY,
  MEM_UNINIT,
  MEM_WRITE,
  PTR_MAYBE_NULL,
  RET_INTEGER,
  RET_PTR_TO_BTF_ID,
  RET_PTR_TO_BTF_ID_OR_NULL,
  RET_PTR_TO_BTF_ID_TRUSTED,
  RET_PTR_TO_MAP_VALUE_OR_NULL,
} from './helper-types.ts';

/** Program types that run on a tracepoint's raw arguments (raw_tp_prog_func_proto). */
const RAW_TRACEPOINT_ARGS: readonly number[] = [
  P.BPF_PROG_TYPE_RAW_TRACEPOINT,
  P.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
  P.BPF_PROG_TYPE_TRACING,
  P.BPF_PROG_TYPE_LSM,
];

/** Attach types of probes on many functions at once. */
const MULTI_PROBES: readonly number[] = [
  A.BPF_TRACE_KPROBE_MULTI,
  A.BPF_TRACE_KPROBE_SESSION,
  A.BPF_TRACE_UPROBE_MULTI,
];

/** Rows by id. */
export const TRACING_HELPERS: readonly HelperSpec[] = [
  helper(4, 'probe_read', RET_INTEGER, [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], {
    gplOnly: true,
  }),
  helper(6, 'trace_printk', RET_INTEGER, [ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE], {
    gplOnly: true,
    uncheckedArgs: 3,
  }),
  helper(15, 'get_current_uid_gid', RET_INTEGER, [], { value: 'u64' }),
  helper(16, 'get_current_comm', RET_INTEGER, [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE]),
  helper(22, 'perf_event_read', RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING], {
    gplOnly: true,
    value: 'u64',
  }),
  helper(
    25,
    'perf_event_output',
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    { gplOnly: true },
  ),
  helper(
    27,
    'get_stackid',
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_CONST_MAP_PTR, ARG_ANYTHING],
    { gplOnly: true },
    { when: { types: [P.BPF_PROG_TYPE_PERF_EVENT] }, gplOnly: false },
  ),
  helper(35, 'get_current_task', RET_INTEGER, [], { gplOnly: true, value: 'u64' }),
  helper(36, 'probe_write_user', RET_INTEGER, [ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE], {
    gplOnly: true,
  }),
  helper(37, 'current_task_under_cgroup', RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_ANYTHING]),
  helper(45, 'probe_read_str', RET_INTEGER, [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], {
    gplOnly: true,
  }),
  helper(
    55,
    'perf_event_read_value',
    RET_INTEGER,
    [ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE],
    { gplOnly: true },
  ),
  helper(56, 'perf_prog_read_value', RET_INTEGER, [ARG_PTR_TO_CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE], {
    gplOnly: true,
  }),
  helper(58, 'override_return', RET_INTEGER, [ARG_PTR_TO_CTX, ARG_ANYTHING], { gplOnly: true }),
  helper(
    67,
    'get_stack',
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { gplOnly: true },
    { when: { types: [P.BPF_PROG_TYPE_KPROBE], sleepable: true }, mightSleep: true },
    {
      when: { types: RAW_TRACEPOINT_ARGS },
      args: [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    },
  ),
  helper(109, 'send_signal', RET_INTEGER, [ARG_ANYTHING]),
  helper(
    111,
    'skb_output',
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    { gplOnly: true, argBtf: { 1: 'sk_buff' } },
  ),
  helper(112, 'probe_read_user', RET_INTEGER, [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], {
    gplOnly: true,
  }),
  helper(
    113,
    'probe_read_kernel',
    RET_INTEGER,
    [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { gplOnly: true },
  ),
  helper(
    114,
    'probe_read_user_str',
    RET_INTEGER,
    [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { gplOnly: true },
  ),
  helper(
    115,
    'probe_read_kernel_str',
    RET_INTEGER,
    [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { gplOnly: true },
  ),
  helper(117, 'send_signal_thread', RET_INTEGER, [ARG_ANYTHING]),
  helper(
    119,
    'read_branch_records',
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_PTR_TO_MEM_OR_NULL, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { gplOnly: true },
  ),
  helper(
    121,
    'xdp_output',
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_CONST_MAP_PTR, ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    { gplOnly: true, argBtf: { 1: 'xdp_buff' } },
  ),
  helper(
    126,
    'seq_printf',
    RET_INTEGER,
    [
      ARG_PTR_TO_BTF_ID,
      ARG_PTR_TO_MEM | MEM_RDONLY,
      ARG_CONST_SIZE,
      ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY,
      ARG_CONST_SIZE_OR_ZERO,
    ],
    { gplOnly: true, argBtf: { 1: 'seq_file' } },
  ),
  helper(
    127,
    'seq_write',
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO],
    { gplOnly: true, argBtf: { 1: 'seq_file' } },
  ),
  helper(
    141,
    'get_task_stack',
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { argBtf: { 1: 'task_struct' } },
    { when: { sleepable: true }, mightSleep: true },
  ),
  helper(
    145,
    'inode_storage_get',
    RET_PTR_TO_MAP_VALUE_OR_NULL,
    [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID_OR_NULL, ARG_PTR_TO_MAP_VALUE_OR_NULL, ARG_ANYTHING],
    { argBtf: { 2: 'inode' } },
  ),
  helper(146, 'inode_storage_delete', RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID_OR_NULL], {
    argBtf: { 2: 'inode' },
  }),
  helper(147, 'd_path', RET_INTEGER, [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_MEM, ARG_CONST_SIZE_OR_ZERO], {
    argBtf: { 1: 'path' },
    allowed: 'bpf_d_path_allowed',
  }),
  helper(148, 'copy_from_user', RET_INTEGER, [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING], {
    mightSleep: true,
  }),
  helper(149, 'snprintf_btf', RET_INTEGER, [
    ARG_PTR_TO_MEM,
    ARG_CONST_SIZE,
    ARG_PTR_TO_MEM | MEM_RDONLY,
    ARG_CONST_SIZE,
    ARG_ANYTHING,
  ]),
  helper(
    150,
    'seq_printf_btf',
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING],
    { gplOnly: true, argBtf: { 1: 'seq_file' } },
  ),
  helper(
    156,
    'task_storage_get',
    RET_PTR_TO_MAP_VALUE_OR_NULL,
    [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID_OR_NULL, ARG_PTR_TO_MAP_VALUE_OR_NULL, ARG_ANYTHING],
    { argBtf: { 2: 'task_struct' } },
  ),
  helper(157, 'task_storage_delete', RET_INTEGER, [ARG_CONST_MAP_PTR, ARG_PTR_TO_BTF_ID_OR_NULL], {
    argBtf: { 2: 'task_struct' },
  }),
  helper(158, 'get_current_task_btf', RET_PTR_TO_BTF_ID_TRUSTED, [], {
    gplOnly: true,
    retBtf: 'task_struct',
  }),
  helper(159, 'bprm_opts_set', RET_INTEGER, [ARG_PTR_TO_BTF_ID, ARG_ANYTHING], {
    argBtf: { 1: 'linux_binprm' },
  }),
  helper(161, 'ima_inode_hash', RET_INTEGER, [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE], {
    mightSleep: true,
    argBtf: { 1: 'inode' },
    allowed: 'bpf_ima_inode_hash_allowed',
  }),
  helper(162, 'sock_from_file', RET_PTR_TO_BTF_ID_OR_NULL, [ARG_PTR_TO_BTF_ID], {
    retBtf: 'socket',
    argBtf: { 1: 'file' },
  }),
  helper(166, 'sys_bpf', RET_INTEGER, [ARG_ANYTHING, ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE], {
    mightSleep: true,
  }),
  helper(
    167,
    'btf_find_by_name_kind',
    RET_INTEGER,
    [ARG_PTR_TO_MEM | MEM_RDONLY, ARG_CONST_SIZE, ARG_ANYTHING, ARG_ANYTHING],
    { mightSleep: true, value: 'u64' },
  ),
  helper(168, 'sys_close', RET_INTEGER, [ARG_ANYTHING], { mightSleep: true }),
  helper(
    173,
    'get_func_ip',
    RET_INTEGER,
    [ARG_PTR_TO_CTX],
    { gplOnly: true, value: 'u64' },
    { when: { types: [P.BPF_PROG_TYPE_KPROBE], attachTypes: MULTI_PROBES }, gplOnly: false },
  ),
  helper(174, 'get_attach_cookie', RET_INTEGER, [ARG_PTR_TO_CTX], { value: 'u64' }),
  helper(175, 'task_pt_regs', RET_PTR_TO_BTF_ID, [ARG_PTR_TO_BTF_ID], {
    gplOnly: true,
    retBtf: 'pt_regs',
    argBtf: { 1: 'task_struct' },
  }),
  helper(176, 'get_branch_snapshot', RET_INTEGER, [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO], {
    gplOnly: true,
  }),
  helper(
    177,
    'trace_vprintk',
    RET_INTEGER,
    [
      ARG_PTR_TO_MEM | MEM_RDONLY,
      ARG_CONST_SIZE,
      ARG_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RDONLY,
      ARG_CONST_SIZE_OR_ZERO,
    ],
    { gplOnly: true },
  ),
  helper(
    179,
    'kallsyms_lookup_name',
    RET_INTEGER,
    [
      ARG_PTR_TO_MEM,
      ARG_CONST_SIZE_OR_ZERO,
      ARG_ANYTHING,
      ARG_PTR_TO_FIXED_SIZE_MEM | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED,
    ],
    { argSize: { 4: 8 } },
  ),
  helper(
    180,
    'find_vma',
    RET_INTEGER,
    [ARG_PTR_TO_BTF_ID, ARG_ANYTHING, ARG_PTR_TO_FUNC, ARG_PTR_TO_STACK_OR_NULL, ARG_ANYTHING],
    { argBtf: { 1: 'task_struct' } },
  ),
  helper(
    183,
    'get_func_arg',
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_ANYTHING, ARG_PTR_TO_FIXED_SIZE_MEM | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED],
    { argSize: { 3: 8 } },
  ),
  helper(
    184,
    'get_func_ret',
    RET_INTEGER,
    [ARG_PTR_TO_CTX, ARG_PTR_TO_FIXED_SIZE_MEM | MEM_UNINIT | MEM_WRITE | MEM_ALIGNED],
    { argSize: { 2: 8 } },
  ),
  helper(185, 'get_func_arg_cnt', RET_INTEGER, [ARG_PTR_TO_CTX], { value: 'u64' }),
  helper(
    191,
    'copy_from_user_task',
    RET_INTEGER,
    [ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE_OR_ZERO, ARG_ANYTHING, ARG_PTR_TO_BTF_ID, ARG_ANYTHING],
    { gplOnly: true, mightSleep: true, argBtf: { 4: 'task_struct' } },
  ),
  helper(193, 'ima_file_hash', RET_INTEGER, [ARG_PTR_TO_BTF_ID, ARG_PTR_TO_UNINIT_MEM, ARG_CONST_SIZE], {
    mightSleep: true,
    argBtf: { 1: 'file' },
    allowed: 'bpf_ima_inode_hash_allowed',
  }),
];
