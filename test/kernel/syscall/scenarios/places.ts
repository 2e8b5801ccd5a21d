/** Pins, tracepoints, and the commands that ask places or find nothing there. */
import { at, type Late, Scenario, u32 } from '../scenario.ts';
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

export const PLACES: readonly Scenario[] = [pins(), tracing(), queries()];
