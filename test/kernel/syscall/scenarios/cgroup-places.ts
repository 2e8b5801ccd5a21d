/** Programs at cgroups: attached directly, by links, and both. */
import { code, type Late, Scenario } from '../scenario.ts';
import * as p from './parts.ts';

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

export const CGROUP_PLACES: readonly Scenario[] = [cgroupsDirect(), cgroupLinks(), egress()];
