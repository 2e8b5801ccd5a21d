/** Programs at devices and network namespaces: tcx, XDP, SK_LOOKUP and flow dissectors. */
import { code, type Late, Scenario } from '../scenario.ts';
import * as p from './parts.ts';

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

export const NETWORK_PLACES: readonly Scenario[] = [tcx(), xdp(), netns()];
