/** Iterators that are read: what read(2) gives of programs that write what they are shown. */
import { code, type Late, Scenario, u32 } from '../scenario.ts';
import * as p from './parts.ts';

const TRACING = 26;
const ITER = 28;
const QUEUE = 22;
const PERCPU_HASH = 5;
const LRU_PERCPU_HASH = 10;
const ZERO_SEED = 64;

/** Writes the key and `bytes` of the value; for the last call a 1 and the number of the last element. */
const elements = (bytes: number): string => `
  r6 = r1
  r1 = *(u64 *)(r6 + 0)
  r7 = *(u64 *)(r1 + 0)
  r8 = *(u64 *)(r1 + 16)
  r2 = *(u64 *)(r6 + 16)
  r9 = *(u64 *)(r6 + 24)
  if r2 == 0 goto last
  if r9 == 0 goto last
  r1 = r7
  r3 = 4
  call 127
  r1 = r7
  r2 = r9
  r3 = ${bytes}
  call 127
  r0 = 0
  exit
last:
  *(u64 *)(r10 - 8) = r8
  *(u8 *)(r10 - 9) = 1
  r1 = r7
  r2 = r10
  r2 += -9
  r3 = 9
  call 127
  r0 = 0
  exit`;

/** Writes nothing and wants to be called again. */
const AGAIN = 'r0 = 1\nexit';

/** Doubles the 8 bytes of each value. */
const DOUBLE = `
  r2 = *(u64 *)(r1 + 24)
  if r2 == 0 goto done
  r3 = *(u64 *)(r2 + 0)
  r3 <<= 1
  *(u64 *)(r2 + 0) = r3
done:
  r0 = 0
  exit`;

/** Writes the first 8 bytes of the names of maps with 77 entries, and the number of the session at the end. */
const NAMES = `
  r6 = r1
  r1 = *(u64 *)(r6 + 0)
  r7 = *(u64 *)(r1 + 0)
  r2 = *(u64 *)(r6 + 8)
  if r2 == 0 goto done
  r3 = *(u32 *)(r2 + 36)
  if r3 != 77 goto done
  r3 = *(u64 *)(r2 + 96)
  *(u64 *)(r10 - 8) = r3
  r1 = r7
  r2 = r10
  r2 += -8
  r3 = 8
  call 127
done:
  r0 = 0
  exit`;

function load(s: Scenario, as: string, target: string, source: string): Late {
  const insns = code(source);
  const attach_btf_id = s.btfId(`bpf_iter_${target}`, `${as}_id`);
  return s.call(
    'BPF_PROG_LOAD',
    {
      prog_type: TRACING,
      expected_attach_type: ITER,
      insns,
      insn_cnt: insns.length / 8,
      license: 'GPL',
      attach_btf_id,
      prog_name: as,
    },
    { as },
  );
}

function attach(s: Scenario, prog_fd: Late, as: string, map?: Late): Late {
  if (map === undefined) return s.call('BPF_LINK_CREATE', { prog_fd, attach_type: ITER }, { as });
  const iter_info = s.buffer(`${as}_info`, 4);
  s.put(iter_info, 0, map);
  return s.call('BPF_LINK_CREATE', { prog_fd, attach_type: ITER, iter_info, iter_info_len: 4 }, { as });
}

const open = (s: Scenario, link: Late, as: string): Late =>
  s.call('BPF_ITER_CREATE', { link_fd: link }, { as });

/** Fills a map with the keys 0 to count - 1. */
function fill(s: Scenario, map_fd: Late, count: number, words: readonly number[]): void {
  for (let key = 0; key < count; key++)
    s.call('BPF_MAP_UPDATE_ELEM', { map_fd, key: u32(key), value: u32(...words.map((word) => word + key)) });
}

function walks(): Scenario[] {
  const kinds: readonly (readonly [name: string, type: number, flags: number, cpus: number])[] = [
    ['a hash', p.HASH, ZERO_SEED, 1],
    ['a hash without preallocation', p.HASH, ZERO_SEED | 1, 1],
    ['an LRU hash', p.LRU_HASH, ZERO_SEED, 1],
    ['a hash of all CPUs', PERCPU_HASH, ZERO_SEED, 2],
    ['an LRU hash of all CPUs', LRU_PERCPU_HASH, ZERO_SEED, 2],
    ['an array', p.ARRAY, 0, 1],
    ['an array of all CPUs', p.PERCPU_ARRAY, 0, 2],
  ];
  return kinds.map(([name, type, flags, cpus]) => {
    const s = new Scenario(`iterator over ${name}`);
    const map = p.map(s, 'm', type, 4, 8, 6, flags);
    fill(s, map, 5, cpus === 1 ? [0x10, 0] : [0x10, 0, 0x20, 0]);
    const program = load(s, 'show', 'bpf_map_elem', elements(8 * cpus));
    const link = attach(s, program, 'l', map);
    const whole = open(s, link, 'whole');
    s.readFile(whole, 4096);
    s.readFile(whole, 4096);
    const pieces = open(s, link, 'pieces');
    for (let i = 0; i < 40; i++) s.readFile(pieces, 7);
    const twice = attach(s, load(s, 'double', 'bpf_map_elem', DOUBLE), 'twice', map);
    s.readFile(open(s, twice, 'doubled'), 10);
    s.readFile(open(s, link, 'again'), 4096);
    return s;
  });
}

function buffers(): Scenario {
  const s = new Scenario('iterators and their buffer');
  for (const bytes of [10000, 32763, 32764, 40000]) {
    const map = p.map(s, `m${bytes}`, p.ARRAY, 4, bytes, 5);
    const program = load(s, `p${bytes}`, 'bpf_map_elem', elements(bytes));
    const iterator = open(s, attach(s, program, `l${bytes}`, map), `i${bytes}`);
    for (const size of [1, 10, 50000, 50000, 50000, 50000]) s.readFile(iterator, Math.min(size, 20));
    const large = open(s, { kind: 'variable', name: `l${bytes}` }, `j${bytes}`);
    for (let i = 0; i < 3; i++) {
      s.readFile(large, 30000);
      s.readFile(large, 30000);
    }
  }
  const map = p.map(s, 'm', p.ARRAY, 4, 8, 2);
  const again = open(s, attach(s, load(s, 'again', 'bpf_map_elem', AGAIN), 'l', map), 'i');
  for (let i = 0; i < 3; i++) s.readFile(again, 100);
  return s;
}

function deletion(): Scenario {
  const s = new Scenario('elements deleted between reads of an iterator');
  const map = p.map(s, 'm', p.HASH, 4, 8, 8, ZERO_SEED);
  fill(s, map, 8, [1, 0]);
  const link = attach(s, load(s, 'show', 'bpf_map_elem', elements(8)), 'l', map);
  const iterator = open(s, link, 'i');
  for (const key of [3, 0, 5]) {
    s.readFile(iterator, 12);
    s.call('BPF_MAP_DELETE_ELEM', { map_fd: map, key: u32(key) });
  }
  for (let i = 0; i < 7; i++) s.readFile(iterator, 12);
  return s;
}

function attaching(): Scenario {
  const s = new Scenario('what an iterator over elements takes');
  const program = load(s, 'p', 'bpf_map_elem', elements(16));
  attach(s, program, 'none');
  attach(s, program, 'queue', p.map(s, 'q', QUEUE, 0, 16, 4));
  attach(s, program, 'lpm', p.map(s, 't', p.LPM_TRIE, 8, 16, 4, 1));
  attach(s, program, 'small', p.map(s, 'sm', p.ARRAY, 4, 8, 4));
  attach(s, program, 'key', p.map(s, 'k', p.HASH, 2, 16, 4));
  attach(s, program, 'fits', p.map(s, 'f', p.ARRAY, 4, 16, 4));
  attach(s, program, 'padded', p.map(s, 'pp', p.PERCPU_ARRAY, 4, 8, 4));
  attach(s, program, 'itself', program);
  for (const words of [
    [1, 1, 0],
    [1, 0, 1],
    [0, 1, 1],
    [0, 0, 77],
  ]) {
    const task = load(s, `t${words.join('')}`, 'task', 'r0 = 0\nexit');
    s.call('BPF_LINK_CREATE', {
      prog_fd: task,
      attach_type: ITER,
      iter_info: u32(...words),
      iter_info_len: 12,
    });
  }
  return s;
}

function files(): Scenario {
  const s = new Scenario('iterators as files');
  for (const name of ['first', 'second', 'third']) p.map(s, name, p.ARRAY, 4, 8, 77);
  const program = load(s, 'names', 'bpf_map', NAMES);
  const link = attach(s, program, 'l');
  s.readFile(open(s, link, 'i'), 4096);
  s.call('BPF_OBJ_PIN', { bpf_fd: link, pathname: '/sys/fs/bpf/names' });
  s.call('BPF_OBJ_PIN', { bpf_fd: program, pathname: '/sys/fs/bpf/program' });
  s.close(link);
  for (const name of ['one', 'two']) {
    const file = s.open('/sys/fs/bpf/names', name);
    s.readFile(file, 20);
    s.readFile(file, 20);
    s.readFile(file, 20);
    s.close(file);
  }
  s.open('/sys/fs/bpf/program', 'no');
  s.readFile(s.open('/sys/fs/bpf', 'directory'), 10);
  s.readFile(program, 10);
  s.readFile({ kind: 'variable', name: 'first' }, 10);
  s.readFile(s.call('BPF_OBJ_GET', { pathname: '/sys/fs/bpf/names' }, { as: 'again' }), 10);
  s.remove('/sys/fs/bpf/names');
  s.remove('/sys/fs/bpf/program');
  return s;
}

export const ITERATORS: readonly Scenario[] = [...walks(), buffers(), deletion(), attaching(), files()];
