/** Where objects are put: pins, cgroups, tcx, XDP, network namespaces, tracepoints; attached directly and by links. */
import { at, code, type Late, Scenario, u32 } from '../scenario.ts';
import * as p from './parts.ts';

const ROOT = '/sys/fs/bpf';

function pins(): Scenario {
  const s = new Scenario('pins');
  const m = p.map(s, 'm', p.ARRAY, 4, 4, 1);
  const program = p.program(s, p.XDP, 'xdp');
  const pin = (fd: Late | number, path: string, more: Readonly<Record<string, number | Late>> = {}): void => {
    s.call('BPF_OBJ_PIN', { bpf_fd: fd, pathname: path, ...more });
  };
  const get = (path: string, more: Readonly<Record<string, number | Late>> = {}): Late =>
    s.call('BPF_OBJ_GET', { pathname: path, ...more });
  pin(m, `${ROOT}/m`);
  pin(m, `${ROOT}/m`);
  pin(program, `${ROOT}/m`);
  pin(m, `${ROOT}/none/m`);
  pin(m, `${ROOT}/m/below`);
  pin(m, `${ROOT}/a.b`);
  pin(m, `${ROOT}/.`);
  pin(m, `${ROOT}/..`);
  pin(m, `${ROOT}/slash/`);
  pin(m, ROOT);
  pin(m, '/');
  pin(m, '');
  pin(m, '/tmp/elsewhere');
  pin(m, `/tmp/none/elsewhere`);
  pin(m, `${ROOT}/${'n'.repeat(255)}`);
  s.remove(`${ROOT}/${'n'.repeat(255)}`);
  pin(m, `${ROOT}/${'n'.repeat(256)}`);
  pin(m, `${ROOT}/flag`, { file_flags: 1 });
  pin(m, `${ROOT}/flag`, { file_flags: 8 });
  pin(m, `${ROOT}/flag`, { path_fd: 3 });
  pin(99, `${ROOT}/none`);
  pin(s.open('/dev/null', 'null'), `${ROOT}/none`);
  s.call('BPF_OBJ_PIN', { bpf_fd: m, pathname: 0 });
  s.makeDirectory(`${ROOT}/dir`);
  pin(program, `${ROOT}/dir/../dir/p`);
  s.close(get(`${ROOT}/dir/p`));
  s.close(get(`${ROOT}//dir/./p`));
  get(`${ROOT}/dir/p/`);
  get(`${ROOT}/dir`);
  get(`${ROOT}/none`);
  get(`${ROOT}/a.b`);
  get('/dev/null');
  get('');
  s.call('BPF_OBJ_GET', { pathname: 0 });
  get(`${ROOT}/m`, { bpf_fd: 1 });
  get(`${ROOT}/m`, { file_flags: 1 });
  get(`${ROOT}/m`, { file_flags: 24 });
  get(`${ROOT}/m`, { path_fd: 3 });
  const reader = get(`${ROOT}/m`, { file_flags: 8 });
  const key = s.buffer('key', u32(0));
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: reader, key, value: key });
  s.close(get(`${ROOT}/dir/p`, { file_flags: 8 }));
  const dir = s.open(`${ROOT}/dir`, 'dir');
  s.close(get('p', { file_flags: 1 << 14, path_fd: dir }));
  s.close(get(`${ROOT}/m`, { file_flags: 1 << 14, path_fd: -1 }));
  get('p', { file_flags: 1 << 14, path_fd: 99 });
  get('p', { file_flags: 1 << 14, path_fd: m });
  pin(m, 'q', { file_flags: 1 << 14, path_fd: dir });
  s.close(get(`${ROOT}/dir/q`));
  s.close(program);
  s.remove(`${ROOT}/dir`);
  s.remove(`${ROOT}/dir/q`);
  s.remove(`${ROOT}/dir/p`);
  s.remove(`${ROOT}/dir`);
  s.remove(`${ROOT}/m`);
  s.remove(`${ROOT}/m`);
  get(`${ROOT}/m`);
  return s;
}

function cgroupsDirect(): Scenario {
  const s = new Scenario('programs of cgroups');
  s.makeDirectory('/sys/fs/cgroup/one');
  s.makeDirectory('/sys/fs/cgroup/one/two');
  const one = s.open('/sys/fs/cgroup/one', 'one');
  const two = s.open('/sys/fs/cgroup/one/two', 'two');
  const a = p.program(s, p.CGROUP_SKB, 'a');
  const b = p.program(s, p.CGROUP_SKB, 'b');
  const c = p.program(s, p.CGROUP_SKB, 'c');
  const sock = p.program(s, p.CGROUP_SOCK, 'sock', 2);
  const ids = s.buffer('ids', 64);
  const attach = (target: Late | number, program: Late | number, flags: number, more = {}): void => {
    s.call('BPF_PROG_ATTACH', { target_fd: target, attach_bpf_fd: program, attach_flags: flags, ...more });
  };
  const detach = (target: Late, program: Late | number, more = {}): void => {
    s.call('BPF_PROG_DETACH', { target_fd: target, attach_bpf_fd: program, ...more });
  };
  const query = (target: Late, flags = 0, more: Readonly<Record<string, number | Late>> = {}): void => {
    s.call('BPF_PROG_QUERY', { target_fd: target, query_flags: flags, prog_ids: ids, prog_cnt: 16, ...more });
  };
  query(one);
  attach(one, a, 0);
  query(one);
  attach(one, a, 0);
  attach(one, b, 0);
  attach(two, a, 0);
  attach(one, a, 1);
  attach(one, a, 2);
  detach(one, 0);
  detach(one, 0);
  attach(one, a, 1);
  attach(two, b, 0);
  attach(two, b, 2);
  query(two);
  query(two, 1);
  detach(two, b);
  detach(one, b);
  query(one);
  attach(one, a, 2);
  attach(one, a, 2);
  attach(one, b, 2);
  attach(one, c, 2 | 4, { replace_bpf_fd: a });
  attach(one, c, 2 | 4, { replace_bpf_fd: a });
  attach(one, a, 2 | 4, { replace_bpf_fd: sock });
  attach(one, a, 4, { replace_bpf_fd: b });
  attach(one, a, 3);
  attach(one, a, 2 | 8);
  attach(one, a, 2 | 16, { relative_fd: c });
  attach(two, a, 2 | 8, { relative_fd: c });
  attach(two, a, 2, { relative_fd: c });
  attach(two, a, 2 | 64);
  attach(two, b, 2, { expected_revision: 1 });
  attach(two, b, 2, { expected_revision: 50 });
  query(one);
  query(two);
  query(two, 1);
  query(one, 0, { prog_cnt: 1 });
  query(one, 0, { prog_cnt: 0 });
  query(one, 0, { prog_ids: 0 });
  query(one, 2);
  query(one, 1, { prog_attach_flags: ids });
  query(one, 0, { prog_attach_flags: ids });
  s.show(ids, 0, 12);
  query(one, 0, { attach_type: 99 });
  query(one, 0, { attach_type: 37 });
  detach(one, 0);
  detach(one, sock);
  detach(one, b, { expected_revision: 99 });
  detach(one, b, { attach_flags: 2 });
  detach(one, b);
  detach(one, b);
  attach(one, sock, 0);
  attach(one, sock, 0, { attach_type: 2 });
  attach(one, sock, 0, { attach_type: 34 });
  attach(one, a, 0, { attach_type: 2 });
  attach(one, a, 0, { attach_type: 37 });
  attach(one, a, 0, { attach_type: 99 });
  attach(99, a, 0);
  attach(a, a, 0);
  attach(one, 99, 0);
  attach(one, one, 0);
  attach(one, a, 1 << 20);
  s.close(one);
  s.close(two);
  s.remove('/sys/fs/cgroup/one');
  s.remove('/sys/fs/cgroup/one/two');
  s.remove('/sys/fs/cgroup/one');
  return s;
}

function cgroupLinks(): Scenario {
  const s = new Scenario('links to cgroups');
  s.makeDirectory('/sys/fs/cgroup/linked');
  const group = s.open('/sys/fs/cgroup/linked', 'group');
  const a = p.program(s, p.CGROUP_SKB, 'a');
  const b = p.program(s, p.CGROUP_SKB, 'b');
  const sock = p.program(s, p.CGROUP_SOCK, 'sock', 2);
  const create = (
    program: Late | number,
    more: Readonly<Record<string, number | Late>> = {},
    as?: string,
  ): Late =>
    s.call(
      'BPF_LINK_CREATE',
      { prog_fd: program, target_fd: group, ...more },
      as === undefined ? {} : { as },
    );
  const link = create(a, {}, 'link');
  create(a, { flags: 1 });
  create(a, { flags: 4 });
  create(a, { target_fd: 99 });
  create(a, { target_fd: a });
  create(99);
  create(sock);
  const again = create(a, {}, 'again');
  const before = create(b, { flags: 8 }, 'before');
  create(b, { flags: 8 | (1 << 13), relative_fd: link });
  create(b, { flags: 8, relative_fd: link });
  create(b, { expected_revision: 77 });
  const ids = s.buffer('ids', 64);
  s.call('BPF_PROG_QUERY', { target_fd: group, prog_ids: ids, prog_cnt: 16 });
  s.call('BPF_PROG_ATTACH', { target_fd: group, attach_bpf_fd: a });
  s.call('BPF_PROG_ATTACH', { target_fd: group, attach_bpf_fd: a, attach_flags: 2 });
  s.call('BPF_PROG_DETACH', { target_fd: group, attach_bpf_fd: a });
  s.call('BPF_PROG_DETACH', { target_fd: group, attach_bpf_fd: a });
  const update = (more: Readonly<Record<string, number | Late>>): void => {
    s.call('BPF_LINK_UPDATE', { link_fd: link, ...more });
  };
  update({ new_prog_fd: b });
  update({ new_prog_fd: b });
  update({ new_prog_fd: a, old_prog_fd: a });
  update({ new_prog_fd: a, old_prog_fd: a, flags: 4 });
  update({ new_prog_fd: a, old_prog_fd: b, flags: 4 });
  update({ new_prog_fd: sock });
  update({ new_prog_fd: 99 });
  update({ new_prog_fd: a, flags: 1 });
  update({ link_fd: a, new_prog_fd: a });
  const info = s.buffer('info', 64);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
  s.show(info, 0, 64, [
    [4, 8],
    [16, 8],
  ]);
  s.call('BPF_LINK_DETACH', { link_fd: link });
  s.call('BPF_LINK_DETACH', { link_fd: link });
  update({ new_prog_fd: b });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
  s.show(info, 0, 64, [[4, 8]]);
  s.call('BPF_PROG_QUERY', { target_fd: group, prog_ids: ids, prog_cnt: 16 });
  s.call('BPF_OBJ_PIN', { bpf_fd: again, pathname: '/sys/fs/bpf/link' });
  s.close(again);
  s.close(before);
  s.call('BPF_PROG_QUERY', { target_fd: group, prog_ids: ids, prog_cnt: 16 });
  const got = s.call('BPF_OBJ_GET', { pathname: '/sys/fs/bpf/link' });
  s.call('BPF_OBJ_GET', { pathname: '/sys/fs/bpf/link', file_flags: 8 });
  s.close(got);
  s.remove('/sys/fs/bpf/link');
  s.call('BPF_PROG_QUERY', { target_fd: group, prog_ids: ids, prog_cnt: 16 });
  s.close(group);
  s.close(link);
  s.remove('/sys/fs/cgroup/linked');
  return s;
}

/** Egress programs of cgroups may return 2 and 3; those that do attach as they were loaded only. */
function egress(): Scenario {
  const s = new Scenario('egress programs of cgroups');
  s.makeDirectory('/sys/fs/cgroup/out');
  const group = s.open('/sys/fs/cgroup/out', 'group');
  for (const value of [0, 1, 2, 3]) {
    const program = p.program(s, p.CGROUP_SKB, `returns${value}`, 1, { insns: code(`r0 = ${value}\nexit`) });
    for (const attachType of [0, 1]) {
      s.close(s.call('BPF_LINK_CREATE', { prog_fd: program, target_fd: group, attach_type: attachType }));
      s.call('BPF_PROG_ATTACH', { target_fd: group, attach_bpf_fd: program, attach_type: attachType });
      s.call('BPF_PROG_DETACH', { target_fd: group, attach_type: attachType });
    }
  }
  s.close(group);
  s.remove('/sys/fs/cgroup/out');
  return s;
}

function tcx(): Scenario {
  const s = new Scenario('tcx');
  const [a, b, c] = ['a', 'b', 'c'].map((name) => p.program(s, p.SCHED_CLS, name)) as [Late, Late, Late];
  const xdp = p.program(s, p.XDP, 'xdp');
  const ids = s.buffer('ids', 64);
  const links = s.buffer('links', 64);
  const place = { target_ifindex: 1, attach_type: 46 };
  const attach = (
    program: Late | number,
    flags = 0,
    more: Readonly<Record<string, number | Late>> = {},
  ): void => {
    s.call('BPF_PROG_ATTACH', { ...place, attach_bpf_fd: program, attach_flags: flags, ...more });
  };
  const detach = (
    program: Late | number,
    flags = 0,
    more: Readonly<Record<string, number | Late>> = {},
  ): void => {
    s.call('BPF_PROG_DETACH', { ...place, attach_bpf_fd: program, attach_flags: flags, ...more });
  };
  const query = (more: Readonly<Record<string, number | Late>> = {}): void => {
    s.call('BPF_PROG_QUERY', { ...place, prog_ids: ids, prog_cnt: 16, link_ids: links, ...more });
  };
  query();
  detach(a);
  attach(a);
  attach(a);
  query();
  attach(b, 8);
  attach(c, 16, { relative_fd: b });
  query();
  attach(xdp);
  attach(99);
  attach(c, 8);
  attach(c, 1);
  attach(c, 8 | 16);
  detach(c);
  attach(c, 8 | 16);
  attach(c, 8, { relative_fd: xdp });
  attach(c, 8, { relative_fd: 99 });
  attach(c, 0, { relative_fd: a });
  attach(c, 4, { replace_bpf_fd: a });
  attach(a, 4, { replace_bpf_fd: a });
  attach(a, 4, { replace_bpf_fd: xdp });
  attach(a, 16, { expected_revision: 99 });
  attach(a, 32, { relative_fd: 0x7fffffff });
  attach(a, 1 << 13, { relative_fd: b });
  attach(a, 0, { target_ifindex: 77 });
  query({ prog_cnt: 1 });
  query({ query_flags: 1 });
  query({ target_ifindex: 77 });
  detach(a, 4);
  detach(a, 0);
  detach(0, 0);
  detach(0, 8);
  detach(0, 16);
  detach(0, 16);
  attach(a);
  const create = (program: Late, more: Readonly<Record<string, number | Late>> = {}, as = 'x'): Late =>
    s.call('BPF_LINK_CREATE', { ...place, prog_fd: program, ...more }, { as });
  const link = create(b, { flags: 8 }, 'link');
  create(a);
  create(c, { target_ifindex: 77 });
  create(c, { flags: 1 });
  create(c, { flags: 16 | (1 << 13), relative_fd: link }, 'second');
  query();
  detach(b);
  detach(0, 8);
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: a });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: xdp });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: b });
  const info = s.buffer('info', 64);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
  s.show(info, 0, 64, [[4, 8]]);
  s.call('BPF_LINK_DETACH', { link_fd: link });
  query();
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
  s.show(info, 0, 64, [[4, 8]]);
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: b });
  detach(a);
  return s;
}

function xdp(): Scenario {
  const s = new Scenario('XDP links');
  const a = p.program(s, p.XDP, 'a');
  const b = p.program(s, p.XDP, 'b');
  const dev = p.program(s, p.XDP, 'dev', 33);
  const tc = p.program(s, p.SCHED_CLS, 'tc');
  const create = (program: Late, more: Readonly<Record<string, number | Late>> = {}, as = 'x'): Late =>
    s.call('BPF_LINK_CREATE', { prog_fd: program, target_ifindex: 1, attach_type: 37, ...more }, { as });
  create(a, { target_ifindex: 0 });
  create(a, { target_ifindex: 77 });
  create(a, { flags: 1 });
  create(a, { flags: 16 });
  create(a, { flags: 4 });
  create(a, { flags: 8 });
  create(a, { flags: 6 });
  create(dev);
  create(tc);
  create(a, { attach_type: 33 });
  const link = create(a, { flags: 2 }, 'link');
  create(b);
  create(b, { flags: 2 });
  create(b, { flags: 4 });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: b });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: dev });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: tc });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: a, old_prog_fd: a, flags: 4 });
  const info = s.buffer('info', 64);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
  s.show(info, 0, 64, [[4, 8]]);
  const id = s.read(info, 4, 'id');
  const again = s.call('BPF_LINK_GET_FD_BY_ID', { link_id: id });
  s.close(link);
  create(b);
  s.call('BPF_LINK_DETACH', { link_fd: again });
  s.call('BPF_LINK_UPDATE', { link_fd: again, new_prog_fd: a });
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: again, info_len: 64, info });
  s.show(info, 0, 64, [[4, 8]]);
  s.close(create(b, {}, 'fresh'));
  s.close(again);
  s.call('BPF_LINK_GET_FD_BY_ID', { link_id: id });
  s.call('BPF_PROG_ATTACH', { target_ifindex: 1, attach_bpf_fd: a, attach_type: 37 });
  s.call('BPF_PROG_DETACH', { target_ifindex: 1, attach_bpf_fd: a, attach_type: 37 });
  return s;
}

function netns(): Scenario {
  const s = new Scenario('the network namespace');
  const ns = s.open('/proc/self/ns/net', 'ns');
  const flow = p.program(s, p.FLOW_DISSECTOR, 'flow', 0, { insns: code('r0 = 0\nexit') });
  const flow2 = p.program(s, p.FLOW_DISSECTOR, 'flow2', 0, { insns: code('r0 = 0\nexit') });
  const lookup = p.program(s, p.SK_LOOKUP, 'lookup', 36);
  const ids = s.buffer('ids', 64);
  const query = (more: Readonly<Record<string, number | Late>> = {}): void => {
    s.call('BPF_PROG_QUERY', { target_fd: ns, attach_type: 17, prog_ids: ids, prog_cnt: 4, ...more });
  };
  query();
  query({ target_fd: 99 });
  query({ target_fd: flow });
  query({ query_flags: 1 });
  const attach = (program: Late, more: Readonly<Record<string, number | Late>> = {}): void => {
    s.call('BPF_PROG_ATTACH', { attach_bpf_fd: program, attach_type: 17, ...more });
  };
  attach(flow, { target_fd: ns });
  attach(flow, { attach_flags: 1 });
  attach(flow, { attach_flags: 4, replace_bpf_fd: flow });
  attach(flow);
  attach(flow);
  attach(flow2);
  attach(lookup, { attach_type: 36 });
  query();
  const create = (
    program: Late,
    attachType: number,
    more: Readonly<Record<string, number | Late>> = {},
  ): Late => s.call('BPF_LINK_CREATE', { prog_fd: program, target_fd: ns, attach_type: attachType, ...more });
  create(flow, 17);
  const detach = (program: Late, more: Readonly<Record<string, number | Late>> = {}): void => {
    s.call('BPF_PROG_DETACH', { attach_bpf_fd: program, attach_type: 17, ...more });
  };
  detach(flow);
  detach(flow2, { target_fd: ns });
  detach(flow2);
  detach(flow2);
  const link = create(flow, 17);
  create(flow2, 17);
  create(flow, 17, { flags: 1 });
  create(flow, 36);
  create(flow, 17, { target_fd: 99 });
  create(flow, 17, { target_fd: flow });
  attach(flow2);
  detach(flow);
  query();
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: flow2 });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: lookup });
  const socket = create(lookup, 36);
  create(lookup, 36);
  query({ attach_type: 36 });
  s.call('BPF_LINK_DETACH', { link_fd: link });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: flow });
  const info = s.buffer('info', 64);
  for (const fd of [link, socket]) {
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 64, info });
    s.show(info, 0, 64, [[4, 8], ...(fd === socket ? ([[16, 4]] as const) : [])]);
  }
  query();
  return s;
}

function tracing(): Scenario {
  const s = new Scenario('tracepoints and perf events');
  const raw = p.program(s, p.RAW_TRACEPOINT, 'raw');
  const tp = p.program(s, p.TRACEPOINT, 'tp');
  const kp = p.program(s, p.KPROBE, 'kp');
  const open = (
    program: Late | number,
    name: string | number,
    more: Readonly<Record<string, number>> = {},
  ): Late => s.call('BPF_RAW_TRACEPOINT_OPEN', { name, prog_fd: program, ...more });
  open(raw, 0);
  open(raw, '');
  open(tp, 'sys_enter');
  open(99, 'sys_enter');
  const link = open(raw, 'sys_enter', { cookie: 7 });
  open(raw, 'sys_enter');
  const info = s.buffer('info', 64);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
  s.show(info, 0, 64, [[4, 8]]);
  const text = s.buffer('text', 32);
  for (const room of [32, 10, 9, 4, 1]) {
    const want = s.buffer(`want${room}`, new Uint8Array([...new Uint8Array(24), room]), 64);
    s.put(want, 16, text);
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info: want });
    s.show(text, 0, 12);
    s.show(want, 24, 4);
  }
  s.call('BPF_OBJ_GET_INFO_BY_FD', {
    bpf_fd: link,
    info_len: 64,
    info: s.buffer('half', new Uint8Array([...new Uint8Array(24), 5]), 64),
  });
  s.call('BPF_LINK_DETACH', { link_fd: link });
  s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: raw });
  s.call('BPF_LINK_DETACH', { link_fd: raw });
  s.call('BPF_LINK_CREATE', { prog_fd: raw, attach_type: 23 });
  s.call('BPF_ITER_CREATE', { link_fd: link });
  s.call('BPF_ITER_CREATE', { link_fd: raw });
  s.call('BPF_ITER_CREATE', { link_fd: link, flags: 1 });
  const event = s.perfEvent('event', 'tracepoint', 'syscalls/sys_enter_getpid');
  const probe = s.perfEvent('probe', 'kprobe', 'do_unlinkat');
  const create = (program: Late, target: Late | number, more: Readonly<Record<string, number>> = {}): Late =>
    s.call('BPF_LINK_CREATE', { prog_fd: program, target_fd: target, attach_type: 41, ...more });
  create(tp, 99);
  create(tp, raw);
  create(tp, probe);
  create(kp, event);
  create(tp, event, { flags: 1 });
  create(tp, event, { attach_type: 0 });
  const tpLink = create(tp, event, { 'perf_event.bpf_cookie': 9 });
  create(tp, event);
  const kpLink = create(kp, probe);
  for (const fd of [tpLink, kpLink]) {
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 64, info });
    s.show(info, 0, 16, [[4, 8]]);
    s.call('BPF_LINK_DETACH', { link_fd: fd });
    s.call('BPF_LINK_UPDATE', { link_fd: fd, new_prog_fd: tp });
  }
  return s;
}

function btf(): Scenario {
  const s = new Scenario('type information');
  const header = (
    types: number,
    strings: number,
    more: Readonly<Record<number, number>> = {},
  ): Uint8Array => {
    const bytes = new Uint8Array(24 + types + strings);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 0xeb9f, true);
    view.setUint8(2, 1);
    view.setUint32(4, 24, true);
    view.setUint32(12, types, true);
    view.setUint32(16, types, true);
    view.setUint32(20, strings, true);
    for (const [at, byte] of Object.entries(more)) bytes[Number(at)] = byte;
    return bytes;
  };
  /** One int of four bytes. */
  const good = header(16, 5);
  good.set(u32(1, 0x01000000, 4, 0x01000020), 24);
  good.set([0, 0x69, 0x6e, 0x74, 0], 40);
  const load = (bytes: Uint8Array, more: Readonly<Record<string, number | Late>> = {}): Late =>
    s.call('BPF_BTF_LOAD', { btf: bytes, btf_size: bytes.length, ...more }, { hide: ['btf_log_true_size'] });
  const fd = load(good);
  const change = (edits: Readonly<Record<number, number>>): Uint8Array => {
    const bytes = good.slice();
    for (const [at, byte] of Object.entries(edits)) bytes[Number(at)] = byte;
    return bytes;
  };
  for (const edits of [
    { 0: 0 },
    { 2: 2 },
    { 3: 1 },
    { 4: 200 },
    { 4: 8 },
    { 8: 1 },
    { 8: 4 },
    { 12: 12 },
    { 12: 20 },
    { 16: 20 },
    { 20: 4 },
    { 20: 0 },
    { 24: 100 },
    { 27: 1 },
    { 31: 0 },
    { 31: 31 },
    { 31: 0x81 },
    { 32: 3 },
    { 32: 0 },
    { 40: 1 },
    { 44: 1 },
    { 41: 0x2d },
  ])
    load(change(edits));
  for (const size of [0, 7, 8, 23, 24, 25, 40, 44]) load(good.slice(0, size));
  load(
    new Uint8Array([...good.slice(0, 4), 28, 0, 0, 0, ...good.slice(8, 24), 0, 0, 0, 0, ...good.slice(24)]),
  );
  load(
    new Uint8Array([...good.slice(0, 4), 28, 0, 0, 0, ...good.slice(8, 24), 1, 0, 0, 0, ...good.slice(24)]),
  );
  s.call('BPF_BTF_LOAD', { btf_size: 0x1000001 });
  s.call('BPF_BTF_LOAD', { btf: 0, btf_size: 45 });
  load(good, { btf_flags: 1 });
  load(good, { btf_flags: 1 << 16 });
  load(good, { btf_flags: 1 << 16, btf_token_fd: fd });
  load(good, { btf_log_size: 10 });
  load(good, { btf_log_level: 16 });
  const log = s.buffer('log', 256);
  load(change({ 0: 0 }), { btf_log_level: 1, btf_log_size: 256, btf_log_buf: log });
  s.show(log, 0, 180);
  load(change({ 2: 9 }), { btf_log_level: 1, btf_log_size: 20, btf_log_buf: log });
  s.show(log, 0, 20);
  const info = s.buffer('info', 32);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 32, info });
  s.show(info, 0, 32, [[12, 4]]);
  const copy = s.buffer('copy', 64);
  const want = s.buffer('want', new Uint8Array([...new Uint8Array(8), 64]), 32);
  s.put(want, 0, copy);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 32, info: want });
  s.show(copy, 0, 64);
  s.show(want, 8, 4);
  const name = s.buffer('name', new Uint8Array([...new Uint8Array(24), 4]), 32);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 32, info: name });
  s.put(name, 16, copy);
  s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: fd, info_len: 32, info: name });
  s.show(name, 24, 4);
  const typed = (more: Readonly<Record<string, number | Late>>): void => {
    s.close(
      s.call('BPF_MAP_CREATE', {
        map_type: 2,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        btf_fd: fd,
        ...more,
      }),
    );
  };
  typed({ btf_key_type_id: 1, btf_value_type_id: 1 });
  typed({ btf_value_type_id: 1 });
  typed({ btf_key_type_id: 1, btf_value_type_id: 2 });
  typed({ btf_key_type_id: 1, btf_value_type_id: 1, value_size: 8 });
  typed({ btf_key_type_id: 1, btf_value_type_id: 1, btf_fd: log.name === '' ? 0 : 77 });
  const id = s.read(info, 12, 'id');
  const again = s.call('BPF_BTF_GET_FD_BY_ID', { btf_id: id });
  s.close(fd);
  s.close(again);
  s.call('BPF_BTF_GET_FD_BY_ID', { btf_id: id });
  const kernel = s.call('BPF_BTF_GET_FD_BY_ID', { btf_id: 1 });
  s.call('BPF_MAP_CREATE', {
    map_type: 2,
    key_size: 4,
    value_size: 4,
    max_entries: 1,
    btf_fd: kernel,
    btf_value_type_id: 1,
  });
  p.program(s, p.SOCKET_FILTER, 'typed', 0, { prog_btf_fd: kernel, func_info_cnt: 1 });
  p.program(s, p.SOCKET_FILTER, 'typed', 0, { attach_prog_fd: kernel });
  p.program(s, p.SOCKET_FILTER, 'typed', 0, { attach_prog_fd: kernel, attach_btf_id: 1 });
  return s;
}

function queries(): Scenario {
  const s = new Scenario('other places and commands');
  const program = p.program(s, p.XDP, 'xdp');
  for (const attachType of [4, 5, 7, 16, 23, 33, 37, 38, 41, 44, 45, 54, 55, 57])
    for (const target of [0, 1, 99]) s.call('BPF_PROG_QUERY', { target_fd: target, attach_type: attachType });
  for (const attachType of [4, 7, 16, 23, 36, 37, 41, 44, 45, 54, 57]) {
    s.call('BPF_PROG_ATTACH', { target_fd: 99, attach_bpf_fd: program, attach_type: attachType });
    s.call('BPF_PROG_DETACH', { target_fd: 99, attach_bpf_fd: program, attach_type: attachType });
    s.call('BPF_LINK_CREATE', { target_fd: 99, prog_fd: program, attach_type: attachType });
  }
  s.call('BPF_TOKEN_CREATE', { bpffs_fd: program });
  s.call('BPF_TOKEN_CREATE', { bpffs_fd: 99 });
  const bpffs = s.open('/sys/fs/bpf', 'bpffs');
  s.call('BPF_TOKEN_CREATE', { bpffs_fd: bpffs });
  s.call('BPF_TOKEN_CREATE', { bpffs_fd: bpffs, flags: 1 });
  s.call('BPF_TOKEN_CREATE', { bpffs_fd: s.open('/sys/fs/cgroup', 'cgroup') });
  s.call('BPF_TASK_FD_QUERY', { pid: 0x7fffffff, fd: program });
  s.call('BPF_TASK_FD_QUERY', { pid: 0x7fffffff, fd: program, flags: 1 });
  const key = s.buffer('key', u32(0));
  const queue = p.map(s, 'queue', p.QUEUE, 0, 4, 2);
  s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: queue, value: key, flags: 4 });
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: queue, value: at(key, 0), flags: 1 });
  return s;
}

export const PLACES: readonly Scenario[] = [
  pins(),
  cgroupsDirect(),
  cgroupLinks(),
  egress(),
  tcx(),
  xdp(),
  netns(),
  tracing(),
  btf(),
  queries(),
];
