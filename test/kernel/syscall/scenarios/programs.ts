/** Programs: loading, its log, test runs, infos, ids, bound maps, statistics. */
import { at, code, type Late, Scenario, u32 } from '../scenario.ts';
import * as p from './parts.ts';

function loading(): Scenario {
  const s = new Scenario('attributes of loading');
  const m = p.map(s, 'm', p.ARRAY, 4, 4, 1);
  const base = { prog_type: p.SOCKET_FILTER, insn_cnt: 2, insns: p.PASS, license: 'GPL' };
  const long = 'x'.repeat(300);
  const variants: readonly Readonly<Record<string, number | bigint | string | Late | Uint8Array>>[] = [
    {},
    { prog_type: 0 },
    { prog_type: 20 },
    { prog_type: 33 },
    { prog_type: 0xffffffff },
    { insn_cnt: 0 },
    { insn_cnt: 1 },
    { insn_cnt: 3 },
    { insn_cnt: 1000001 },
    { insns: 0 },
    { license: 0 },
    { license: '' },
    { license: long },
    { kern_version: 12345 },
    { prog_flags: 0xff },
    { prog_flags: 0x100 },
    { prog_flags: 1 << 16 },
    { prog_flags: 1 << 16, prog_token_fd: m },
    { prog_token_fd: 5 },
    { prog_name: 'good.name_1' },
    { prog_name: 'bad name' },
    { prog_name: 'exactly15chars_' },
    { prog_name: 'exactly16_chars_' },
    { prog_ifindex: 1 },
    { prog_ifindex: 77 },
    { prog_ifindex: 1, prog_type: p.XDP },
    { prog_ifindex: 77, prog_type: p.XDP },
    { expected_attach_type: 99 },
    { prog_btf_fd: 99 },
    { func_info_cnt: 1 },
    { func_info_cnt: 1, prog_btf_fd: m },
    { line_info_cnt: 1 },
    { attach_btf_id: 1 },
    { attach_btf_id: 0x200000 },
    { attach_prog_fd: 99 },
    { attach_prog_fd: m },
    { core_relo_cnt: 1 },
    { fd_array: 1 },
    { log_level: 1 },
    { log_level: 16 },
    { log_size: 10 },
    { log_level: 1, log_size: 10 },
    { log_level: 1, log_buf: 5 },
    { log_level: 0, log_size: 100, log_buf: 5 },
    { log_level: 1, log_size: 100, log_buf: 5 },
    { log_level: 1, log_size: 0x80000000, log_buf: 5 },
  ];
  for (const variant of variants)
    s.close(s.call('BPF_PROG_LOAD', { ...base, ...variant }, { hide: ['log_true_size'] }));
  for (const size of [40, 48, 64, 68, 72, 144, 148])
    s.close(s.call('BPF_PROG_LOAD', { ...base, log_level: 4 }, { size, hide: ['log_true_size'] }));
  return s;
}

function attachTypes(): Scenario {
  const s = new Scenario('attach types at load');
  const insns = s.buffer('insns', p.PASS);
  const license = s.buffer('license', 'GPL');
  for (const type of [8, 9, 18, 25, 30, 21, 32, 31, 28, 29, 26, 13, 15, 23])
    for (const attachType of [0, 1, 2, 10, 12, 21, 36, 39, 45, 99]) {
      const attr = { prog_type: type, insn_cnt: 2, insns, license, expected_attach_type: attachType };
      // Programs that attach by BTF need more than this to be loaded.
      if ([26, 28, 29].includes(type) && attachType === 0) continue;
      s.close(s.call('BPF_PROG_LOAD', attr));
    }
  return s;
}

function log(): Scenario {
  const s = new Scenario('the log of the verifier');
  const bad = code('r0 = r5\nexit');
  const base = { prog_type: p.SOCKET_FILTER, insn_cnt: 2, license: 'GPL', log_level: 1 };
  const buffer = s.buffer('log', 256);
  s.call(
    'BPF_PROG_LOAD',
    { ...base, insns: bad, log_size: 256, log_buf: buffer },
    { hide: ['log_true_size'] },
  );
  s.show(buffer, 0, 60);
  for (const level of [1, 9])
    for (const size of [1, 10, 20, 40]) {
      s.call('BPF_PROG_LOAD', { ...base, log_level: level, insns: bad, log_size: size, log_buf: buffer });
      s.show(buffer, 0, size);
    }
  s.call('BPF_PROG_LOAD', { ...base, insns: bad, log_size: 256, log_buf: at(buffer, 200) });
  return s;
}

function maps(): Scenario {
  const s = new Scenario('programs that use maps');
  const m = p.map(s, 'm', p.ARRAY, 4, 8, 1);
  const source = 'r1 = 0 ll\nr0 = 0\nexit';
  const load = (src: number, patch?: Late, more: Readonly<Record<string, Late | number>> = {}): Late => {
    const bytes = code(source);
    bytes[1] = 1 | (src << 4);
    const insns = s.buffer(`insns${src}${s.steps.length}`, bytes);
    if (patch !== undefined) s.put(insns, 4, patch);
    return s.call('BPF_PROG_LOAD', {
      prog_type: p.SOCKET_FILTER,
      insn_cnt: 4,
      insns,
      license: 'GPL',
      ...more,
    });
  };
  const program = load(1, m);
  load(2, m);
  load(1);
  load(1, program);
  load(5);
  const array = s.buffer('array', 8);
  s.put(array, 0, m);
  load(5, undefined, { fd_array: array });
  load(6, undefined, { fd_array: array });
  load(5, undefined, { fd_array: at(array, 6) });
  load(7);
  const info = s.buffer('info', 232);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info });
  s.show(info, 0, 228, VOLATILE);
  const ids = s.buffer('ids', 8);
  const again = s.buffer('again', u32(...new Array<number>(58).fill(0)));
  s.put(again, 56, ids);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info: again });
  const other = p.map(s, 'other', p.ARRAY, 4, 8, 1);
  s.call('BPF_PROG_BIND_MAP', { prog_fd: program, map_fd: other });
  s.call('BPF_PROG_BIND_MAP', { prog_fd: program, map_fd: other });
  s.call('BPF_PROG_BIND_MAP', { prog_fd: program, map_fd: m });
  s.call('BPF_PROG_BIND_MAP', { prog_fd: program, map_fd: program });
  s.call('BPF_PROG_BIND_MAP', { prog_fd: m, map_fd: m });
  s.call('BPF_PROG_BIND_MAP', { prog_fd: program, map_fd: 99 });
  s.call('BPF_PROG_BIND_MAP', { prog_fd: program, map_fd: m, flags: 1 });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info });
  s.show(info, 52, 4);
  return s;
}

/** id, machine code, rewritten instructions, times, other ids: what no two kernels have alike. */
const VOLATILE: readonly (readonly [number, number])[] = [
  [4, 4],
  [16, 8],
  [40, 8],
  [192, 8],
];

function infos(): Scenario {
  const s = new Scenario('infos of programs and maps');
  const program = p.program(s, p.XDP, 'described');
  const m = p.map(s, 'described', p.HASH, 4, 8, 16, p.NO_PREALLOC);
  const info = s.buffer('info', 4200);
  for (const length of [0, 4, 8, 16, 88, 104, 200, 228, 232, 240, 4096, 4097]) {
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: length, info });
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: m, info_len: length, info: at(info, 1) });
  }
  const filled = s.buffer('filled', new Uint8Array(300).fill(1));
  for (const length of [88, 89, 228, 229, 232, 300])
    for (const fd of [program, m])
      s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: length, info: filled });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 8, info: 0 });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: 99, info_len: 8, info });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: s.open('/dev/null', 'null'), info_len: 8, info });
  const clean = s.buffer('clean', 232);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info: clean });
  s.show(clean, 0, 228, VOLATILE);
  const insns = s.buffer('insns', 64);
  const want = s.buffer('want', 232);
  s.put(want, 32, insns);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info: want });
  s.show(want, 20, 4);
  const more = s.buffer('more', new Uint8Array([...new Uint8Array(20), 12]), 232);
  s.put(more, 32, insns);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info: more });
  s.show(insns, 0, 16);
  return s;
}

function testRuns(): Scenario {
  const s = new Scenario('test runs');
  const xdp = p.program(s, p.XDP, 'xdp');
  const skb = p.program(s, p.SCHED_CLS, 'skb');
  const raw = p.program(s, p.RAW_TRACEPOINT, 'raw');
  const syscall = p.program(s, p.SYSCALL, 'syscall', 0, { prog_flags: 16 });
  const kprobe = p.program(s, p.KPROBE, 'kprobe');
  const data = s.buffer('data', new Uint8Array(64).fill(3));
  const out = s.buffer('out', 64);
  const ctx = s.buffer('ctx', 256);
  const ctxOut = s.buffer('ctx_out', 256);
  const run = (prog: Late, attr: Readonly<Record<string, number | Late>>): void => {
    s.call('BPF_PROG_TEST_RUN', { prog_fd: prog, ...attr }, { hide: ['duration'] });
  };
  for (const prog of [xdp, skb, raw, syscall, kprobe]) {
    run(prog, {});
    run(prog, { data_in: data, data_size_in: 64 });
    run(prog, { data_in: data, data_size_in: 64, data_out: out, data_size_out: 64 });
    run(prog, { data_in: data, data_size_in: 64, data_out: out, data_size_out: 10 });
    run(prog, { data_in: data, data_size_in: 64, data_out: out });
    run(prog, { data_in: data, data_size_in: 64, data_size_out: 10 });
    run(prog, { data_in: data, data_size_in: 13 });
    run(prog, { data_in: data, data_size_in: 14 });
    run(prog, { data_in: 0, data_size_in: 64 });
    run(prog, { data_in: data, data_size_in: 64, repeat: 3 });
    run(prog, { data_in: data, data_size_in: 64, flags: 1 });
    run(prog, { data_in: data, data_size_in: 64, cpu: 1 });
    run(prog, { data_in: data, data_size_in: 64, batch_size: 1 });
    run(prog, { ctx_in: ctx });
    run(prog, { ctx_size_in: 8 });
    run(prog, { ctx_out: ctx });
    run(prog, { ctx_size_out: 8 });
    run(prog, { ctx_in: ctx, ctx_size_in: 8 });
    run(prog, { ctx_in: ctx, ctx_size_in: 97 });
    run(prog, { ctx_in: ctx, ctx_size_in: 8, flags: 1, cpu: 1 });
    run(prog, { ctx_in: ctx, ctx_size_in: 8, flags: 1, cpu: 9 });
    run(prog, { ctx_in: ctx, ctx_size_in: 8, cpu: 1 });
    run(prog, { data_in: data, data_size_in: 64, ctx_out: ctxOut, ctx_size_out: 256 });
    run(prog, { data_in: data, data_size_in: 64, ctx_out: ctxOut, ctx_size_out: 8 });
    run(prog, { data_in: data, data_size_in: 64, ctx_in: ctx, ctx_size_in: 256 });
  }
  s.show(out, 0, 64);
  const md = s.buffer('md', u32(0, 64, 0, 0, 0, 0));
  run(xdp, {
    data_in: data,
    data_size_in: 64,
    ctx_in: md,
    ctx_size_in: 24,
    ctx_out: ctxOut,
    ctx_size_out: 24,
  });
  s.show(ctxOut, 0, 24);
  for (const words of [
    [4, 64, 0, 0, 0, 0],
    [3, 64, 0, 0, 0, 0],
    [36, 64, 0, 0, 0, 0],
    [0, 65, 0, 0, 0, 0],
    [0, 64, 1, 0, 0, 0],
    [0, 64, 0, 1, 0, 0],
    [0, 64, 0, 77, 0, 0],
    [0, 64, 0, 0, 1, 0],
    [0, 64, 0, 0, 0, 1],
  ])
    run(xdp, {
      data_in: data,
      data_size_in: 64,
      ctx_in: s.buffer(`md${s.steps.length}`, u32(...words)),
      ctx_size_in: 24,
    });
  run(s.open('/dev/null', 'null'), { data_in: data, data_size_in: 64 });
  return s;
}

/** What a program uses of its context decides how much of it a test run must give. */
function contexts(): Scenario {
  const s = new Scenario('contexts of test runs');
  const ctx = s.buffer('ctx', 128);
  const reads = (name: string, type: number, offset: number, flags = 0): Late => {
    const insns = code(`r0 = *(u64 *)(r1 + ${offset})\nr0 = 0\nexit`);
    return p.program(s, type, name, 0, { insns, insn_cnt: 3, prog_flags: flags });
  };
  for (const [name, type, flags] of [
    ['raw', p.RAW_TRACEPOINT, 0],
    ['syscall', p.SYSCALL, 16],
  ] as const)
    for (const offset of [0, 8, 88]) {
      const program = reads(`${name}${offset}`, type, offset, flags);
      for (const size of [0, 7, 8, 16, 95, 96])
        s.call('BPF_PROG_TEST_RUN', { prog_fd: program, ctx_in: size === 0 ? 0 : ctx, ctx_size_in: size });
    }
  return s;
}

function idsAndStats(): Scenario {
  const s = new Scenario('ids and statistics');
  for (const command of [
    'BPF_PROG_GET_NEXT_ID',
    'BPF_MAP_GET_NEXT_ID',
    'BPF_BTF_GET_NEXT_ID',
    'BPF_LINK_GET_NEXT_ID',
  ] as const) {
    s.call(command, { start_id: 0x7fffffff });
    s.call(command, { start_id: 0x7ffffffe });
    s.call(command, { start_id: 0xffffffff });
    s.call(command, { start_id: 0, open_flags: 1 });
    s.call(command, { start_id: 1000000, next_id: 5 });
  }
  for (const command of [
    'BPF_PROG_GET_FD_BY_ID',
    'BPF_MAP_GET_FD_BY_ID',
    'BPF_BTF_GET_FD_BY_ID',
    'BPF_LINK_GET_FD_BY_ID',
  ] as const) {
    s.call(command, {});
    s.call(command, {}, { bytes: { 3: 0x7f } });
    s.call(command, {}, { bytes: { 4: 1, 3: 0x7f } });
    s.call(command, {}, { bytes: { 8: 8, 3: 0x7f } });
    s.call(command, {}, { bytes: { 8: 1, 3: 0x7f } });
    s.call(command, {}, { bytes: { 12: 1 } });
  }
  const program = p.program(s, p.XDP, 'counted');
  const info = s.buffer('info', 232);
  const data = s.buffer('data', 64);
  const stats = s.call('BPF_ENABLE_STATS', {});
  s.call('BPF_ENABLE_STATS', { type: 1 });
  s.call(
    'BPF_PROG_TEST_RUN',
    { prog_fd: program, data_in: data, data_size_in: 64, repeat: 5 },
    { hide: ['duration'] },
  );
  s.close(stats);
  s.call('BPF_PROG_TEST_RUN', { prog_fd: program, data_in: data, data_size_in: 64 }, { hide: ['duration'] });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: program, info_len: 232, info });
  s.show(info, 200, 8);
  s.close(program);
  s.close(program);
  return s;
}

export const PROGRAMS: readonly Scenario[] = [
  loading(),
  attachTypes(),
  log(),
  maps(),
  infos(),
  testRuns(),
  contexts(),
  idsAndStats(),
];
