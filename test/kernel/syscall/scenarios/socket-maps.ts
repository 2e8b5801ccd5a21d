/** Programs of socket maps: attached, queried, linked (net/core/sock_map.c). */
import { type Late, Scenario } from '../scenario.ts';
import * as p from './parts.ts';

const SK_SKB = 14;
const SK_MSG = 16;
const SOCKMAP = 15;
const SOCKHASH = 18;
/** Attach types. */
const PARSER = 4;
const STREAM_VERDICT = 5;
const MESSAGE = 7;
const VERDICT = 38;

type More = Readonly<Record<string, number | Late>>;

function attachments(): Scenario {
  const s = new Scenario('programs of socket maps');
  const map = p.map(s, 'sockmap', SOCKMAP, 4, 8, 4);
  const hash = p.map(s, 'sockhash', SOCKHASH, 4, 8, 4);
  const array = p.map(s, 'array', p.ARRAY, 4, 4, 1);
  const plain = p.program(s, SK_SKB, 'plain');
  const other = p.program(s, SK_SKB, 'other', VERDICT);
  const message = p.program(s, SK_MSG, 'message', MESSAGE);
  const ids = s.buffer('ids', 16);
  const attach = (program: Late | number, type: number, more: More = {}): void => {
    s.call('BPF_PROG_ATTACH', { target_fd: map, attach_bpf_fd: program, attach_type: type, ...more });
  };
  const detach = (program: Late | number, type: number, more: More = {}): void => {
    s.call('BPF_PROG_DETACH', { target_fd: map, attach_bpf_fd: program, attach_type: type, ...more });
  };
  const query = (type: number, more: More = {}): void => {
    s.call('BPF_PROG_QUERY', { target_fd: map, attach_type: type, prog_ids: ids, prog_cnt: 4, ...more });
  };
  query(STREAM_VERDICT);
  attach(plain, STREAM_VERDICT, { target_fd: array });
  attach(plain, STREAM_VERDICT, { target_fd: 99 });
  attach(plain, STREAM_VERDICT, { target_fd: plain });
  attach(plain, STREAM_VERDICT, { attach_flags: 1 });
  attach(plain, STREAM_VERDICT, { attach_flags: 4, replace_bpf_fd: plain });
  attach(plain, STREAM_VERDICT, { attach_flags: 8 });
  attach(plain, STREAM_VERDICT, { relative_fd: 3 });
  attach(99, STREAM_VERDICT);
  attach(message, STREAM_VERDICT);
  attach(plain, MESSAGE);
  attach(plain, STREAM_VERDICT);
  attach(plain, STREAM_VERDICT);
  attach(other, STREAM_VERDICT);
  attach(plain, VERDICT);
  attach(plain, PARSER);
  attach(message, MESSAGE);
  attach(message, MESSAGE, { target_fd: hash });
  for (const type of [PARSER, STREAM_VERDICT, MESSAGE, VERDICT]) query(type);
  query(STREAM_VERDICT, { query_flags: 1 });
  query(STREAM_VERDICT, { target_fd: array });
  query(STREAM_VERDICT, { target_fd: 99 });
  query(STREAM_VERDICT, { prog_cnt: 0 });
  query(STREAM_VERDICT, { prog_ids: 0 });
  query(VERDICT, { target_fd: hash });
  detach(plain, STREAM_VERDICT);
  detach(message, STREAM_VERDICT);
  detach(other, STREAM_VERDICT, { attach_flags: 1 });
  detach(other, STREAM_VERDICT, { target_fd: array });
  detach(99, STREAM_VERDICT);
  detach(0, STREAM_VERDICT);
  detach(other, STREAM_VERDICT);
  detach(other, STREAM_VERDICT);
  attach(plain, VERDICT);
  attach(plain, STREAM_VERDICT);
  query(STREAM_VERDICT);
  detach(plain, VERDICT);
  detach(plain, PARSER);
  detach(message, MESSAGE);
  query(MESSAGE);
  query(MESSAGE, { target_fd: hash });
  return s;
}

function links(): Scenario {
  const s = new Scenario('links to socket maps');
  const map = p.map(s, 'sockmap', SOCKMAP, 4, 8, 4);
  const array = p.map(s, 'array', p.ARRAY, 4, 4, 1);
  const plain = p.program(s, SK_SKB, 'plain');
  const twin = p.program(s, SK_SKB, 'twin');
  const typed = p.program(s, SK_SKB, 'typed', STREAM_VERDICT);
  const message = p.program(s, SK_MSG, 'message', MESSAGE);
  const info = s.buffer('info', 64);
  const create = (program: Late | number, type: number, more: More = {}, as = 'x'): Late =>
    s.call('BPF_LINK_CREATE', { prog_fd: program, target_fd: map, attach_type: type, ...more }, { as });
  const attach = (program: Late, type: number): void => {
    s.call('BPF_PROG_ATTACH', { target_fd: map, attach_bpf_fd: program, attach_type: type });
  };
  const detach = (program: Late, type: number): void => {
    s.call('BPF_PROG_DETACH', { target_fd: map, attach_bpf_fd: program, attach_type: type });
  };
  create(plain, STREAM_VERDICT, { flags: 1 });
  create(plain, STREAM_VERDICT, { target_fd: array });
  create(plain, STREAM_VERDICT, { target_fd: 99 });
  create(plain, STREAM_VERDICT, { target_fd: plain });
  create(99, STREAM_VERDICT);
  create(message, STREAM_VERDICT);
  create(plain, MESSAGE);
  const link = create(plain, STREAM_VERDICT, {}, 'link');
  create(plain, STREAM_VERDICT);
  create(plain, VERDICT);
  attach(plain, STREAM_VERDICT);
  attach(plain, VERDICT);
  detach(plain, STREAM_VERDICT);
  const update = (program: Late, more: More = {}): void => {
    s.call('BPF_LINK_UPDATE', { link_fd: link, new_prog_fd: program, ...more });
  };
  update(twin);
  update(typed);
  update(message);
  update(plain, { flags: 4, old_prog_fd: plain });
  update(plain, { flags: 4, old_prog_fd: twin });
  update(plain, { flags: 4, old_prog_fd: plain });
  update(twin, { flags: 1 });
  const show = (): void => {
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info_len: 64, info });
    s.show(info, 0, 64, [
      [4, 8],
      [16, 4],
    ]);
  };
  show();
  const parser = create(twin, PARSER, {}, 'parser');
  attach(message, MESSAGE);
  create(message, MESSAGE);
  detach(message, MESSAGE);
  s.close(create(message, MESSAGE, {}, 'short'));
  attach(message, MESSAGE);
  s.call('BPF_LINK_DETACH', { link_fd: link });
  show();
  s.call('BPF_LINK_DETACH', { link_fd: link });
  update(twin);
  create(plain, VERDICT);
  s.close(parser);
  attach(plain, PARSER);
  return s;
}

export const SOCKET_MAPS: readonly Scenario[] = [attachments(), links()];
