/** Type information: how it is checked, read again, and used by maps and programs. */
import { type Late, Scenario, u32 } from '../scenario.ts';
import * as p from './parts.ts';

type Loads = (bytes: Uint8Array, more?: Readonly<Record<string, number | Late>>) => Late;

/** A header, with sections of so many bytes behind it. */
function withHeader(types: number, strings: number): Uint8Array {
  const bytes = new Uint8Array(24 + types + strings);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  view.setUint32(4, 24, true);
  view.setUint32(12, types, true);
  view.setUint32(16, types, true);
  view.setUint32(20, strings, true);
  return bytes;
}

/** One int of four bytes. */
const INT = withHeader(16, 5);
INT.set(u32(1, 0x01000000, 4, 0x01000020), 24);
INT.set([0, 0x69, 0x6e, 0x74, 0], 40);

/** The int with other bytes at some offsets. */
function change(edits: Readonly<Record<number, number>>): Uint8Array {
  const bytes = INT.slice();
  for (const [at, byte] of Object.entries(edits)) bytes[Number(at)] = byte;
  return bytes;
}

function broken(s: Scenario, load: Loads, fd: Late): void {
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
  for (const size of [0, 7, 8, 23, 24, 25, 40, 44]) load(INT.slice(0, size));
  load(new Uint8Array([...INT.slice(0, 4), 28, 0, 0, 0, ...INT.slice(8, 24), 0, 0, 0, 0, ...INT.slice(24)]));
  load(new Uint8Array([...INT.slice(0, 4), 28, 0, 0, 0, ...INT.slice(8, 24), 1, 0, 0, 0, ...INT.slice(24)]));
  s.call('BPF_BTF_LOAD', { btf_size: 0x1000001 });
  s.call('BPF_BTF_LOAD', { btf: 0, btf_size: 45 });
  load(INT, { btf_flags: 1 });
  load(INT, { btf_flags: 1 << 16 });
  load(INT, { btf_flags: 1 << 16, btf_token_fd: fd });
  load(INT, { btf_log_size: 10 });
  load(INT, { btf_log_level: 16 });
}

function logs(s: Scenario, load: Loads): void {
  const log = s.buffer('log', 256);
  load(change({ 0: 0 }), { btf_log_level: 1, btf_log_size: 256, btf_log_buf: log });
  s.show(log, 0, 180);
  load(change({ 2: 9 }), { btf_log_level: 1, btf_log_size: 20, btf_log_buf: log });
  s.show(log, 0, 20);
}

/** What is told of types; gives the buffer with their struct bpf_btf_info. */
function infos(s: Scenario, fd: Late): Late {
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
  return info;
}

function mapsOfTypes(s: Scenario, fd: Late): void {
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
  typed({ btf_key_type_id: 1, btf_value_type_id: 1, btf_fd: 77 });
}

function kernelTypes(s: Scenario): void {
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
}

function types(): Scenario {
  const s = new Scenario('type information');
  const load: Loads = (bytes, more = {}) =>
    s.call('BPF_BTF_LOAD', { btf: bytes, btf_size: bytes.length, ...more }, { hide: ['btf_log_true_size'] });
  const fd = load(INT);
  broken(s, load, fd);
  logs(s, load);
  const info = infos(s, fd);
  mapsOfTypes(s, fd);
  const id = s.read(info, 12, 'id');
  const again = s.call('BPF_BTF_GET_FD_BY_ID', { btf_id: id });
  s.close(fd);
  s.close(again);
  s.call('BPF_BTF_GET_FD_BY_ID', { btf_id: id });
  kernelTypes(s);
  return s;
}

export const TYPES: readonly Scenario[] = [types()];
