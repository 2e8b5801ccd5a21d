/**
 * The shape of a trie is nobody's business: whatever the order in which prefixes came and went, lookups and walks are the same. What
 * test_lpm_map and the trie's map_tests of the kernel's selftests ask for.
 */
import { describe, expect, it } from 'vitest';
import { type BpfMap, MapFlag, runBatch } from '../../src/maps/index.ts';
import { numberOf, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

const flags = MapFlag.BPF_F_NO_PREALLOC;

function trieOf(shape: Shape = {}) {
  const machine = new TestMachine();
  const map = machine.map('LPM_TRIE', { keySize: 8, valueSize: 8, maxEntries: 100, flags, ...shape });
  return { map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

/** The key of `192.168.0.0/16`, or of an address alone. */
function ip(text: string): Uint8Array {
  const [address = '', length = '32'] = text.split('/');
  return Uint8Array.of(...u32(Number(length)), ...address.split('.').map(Number));
}

/** The key of an IPv6 prefix, all groups written out. */
function ip6(text: string): Uint8Array {
  const [address = '', length = '128'] = text.split('/');
  const bytes = address.split(':').flatMap((group) => {
    const word = Number.parseInt(group, 16);
    return [word >>> 8, word & 255];
  });
  return Uint8Array.of(...u32(Number(length)), ...bytes);
}

const text = (key: Uint8Array): string => `${key.subarray(4).join('.')}/${numberOf(key.subarray(0, 4))}`;

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

/** Prefixes that nest, part below a common one that is no entry, and part at the root. */
const PREFIXES = ['10.0.0.0/8', '10.1.0.0/16', '10.1.128.0/17', '10.2.0.0/15', '64.0.0.0/2'];
const ADDRESSES = ['10.1.200.1', '10.1.2.1', '10.3.0.1', '10.9.0.1', '70.0.0.1', '11.0.0.1', '200.0.0.1'];

describe('the order in which prefixes came', () => {
  const reference = trieOf();
  for (const prefix of PREFIXES) reference.user.update(ip(prefix), u64(PREFIXES.indexOf(prefix)));
  const answers = ADDRESSES.map((address) => numberOf(reference.program.lookup(ip(address))));
  const order = reference.user.keys().map(text);

  it('is what nobody can tell from lookups and walks', () => {
    expect(answers).toEqual([2, 1, 3, 0, 4, undefined, undefined]);
    for (const arrangement of permutations(PREFIXES)) {
      const { map, program, user } = trieOf();
      for (const prefix of arrangement) user.update(ip(prefix), u64(PREFIXES.indexOf(prefix)));
      expect(ADDRESSES.map((address) => numberOf(program.lookup(ip(address))))).toEqual(answers);
      expect(user.keys().map(text)).toEqual(order);
      map.free();
    }
  });

  it('is what nobody can tell after others came between and went again', () => {
    const passing = ['0.0.0.0/0', '10.1.128.0/24', '10.1.0.0/17', '10.0.0.0/12', '10.1.128.128/32'];
    for (const arrangement of permutations(passing)) {
      const { map, program, user } = trieOf();
      PREFIXES.forEach((prefix, i) => {
        user.update(ip(prefix), u64(i));
        user.update(ip(passing[i]!), u64(90));
      });
      for (const prefix of arrangement) expect(user.delete(ip(prefix))).toBe('ok');
      expect(ADDRESSES.map((address) => numberOf(program.lookup(ip(address))))).toEqual(answers);
      expect(user.keys().map(text)).toEqual(order);
      map.free();
    }
  });
});

describe('a deleted prefix', () => {
  const tree = ['192.168.0.0/16', '192.168.0.0/24', '192.168.128.0/24', '192.168.1.0/24'];
  const filled = () => {
    const trie = trieOf();
    tree.forEach((prefix, i) => {
      trie.user.update(ip(prefix), u64(i + 1));
    });
    const at = (address: string): unknown => numberOf(trie.program.lookup(ip(address)));
    return { ...trie, at };
  };

  it('leaves its addresses to the prefix around it', () => {
    const { user, at } = filled();
    expect(at('192.168.0.1')).toBe(2);
    user.delete(ip('192.168.0.0/24'));
    expect(at('192.168.0.1')).toBe(1);
    user.delete(ip('192.168.1.0/24'));
    expect(at('192.168.1.1')).toBe(1);
  });

  it('leaves the prefixes inside it alone', () => {
    const { user, at } = filled();
    user.delete(ip('192.168.0.0/16'));
    expect(['192.168.0.1', '192.168.1.1', '192.168.128.1', '192.168.7.1'].map(at)).toEqual([
      2,
      4,
      3,
      undefined,
    ]);
  });

  it('may be the last one, and the trie can be filled again', () => {
    const { user, at } = filled();
    for (const prefix of tree) expect(user.delete(ip(prefix))).toBe('ok');
    expect(user.next()).toBe('ENOENT');
    expect(at('192.168.0.1')).toBeUndefined();
    user.update(ip('0.0.0.0/0'), u64(5));
    expect(at('192.168.0.1')).toBe(5);
  });

  it('must have the same bits, not only the same length as one that is there', () => {
    const { user } = filled();
    expect(user.delete(ip('192.255.0.0/16'))).toBe('ENOENT');
    expect(user.delete(ip('192.255.0.0/30'))).toBe('ENOENT');
    expect(user.keys()).toHaveLength(4);
  });

  it('can have bits behind its length, which do not count', () => {
    const { user } = filled();
    expect(user.delete(ip('192.168.1.77/24'))).toBe('ok');
    expect(user.keys().map(text)).toEqual(['192.168.0.0/24', '192.168.128.0/24', '192.168.0.0/16']);
  });
});

describe('the key behind a key', () => {
  it('is that of the parent when both branches below it were shown', () => {
    const { user } = trieOf();
    const shown = (): string[] => user.keys().map(text);
    expect(shown()).toEqual([]);
    user.update(ip('192.168.0.0/16'), u64(0));
    expect(shown()).toEqual(['192.168.0.0/16']);
    user.update(ip('192.168.128.0/24'), u64(0));
    expect(shown()).toEqual(['192.168.128.0/24', '192.168.0.0/16']);
    user.update(ip('192.168.0.0/24'), u64(0));
    expect(shown()).toEqual(['192.168.0.0/24', '192.168.128.0/24', '192.168.0.0/16']);
    user.update(ip('192.168.1.128/28'), u64(0));
    user.update(ip('192.168.1.0/24'), u64(0));
    expect(shown()).toEqual([
      '192.168.0.0/24',
      '192.168.1.128/28',
      '192.168.1.0/24',
      '192.168.128.0/24',
      '192.168.0.0/16',
    ]);
  });

  it('is the first one when the prefix is no entry, be it a node between or not', () => {
    const { user } = trieOf();
    for (const prefix of ['10.0.0.0/24', '10.0.1.0/24', '10.9.0.0/16']) user.update(ip(prefix), u64(0));
    for (const stranger of ['10.0.0.0/23', '10.0.0.0/22', '10.0.0.0/25', '99.0.0.0/8']) {
      expect(user.next(ip(stranger))).toEqual(ip('10.0.0.0/24'));
    }
  });

  it('can be asked for in tries of the longest keys', () => {
    const { user } = trieOf({ keySize: 4 + 256 });
    const key = (length: number): Uint8Array => {
      const bytes = new Uint8Array(260).fill(0xaa, 4);
      bytes.set(u32(length));
      return bytes;
    };
    // Each is inside all before it: the path from the root is as deep as there are prefixes.
    for (let length = 0; length < 100; length++)
      expect(user.update(key(length * 20), u64(length))).toBe('ok');
    expect(user.keys().map((k) => numberOf(k.subarray(0, 4)))).toEqual(
      Array.from({ length: 100 }, (_, i) => (99 - i) * 20),
    );
  });
});

describe('prefixes of IPv6', () => {
  it('match bits in all four words', () => {
    const { program, user } = trieOf({ keySize: 20 });
    const routes = [
      '2001:0db8:0000:0000:0000:0000:0000:0000/32',
      '2001:0db8:0001:0000:0000:0000:0000:0000/48',
      '2001:0db8:0001:0002:8000:0000:0000:0000/65',
      '2001:0db8:0001:0002:8000:0000:ff00:0000/104',
      '2001:0db8:0001:0002:8000:0000:ff00:0001/128',
    ];
    routes.forEach((route, i) => {
      expect(user.update(ip6(route), u64(i))).toBe('ok');
    });
    const found = (address: string): unknown => numberOf(program.lookup(ip6(address)));
    expect(found('2001:0db8:0001:0002:8000:0000:ff00:0001')).toBe(4);
    expect(found('2001:0db8:0001:0002:8000:0000:ff00:0002')).toBe(3);
    expect(found('2001:0db8:0001:0002:8000:0001:0000:0000')).toBe(2);
    expect(found('2001:0db8:0001:0002:7fff:0000:ff00:0001')).toBe(1);
    expect(found('2001:0db8:ffff:0002:8000:0000:ff00:0001')).toBe(0);
    expect(found('2001:0db9:0001:0002:8000:0000:ff00:0001')).toBeUndefined();
    expect(user.update(ip6(`${routes[4]!.split('/')[0]}/129`), u64(0))).toBe('EINVAL');
  });
});

describe('batches of prefixes', () => {
  const request = (count: number, keys: Uint8Array, values: Uint8Array, inBatch?: Uint8Array) => ({
    keys,
    values,
    count,
    inBatch,
    outBatch: new Uint8Array(8),
    elemFlags: 0,
    flags: 0,
  });
  const prefixes = Array.from({ length: 10 }, (_, i) => ip(`10.0.${i}.0/24`));
  const keys = (): Uint8Array => Uint8Array.from(prefixes.flatMap((prefix) => [...prefix]));
  const values = (): Uint8Array => Uint8Array.from(prefixes.flatMap((_, i) => [...u64(i)]));

  const filled = (): BpfMap => {
    const { map } = trieOf();
    expect(runBatch(map, 'update', request(10, keys(), values()))).toEqual({ error: 0, count: 10 });
    return map;
  };

  it('put entries in and take them away', () => {
    const map = filled();
    const user = new UserSide(map);
    expect(user.keys().map(text)).toEqual(prefixes.map(text));
    expect(user.lookup(ip('10.0.7.99'))).toEqual(u64(7));
    expect(runBatch(map, 'delete', request(10, keys(), new Uint8Array(0)))).toEqual({ error: 0, count: 10 });
    expect(user.keys()).toEqual([]);
  });

  it('show entries in the order of a walk, going on behind the last', () => {
    const map = filled();
    const seen: string[] = [];
    let inBatch: Uint8Array | undefined;
    for (let error = 0; error === 0; ) {
      const batch = request(4, new Uint8Array(4 * 8), new Uint8Array(4 * 8), inBatch);
      const done = runBatch(map, 'lookup', batch);
      for (let i = 0; i < done.count; i++) seen.push(text(batch.keys.subarray(8 * i, 8 * i + 8)));
      inBatch = batch.outBatch;
      error = done.error;
    }
    expect(seen).toEqual(prefixes.map(text));
  });
});
