/**
 * The commands of bpf(2) and the members of union bpf_attr that each of them uses: offsets, sizes and which way they go. Raw attributes are
 * decoded, typed ones encoded, and the check for bytes that no member covers (CHECK_ATTR) is made from this table, as is docs/bpf-syscall.md.
 * Source: union bpf_attr in include/uapi/linux/bpf.h and the *_LAST_FIELD constants of kernel/bpf/syscall.c of Linux 6.12.
 */

/** sizeof(union bpf_attr). */
export const BPF_ATTR_BYTES = 152;

/**
 * What a member is: a number, a file descriptor (0 often means none), the address of a buffer, the address of a zero-terminated string, or
 * a name that lies in the attributes themselves.
 */
export type AttrKind = 'number' | 'fd' | 'buffer' | 'string' | 'name';

/** Who writes the member, or, for a buffer, its content. */
export type AttrFlow = 'in' | 'out' | 'inout';

/** A member of union bpf_attr as one command uses it. */
export interface AttrField {
  /** Bytes from the start of the union. */
  readonly offset: number;
  readonly size: number;
  readonly kind: AttrKind;
  readonly flow: AttrFlow;
}

/** What a command returns when it succeeds. */
export type CommandResult = 'fd' | 'zero';

/** A command of bpf(2). */
export interface CommandSpec {
  /** Number in enum bpf_cmd. */
  readonly number: number;
  readonly returns: CommandResult;
  /** The kernel that brought it. */
  readonly since: string;
  /** One sentence for the documentation. */
  readonly what: string;
  /** Every byte behind this member must be zero. */
  readonly last: string;
  readonly fields: Readonly<Record<string, AttrField>>;
}

const field = (offset: number, size: number, kind: AttrKind, flow: AttrFlow): AttrField => ({
  offset,
  size,
  kind,
  flow,
});
const u32 = (offset: number, flow: AttrFlow = 'in'): AttrField => field(offset, 4, 'number', flow);
const u64 = (offset: number, flow: AttrFlow = 'in'): AttrField => field(offset, 8, 'number', flow);
const fd = (offset: number): AttrField => field(offset, 4, 'fd', 'in');
const buffer = (offset: number, flow: AttrFlow = 'in'): AttrField => field(offset, 8, 'buffer', flow);
const text = (offset: number): AttrField => field(offset, 8, 'string', 'in');
const name = (offset: number): AttrField => field(offset, 16, 'name', 'in');

const ELEMENT = { map_fd: fd(0), key: buffer(8) };
const ELEMENT_IN = { ...ELEMENT, value: buffer(16), flags: u64(24) };
const ELEMENT_OUT = { ...ELEMENT, value: buffer(16, 'inout'), flags: u64(24) };

const BATCH = { count: u32(32, 'inout'), map_fd: fd(36), elem_flags: u64(40), flags: u64(48) };
const BATCH_OUT = {
  in_batch: buffer(0),
  out_batch: buffer(8, 'out'),
  keys: buffer(16, 'out'),
  values: buffer(24, 'out'),
  ...BATCH,
};

const OBJECT = { pathname: text(0), bpf_fd: fd(8), file_flags: u32(12), path_fd: fd(16) };

const ATTACH = {
  target_fd: fd(0),
  target_ifindex: u32(0),
  attach_bpf_fd: fd(4),
  attach_type: u32(8),
  attach_flags: u32(12),
  replace_bpf_fd: fd(16),
  relative_fd: fd(20),
  relative_id: u32(20),
  expected_revision: u64(24),
};

const NEXT_ID = { start_id: u32(0), next_id: u32(4, 'out'), open_flags: u32(8) };

const LOAD = {
  prog_type: u32(0),
  insn_cnt: u32(4),
  insns: buffer(8),
  license: text(16),
  log_level: u32(24),
  log_size: u32(28),
  log_buf: buffer(32, 'out'),
  kern_version: u32(40),
  prog_flags: u32(44),
  prog_name: name(48),
  prog_ifindex: u32(64),
  expected_attach_type: u32(68),
  prog_btf_fd: fd(72),
  func_info_rec_size: u32(76),
  func_info: buffer(80),
  func_info_cnt: u32(88),
  line_info_rec_size: u32(92),
  line_info: buffer(96),
  line_info_cnt: u32(104),
  attach_btf_id: u32(108),
  attach_prog_fd: fd(112),
  attach_btf_obj_fd: fd(112),
  core_relo_cnt: u32(116),
  fd_array: buffer(120),
  core_relos: buffer(128),
  core_relo_rec_size: u32(136),
  log_true_size: u32(140, 'out'),
  prog_token_fd: fd(144),
};

const LINK_CREATE = {
  prog_fd: fd(0),
  map_fd: fd(0),
  target_fd: fd(4),
  target_ifindex: u32(4),
  attach_type: u32(8),
  flags: u32(12),
  target_btf_id: u32(16),
  iter_info: buffer(16),
  iter_info_len: u32(24),
  'perf_event.bpf_cookie': u64(16),
  'kprobe_multi.flags': u32(16),
  'kprobe_multi.cnt': u32(20),
  'kprobe_multi.syms': buffer(24),
  'kprobe_multi.addrs': buffer(32),
  'kprobe_multi.cookies': buffer(40),
  'tracing.cookie': u64(24),
  'netfilter.pf': u32(16),
  'netfilter.hooknum': u32(20),
  'netfilter.priority': u32(24),
  'netfilter.flags': u32(28),
  relative_fd: fd(16),
  relative_id: u32(16),
  expected_revision: u64(24),
  'uprobe_multi.path': text(16),
  'uprobe_multi.offsets': buffer(24),
  'uprobe_multi.ref_ctr_offsets': buffer(32),
  'uprobe_multi.cookies': buffer(40),
  'uprobe_multi.cnt': u32(48),
  'uprobe_multi.flags': u32(52),
  'uprobe_multi.pid': u32(56),
};

/** All commands in the order of enum bpf_cmd; BPF_PROG_RUN is another name of BPF_PROG_TEST_RUN. */
export const BPF_COMMANDS = {
  BPF_MAP_CREATE: {
    number: 0,
    returns: 'fd',
    since: '3.18',
    what: 'Makes a map.',
    last: 'map_token_fd',
    fields: {
      map_type: u32(0),
      key_size: u32(4),
      value_size: u32(8),
      max_entries: u32(12),
      map_flags: u32(16),
      inner_map_fd: fd(20),
      numa_node: u32(24),
      map_name: name(28),
      map_ifindex: u32(44),
      btf_fd: fd(48),
      btf_key_type_id: u32(52),
      btf_value_type_id: u32(56),
      btf_vmlinux_value_type_id: u32(60),
      map_extra: u64(64),
      value_type_btf_obj_fd: fd(72),
      map_token_fd: fd(76),
    },
  },
  BPF_MAP_LOOKUP_ELEM: {
    number: 1,
    returns: 'zero',
    since: '3.18',
    what: 'Copies the value of a key.',
    last: 'flags',
    fields: ELEMENT_OUT,
  },
  BPF_MAP_UPDATE_ELEM: {
    number: 2,
    returns: 'zero',
    since: '3.18',
    what: 'Stores a value under a key.',
    last: 'flags',
    fields: ELEMENT_IN,
  },
  BPF_MAP_DELETE_ELEM: {
    number: 3,
    returns: 'zero',
    since: '3.18',
    what: 'Deletes a key.',
    last: 'key',
    fields: ELEMENT,
  },
  BPF_MAP_GET_NEXT_KEY: {
    number: 4,
    returns: 'zero',
    since: '3.18',
    what: 'Gives the key behind a key; the first one without a key.',
    last: 'next_key',
    fields: { ...ELEMENT, next_key: buffer(16, 'out') },
  },
  BPF_PROG_LOAD: {
    number: 5,
    returns: 'fd',
    since: '3.18',
    what: 'Verifies a program and loads it.',
    last: 'prog_token_fd',
    fields: LOAD,
  },
  BPF_OBJ_PIN: {
    number: 6,
    returns: 'zero',
    since: '4.4',
    what: 'Gives a map, program or link a path in a bpffs.',
    last: 'path_fd',
    fields: OBJECT,
  },
  BPF_OBJ_GET: {
    number: 7,
    returns: 'fd',
    since: '4.4',
    what: 'Opens what is pinned at a path.',
    last: 'path_fd',
    fields: OBJECT,
  },
  BPF_PROG_ATTACH: {
    number: 8,
    returns: 'zero',
    since: '4.10',
    what: 'Attaches a program without a link.',
    last: 'expected_revision',
    fields: ATTACH,
  },
  BPF_PROG_DETACH: {
    number: 9,
    returns: 'zero',
    since: '4.10',
    what: 'Takes a program off again.',
    last: 'expected_revision',
    fields: ATTACH,
  },
  BPF_PROG_TEST_RUN: {
    number: 10,
    returns: 'zero',
    since: '4.12',
    what: 'Runs a program on given data and context.',
    last: 'batch_size',
    fields: {
      prog_fd: fd(0),
      retval: u32(4, 'out'),
      data_size_in: u32(8),
      data_size_out: u32(12, 'inout'),
      data_in: buffer(16),
      data_out: buffer(24, 'out'),
      repeat: u32(32),
      duration: u32(36, 'out'),
      ctx_size_in: u32(40),
      ctx_size_out: u32(44, 'inout'),
      ctx_in: buffer(48),
      ctx_out: buffer(56, 'out'),
      flags: u32(64),
      cpu: u32(68),
      batch_size: u32(72),
    },
  },
  BPF_PROG_GET_NEXT_ID: {
    number: 11,
    returns: 'zero',
    since: '4.13',
    what: 'Gives the first program id behind a number.',
    last: 'next_id',
    fields: NEXT_ID,
  },
  BPF_MAP_GET_NEXT_ID: {
    number: 12,
    returns: 'zero',
    since: '4.13',
    what: 'Gives the first map id behind a number.',
    last: 'next_id',
    fields: NEXT_ID,
  },
  BPF_PROG_GET_FD_BY_ID: {
    number: 13,
    returns: 'fd',
    since: '4.13',
    what: 'Opens a program by its id.',
    last: 'prog_id',
    fields: { prog_id: u32(0) },
  },
  BPF_MAP_GET_FD_BY_ID: {
    number: 14,
    returns: 'fd',
    since: '4.13',
    what: 'Opens a map by its id.',
    last: 'open_flags',
    fields: { map_id: u32(0), open_flags: u32(8) },
  },
  BPF_OBJ_GET_INFO_BY_FD: {
    number: 15,
    returns: 'zero',
    since: '4.13',
    what: 'Fills in struct bpf_prog_info, bpf_map_info, bpf_btf_info or bpf_link_info.',
    last: 'info',
    fields: { bpf_fd: fd(0), info_len: u32(4, 'inout'), info: buffer(8, 'inout') },
  },
  BPF_PROG_QUERY: {
    number: 16,
    returns: 'zero',
    since: '4.15',
    what: 'Lists the programs at a place.',
    last: 'revision',
    fields: {
      target_fd: fd(0),
      target_ifindex: u32(0),
      attach_type: u32(4),
      query_flags: u32(8),
      attach_flags: u32(12, 'out'),
      prog_ids: buffer(16, 'out'),
      prog_cnt: u32(24, 'inout'),
      prog_attach_flags: buffer(32, 'out'),
      link_ids: buffer(40, 'out'),
      link_attach_flags: buffer(48, 'out'),
      revision: u64(56, 'out'),
    },
  },
  BPF_RAW_TRACEPOINT_OPEN: {
    number: 17,
    returns: 'fd',
    since: '4.17',
    what: 'Attaches a program to a raw tracepoint, or where its BTF type says.',
    last: 'cookie',
    fields: { name: text(0), prog_fd: fd(8), cookie: u64(16) },
  },
  BPF_BTF_LOAD: {
    number: 18,
    returns: 'fd',
    since: '4.18',
    what: 'Checks type information and keeps it.',
    last: 'btf_token_fd',
    fields: {
      btf: buffer(0),
      btf_log_buf: buffer(8, 'out'),
      btf_size: u32(16),
      btf_log_size: u32(20),
      btf_log_level: u32(24),
      btf_log_true_size: u32(28, 'out'),
      btf_flags: u32(32),
      btf_token_fd: fd(36),
    },
  },
  BPF_BTF_GET_FD_BY_ID: {
    number: 19,
    returns: 'fd',
    since: '4.18',
    what: 'Opens type information by its id.',
    last: 'btf_id',
    fields: { btf_id: u32(0) },
  },
  BPF_TASK_FD_QUERY: {
    number: 20,
    returns: 'zero',
    since: '4.18',
    what: 'Says what program hangs on the perf event or raw tracepoint behind a descriptor of a task.',
    last: 'probe_addr',
    fields: {
      pid: u32(0),
      fd: fd(4),
      flags: u32(8),
      buf_len: u32(12, 'inout'),
      buf: buffer(16, 'out'),
      prog_id: u32(24, 'out'),
      fd_type: u32(28, 'out'),
      probe_offset: u64(32, 'out'),
      probe_addr: u64(40, 'out'),
    },
  },
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: {
    number: 21,
    returns: 'zero',
    since: '4.20',
    what: 'Takes a value out of a hash, queue or stack.',
    last: 'flags',
    fields: ELEMENT_OUT,
  },
  BPF_MAP_FREEZE: {
    number: 22,
    returns: 'zero',
    since: '5.2',
    what: 'Makes a map read-only for user space, for good.',
    last: 'map_fd',
    fields: { map_fd: fd(0) },
  },
  BPF_BTF_GET_NEXT_ID: {
    number: 23,
    returns: 'zero',
    since: '5.4',
    what: 'Gives the first BTF id behind a number.',
    last: 'next_id',
    fields: NEXT_ID,
  },
  BPF_MAP_LOOKUP_BATCH: {
    number: 24,
    returns: 'zero',
    since: '5.6',
    what: 'Copies many entries.',
    last: 'flags',
    fields: BATCH_OUT,
  },
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: {
    number: 25,
    returns: 'zero',
    since: '5.6',
    what: 'Takes many entries out of a hash.',
    last: 'flags',
    fields: BATCH_OUT,
  },
  BPF_MAP_UPDATE_BATCH: {
    number: 26,
    returns: 'zero',
    since: '5.6',
    what: 'Stores many entries.',
    last: 'flags',
    fields: { keys: buffer(16), values: buffer(24), ...BATCH },
  },
  BPF_MAP_DELETE_BATCH: {
    number: 27,
    returns: 'zero',
    since: '5.6',
    what: 'Deletes many keys.',
    last: 'flags',
    fields: { keys: buffer(16), ...BATCH },
  },
  BPF_LINK_CREATE: {
    number: 28,
    returns: 'fd',
    since: '5.7',
    what: 'Attaches a program by a link.',
    last: 'uprobe_multi.pid',
    fields: LINK_CREATE,
  },
  BPF_LINK_UPDATE: {
    number: 29,
    returns: 'zero',
    since: '5.7',
    what: "Exchanges a link's program.",
    last: 'old_prog_fd',
    fields: { link_fd: fd(0), new_prog_fd: fd(4), new_map_fd: fd(4), flags: u32(8), old_prog_fd: fd(12) },
  },
  BPF_LINK_GET_FD_BY_ID: {
    number: 30,
    returns: 'fd',
    since: '5.8',
    what: 'Opens a link by its id.',
    last: 'link_id',
    fields: { link_id: u32(0) },
  },
  BPF_LINK_GET_NEXT_ID: {
    number: 31,
    returns: 'zero',
    since: '5.8',
    what: 'Gives the first link id behind a number.',
    last: 'next_id',
    fields: NEXT_ID,
  },
  BPF_ENABLE_STATS: {
    number: 32,
    returns: 'fd',
    since: '5.8',
    what: 'Counts runs and their time as long as the descriptor is open.',
    last: 'type',
    fields: { type: u32(0) },
  },
  BPF_ITER_CREATE: {
    number: 33,
    returns: 'fd',
    since: '5.8',
    what: 'Opens an iterator of an iterator link.',
    last: 'flags',
    fields: { link_fd: fd(0), flags: u32(4) },
  },
  BPF_LINK_DETACH: {
    number: 34,
    returns: 'zero',
    since: '5.9',
    what: 'Takes a link off its place although somebody holds it.',
    last: 'link_fd',
    fields: { link_fd: fd(0) },
  },
  BPF_PROG_BIND_MAP: {
    number: 35,
    returns: 'zero',
    since: '5.10',
    what: 'Has a program hold a map that it does not use.',
    last: 'flags',
    fields: { prog_fd: fd(0), map_fd: fd(4), flags: u32(8) },
  },
  BPF_TOKEN_CREATE: {
    number: 36,
    returns: 'fd',
    since: '6.9',
    what: 'Makes a token of what a bpffs delegates.',
    last: 'bpffs_fd',
    fields: { flags: u32(0), bpffs_fd: fd(4) },
  },
} as const satisfies Readonly<Record<string, CommandSpec>>;

/** Names of the commands: `BPF_MAP_CREATE`. */
export type BpfCommand = keyof typeof BPF_COMMANDS;

/** The members of union bpf_attr that a command uses. */
export type AttrName<C extends BpfCommand> = keyof (typeof BPF_COMMANDS)[C]['fields'] & string;

const byNumber = new Map<number, BpfCommand>(
  (Object.keys(BPF_COMMANDS) as BpfCommand[]).map((command) => [BPF_COMMANDS[command].number, command]),
);

/** The command with a number, undefined when there is none. */
export function bpfCommand(number: number): BpfCommand | undefined {
  return byNumber.get(number);
}

/** A command's row, with its literal types forgotten. */
export function commandSpec(command: BpfCommand): CommandSpec {
  return BPF_COMMANDS[command];
}

/** First byte that CHECK_ATTR wants to be zero. */
export function bytesUsed(spec: CommandSpec): number {
  const last = spec.fields[spec.last];
  return last === undefined ? BPF_ATTR_BYTES : last.offset + last.size;
}
