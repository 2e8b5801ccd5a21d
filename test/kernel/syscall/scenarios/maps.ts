/** Maps: creation, elements, access, freezing, batches, prog arrays. */
import { at, type Late, Scenario, u32 } from '../scenario.ts';
import * as p from './parts.ts';

function elements(): Scenario {
  const s = new Scenario('elements of a hash');
  const m = p.map(s, 'hash', p.HASH, 4, 8, 2);
  const out = s.buffer('out', 8);
  const key = s.buffer('key', u32(1));
  const other = s.buffer('other', u32(2));
  const third = s.buffer('third', u32(3));
  const value = s.buffer('value', u32(10, 20));
  const lookup = (k: Late | number, v: Late | number = out, flags: bigint | number = 0): Late =>
    s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: m, key: k, value: v, flags });
  const update = (k: Late | number, v: Late | number = value, flags: bigint | number = 0): Late =>
    s.call('BPF_MAP_UPDATE_ELEM', { map_fd: m, key: k, value: v, flags });
  lookup(key);
  update(key);
  lookup(key);
  s.show(out, 0, 8);
  update(key, value, 1);
  update(other, value, 2);
  update(other, value, 3);
  update(other, value, 4);
  update(other, value, 8);
  update(other, value, 1n << 32n);
  update(other, value, 1);
  update(third);
  lookup(key, out, 1);
  lookup(key, out, 4);
  lookup(key, out, 1n << 40n);
  lookup(0);
  lookup(key, 0);
  update(0);
  update(key, 0);
  lookup(at(key, 1));
  lookup(key, at(out, 4));
  update(key, at(value, 1));
  const next = s.buffer('next', 4);
  s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, next_key: 0 });
  s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, key: at(key, 2), next_key: next });
  s.call('BPF_MAP_DELETE_ELEM', { map_fd: m, key: third });
  s.call('BPF_MAP_DELETE_ELEM', { map_fd: m, key });
  s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, next_key: next });
  s.show(next, 0, 4);
  s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, key: other, next_key: next });
  s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, key: third, next_key: next });
  s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: m, key: other, value: out, flags: 1 });
  s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: m, key: other, value: out, flags: 4 });
  s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: m, key: other, value: out });
  s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: m, key: other, value: out });
  s.show(out, 0, 8);
  return s;
}

function otherKinds(): Scenario {
  const s = new Scenario('elements of other kinds');
  const array = p.map(s, 'array', p.ARRAY, 4, 4, 2);
  const queue = p.map(s, 'queue', p.QUEUE, 0, 4, 2);
  const bloom = p.map(s, 'bloom', p.BLOOM, 0, 4, 4);
  const ring = p.map(s, 'ring', p.RINGBUF, 0, 0, 4096);
  const percpu = p.map(s, 'percpu', p.PERCPU_ARRAY, 4, 4, 1);
  const zero = s.buffer('zero', u32(0));
  const two = s.buffer('two', u32(2));
  const out = s.buffer('out', 16);
  const all: readonly Late[] = [array, queue, bloom, ring, percpu];
  for (const m of all) {
    for (const key of [0, zero, two]) {
      s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: m, key, value: out });
      s.call('BPF_MAP_UPDATE_ELEM', { map_fd: m, key, value: out });
      s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: m, key, value: out });
      s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: m, key, value: out });
      s.call('BPF_MAP_DELETE_ELEM', { map_fd: m, key });
      s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, key, next_key: out });
    }
    s.call('BPF_MAP_UPDATE_ELEM', { map_fd: m, key: 0, value: out, flags: 2 });
    s.call('BPF_MAP_FREEZE', { map_fd: m });
  }
  return s;
}

function access(): Scenario {
  const s = new Scenario('descriptors that only read or only write');
  const key = s.buffer('key', u32(0));
  const value = s.buffer('value', u32(5));
  p.map(s, 'both', p.ARRAY, 4, 4, 1, p.RDONLY | p.WRONLY);
  for (const [name, flags] of [
    ['reader', p.RDONLY],
    ['writer', p.WRONLY],
  ] as const) {
    const m = p.map(s, name, p.ARRAY, 4, 4, 1, flags);
    s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: m, key, value });
    s.call('BPF_MAP_UPDATE_ELEM', { map_fd: m, key, value });
    s.call('BPF_MAP_DELETE_ELEM', { map_fd: m, key });
    s.call('BPF_MAP_GET_NEXT_KEY', { map_fd: m, next_key: value });
    s.call('BPF_MAP_LOOKUP_AND_DELETE_ELEM', { map_fd: m, key, value });
    s.call('BPF_MAP_LOOKUP_BATCH', { map_fd: m, count: 1, keys: key, values: value, out_batch: value });
    s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 1, keys: key, values: value });
    s.call('BPF_MAP_FREEZE', { map_fd: m });
    const info = s.buffer(`info_${name}`, 88);
    s.call('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: m, info_len: 88, info });
    s.show(info, 8, 80);
    const id = s.read(info, 4, `id_${name}`);
    for (const flag of [0, p.RDONLY, p.WRONLY, p.RDONLY | p.WRONLY, 1]) {
      const again = s.call('BPF_MAP_GET_FD_BY_ID', { map_id: id, open_flags: flag });
      s.call('BPF_MAP_UPDATE_ELEM', { map_fd: again, key, value });
    }
  }
  return s;
}

function freeze(): Scenario {
  const s = new Scenario('a frozen map');
  const m = p.map(s, 'frozen', p.ARRAY, 4, 4, 1);
  const key = s.buffer('key', u32(0));
  const value = s.buffer('value', u32(5));
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: m, key, value });
  s.call('BPF_MAP_FREEZE', { map_fd: m });
  s.call('BPF_MAP_FREEZE', { map_fd: m });
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: m, key, value });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 1, keys: key, values: value });
  s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: m, key, value });
  s.close(m);
  s.call('BPF_MAP_FREEZE', { map_fd: m });
  return s;
}

/** Batches of an array and of a hash whose order is fixed, with counts that fit and that do not. */
function batches(type: number, name: string): Scenario {
  const s = new Scenario(`batches of ${name}`);
  const m = p.map(s, 'm', type, 4, 4, 8, type === p.HASH ? p.ZERO_SEED : 0);
  const keys = s.buffer('keys', u32(0, 1, 2, 3, 4, 5, 6, 7));
  const values = s.buffer('values', u32(10, 11, 12, 13, 14, 15, 16, 17));
  const outKeys = s.buffer('out_keys', 32);
  const outValues = s.buffer('out_values', 32);
  const place = s.buffer('place', 4);
  const bad = s.buffer('bad', u32(1, 9, 2));
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 0, keys, values });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 6, keys, values });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 9, keys, values });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 3, keys: bad, values });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 2, keys, values, elem_flags: 1 });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 2, keys, values, elem_flags: 4 });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 2, keys, values, flags: 1 });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 2, keys: 0, values });
  s.call('BPF_MAP_UPDATE_BATCH', { map_fd: m, count: 2, keys, values: 0 });
  const out = { map_fd: m, keys: outKeys, values: outValues, out_batch: place };
  for (const count of [0, 1, 2, 3, 8, 100]) {
    s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count });
    s.show(place, 0, 4);
    s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count, in_batch: place });
    s.show(outKeys, 0, 32);
    s.show(outValues, 0, 32);
    s.show(place, 0, 4);
  }
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, in_batch: s.buffer('far', u32(1000)) });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, flags: 1 });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, elem_flags: 2 });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, out_batch: 0 });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, keys: 0 });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, values: at(outValues, 16) });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8, in_batch: at(place, 2) });
  s.call('BPF_MAP_DELETE_BATCH', { map_fd: m, keys, count: 2 });
  s.call('BPF_MAP_DELETE_BATCH', { map_fd: m, keys, count: 2 });
  s.call('BPF_MAP_DELETE_BATCH', { map_fd: m, keys: at(keys, 8), count: 2, elem_flags: 1 });
  s.call('BPF_MAP_LOOKUP_AND_DELETE_BATCH', { ...out, count: 3 });
  s.show(outKeys, 0, 32);
  s.call('BPF_MAP_LOOKUP_AND_DELETE_BATCH', { ...out, count: 8 });
  s.show(outKeys, 0, 32);
  s.call('BPF_MAP_LOOKUP_AND_DELETE_BATCH', { ...out, count: 8 });
  s.call('BPF_MAP_LOOKUP_BATCH', { ...out, count: 8 });
  return s;
}

function creation(): Scenario {
  const s = new Scenario('attributes of creation');
  const base = { map_type: p.ARRAY, key_size: 4, value_size: 4, max_entries: 1 };
  const filter = p.program(s, p.SOCKET_FILTER, 'filter');
  const inner = p.map(s, 'inner', p.ARRAY, 4, 4, 1);
  const outer = { map_type: p.ARRAY_OF_MAPS, key_size: 4, value_size: 4, max_entries: 1 };
  const variants: readonly Readonly<Record<string, number | bigint | string | Late | Uint8Array>>[] = [
    { map_type: 34 },
    { map_type: 0xffffffff },
    { map_extra: 1 },
    { map_name: 'abc.DEF_1' },
    { map_name: 'a b' },
    { map_name: 'a-b' },
    { map_name: 'exactly15chars_' },
    { map_name: 'exactly16_chars_' },
    { numa_node: 5 },
    { numa_node: 5, map_flags: 4 },
    { numa_node: 0, map_flags: 4 },
    { map_flags: 1 << 16 },
    { map_flags: 1 << 16, map_token_fd: -1 },
    { map_flags: 1 << 16, map_token_fd: inner },
    { map_token_fd: 1 },
    { map_ifindex: 1 },
    { map_ifindex: 77 },
    { map_ifindex: 1, map_type: p.LPM_TRIE },
    { btf_key_type_id: 1 },
    { btf_value_type_id: 1 },
    { btf_value_type_id: 1, btf_fd: inner },
    { btf_fd: 99 },
    { btf_vmlinux_value_type_id: 1 },
    { value_type_btf_obj_fd: 1 },
    { inner_map_fd: 99 },
    { map_flags: 1 << 30 },
    { max_entries: 0 },
    { key_size: 8 },
    { value_size: 0 },
  ];
  for (const variant of variants) s.close(s.call('BPF_MAP_CREATE', { ...base, ...variant }));
  s.call('BPF_MAP_CREATE', { ...outer, inner_map_fd: 99 });
  s.call('BPF_MAP_CREATE', { ...outer, inner_map_fd: filter });
  s.call('BPF_MAP_CREATE', { ...outer, key_size: 8, inner_map_fd: filter });
  const nested = s.call('BPF_MAP_CREATE', { ...outer, inner_map_fd: inner });
  s.call('BPF_MAP_CREATE', { ...outer, inner_map_fd: nested });
  const key = s.buffer('key', u32(0));
  const value = s.buffer('value', 4);
  s.put(value, 0, inner);
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: nested, key, value });
  s.put(value, 0, filter);
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: nested, key, value });
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: nested, key, value: s.buffer('none', u32(99)) });
  return s;
}

function progArray(): Scenario {
  const s = new Scenario('a prog array and who holds what');
  const array = p.map(s, 'calls', p.PROG_ARRAY, 4, 4, 2);
  const filter = p.program(s, p.SOCKET_FILTER, 'filter');
  const xdp = p.program(s, p.XDP, 'xdp');
  const key = s.buffer('key', u32(0));
  const second = s.buffer('second', u32(1));
  const far = s.buffer('far', u32(2));
  const value = s.buffer('value', 4);
  const put = (k: Late, what: Late): void => {
    s.put(value, 0, what);
    s.call('BPF_MAP_UPDATE_ELEM', { map_fd: array, key: k, value });
  };
  put(key, filter);
  put(second, xdp);
  put(second, array);
  put(far, filter);
  s.call('BPF_MAP_UPDATE_ELEM', { map_fd: array, key, value: s.buffer('none', u32(77)) });
  s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: array, key: second, value });
  s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: array, key: far, value });
  s.call('BPF_MAP_LOOKUP_ELEM', { map_fd: array, key, value });
  const id = s.read(value, 0, 'id');
  s.close(filter);
  const again = s.call('BPF_PROG_GET_FD_BY_ID', { prog_id: id });
  s.close(again);
  s.call('BPF_MAP_DELETE_ELEM', { map_fd: array, key: second });
  s.call('BPF_MAP_DELETE_ELEM', { map_fd: array, key });
  s.call('BPF_MAP_LOOKUP_BATCH', { map_fd: array, count: 1, keys: value, values: value, out_batch: value });
  s.call('BPF_MAP_FREEZE', { map_fd: array });
  s.close(array);
  return s;
}

export const MAPS: readonly Scenario[] = [
  elements(),
  otherKinds(),
  access(),
  freeze(),
  batches(p.ARRAY, 'an array'),
  batches(p.HASH, 'a hash'),
  creation(),
  progArray(),
];
