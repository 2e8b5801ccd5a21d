/** BPF_MAP_TYPE_LPM_TRIE: the longest prefix that matches, compared with a plain list of prefixes; kernel/bpf/lpm_trie.c for the rest. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BPF_EXIST, BPF_NOEXIST, MapFlag } from '../../src/maps/index.ts';
import { numberOf, ProgramSide, type Shape, TestMachine, UserSide, u32, u64 } from './harness.ts';

function trieOf(shape: Shape = {}) {
  const machine = new TestMachine(2);
  const flags = MapFlag.BPF_F_NO_PREALLOC;
  const map = machine.map('LPM_TRIE', { keySize: 8, valueSize: 8, maxEntries: 100, flags, ...shape });
  return { machine, map, program: new ProgramSide(machine, map), user: new UserSide(map) };
}

/** The key of `192.168.0.0/16`, or of an address alone. */
function ip(text: string): Uint8Array {
  const [address = '', length = '32'] = text.split('/');
  return Uint8Array.of(...u32(Number(length)), ...address.split('.').map(Number));
}

/** The text of a key. */
function ipText(key: Uint8Array): string {
  return `${key.subarray(4).join('.')}/${key[0]}`;
}

describe('a trie of prefixes', () => {
  it('finds the longest prefix that contains an address', () => {
    const { program, user } = trieOf();
    const routes = {
      '10.0.0.0/8': 1,
      '10.1.0.0/16': 2,
      '10.1.2.0/24': 3,
      '10.1.2.3/32': 4,
      '192.168.128.0/17': 5,
    };
    for (const [prefix, value] of Object.entries(routes))
      expect(program.update(ip(prefix), u64(value))).toBe('ok');
    const found = [
      '10.9.9.9',
      '10.1.9.9',
      '10.1.2.9',
      '10.1.2.3',
      '192.168.200.1',
      '192.168.1.1',
      '11.0.0.0',
    ];
    expect(found.map((address) => numberOf(program.lookup(ip(address))))).toEqual([
      1,
      2,
      3,
      4,
      5,
      undefined,
      undefined,
    ]);
    expect(user.lookup(ip('10.1.2.3/20'))).toEqual(u64(2));
    expect(user.lookup(ip('10.1.2.3/4'))).toBe('ENOENT');
  });

  it('has a prefix for all addresses', () => {
    const { program } = trieOf();
    program.update(ip('0.0.0.0/0'), u64(9));
    program.update(ip('128.0.0.0/1'), u64(8));
    expect(['1.2.3.4', '200.2.3.4'].map((a) => numberOf(program.lookup(ip(a))))).toEqual([9, 8]);
  });

  it('obeys NOEXIST and EXIST, also where two prefixes part', () => {
    const { program } = trieOf();
    expect(program.update(ip('192.168.0.0/24'), u64(1), BPF_EXIST)).toBe('ENOENT');
    expect(program.update(ip('192.168.0.0/24'), u64(1), BPF_NOEXIST)).toBe('ok');
    expect(program.update(ip('192.168.1.0/24'), u64(2))).toBe('ok');
    expect(program.update(ip('192.168.0.0/24'), u64(3), BPF_NOEXIST)).toBe('EEXIST');
    expect(program.update(ip('192.168.0.0/24'), u64(3), BPF_EXIST)).toBe('ok');
    expect(program.update(ip('192.168.0.0/23'), u64(4), BPF_EXIST)).toBe('ENOENT');
    expect(program.lookup(ip('192.168.0.0/23'))).toBeUndefined();
    expect(program.update(ip('192.168.0.0/23'), u64(4), BPF_NOEXIST)).toBe('ok');
    expect(program.lookup(ip('192.168.0.0/23'))).toEqual(u64(4));
    expect(program.update(ip('192.168.0.0/16'), u64(4), 3)).toBe('EINVAL');
  });

  it('has no prefix longer than its keys', () => {
    const { program, user } = trieOf();
    expect(program.update(ip('1.2.3.4/33'), u64(1))).toBe('EINVAL');
    expect(program.delete(ip('1.2.3.4/33'))).toBe('EINVAL');
    expect(program.lookup(ip('1.2.3.4/33'))).toBeUndefined();
    expect(user.update(Uint8Array.of(255, 255, 255, 255, 1, 2, 3, 4), u64(1))).toBe('EINVAL');
  });

  it('has no space left at max_entries, but changes what it has', () => {
    const { program } = trieOf({ maxEntries: 2 });
    program.update(ip('10.0.0.0/24'), u64(1));
    program.update(ip('10.0.1.0/24'), u64(1));
    expect(program.update(ip('10.0.2.0/24'), u64(1))).toBe('ENOSPC');
    expect(program.update(ip('10.0.0.0/23'), u64(1))).toBe('ENOSPC');
    expect(program.update(ip('10.0.0.0/16'), u64(1))).toBe('ENOSPC');
    expect(program.update(ip('10.0.0.0/24'), u64(5))).toBe('ok');
    expect(program.delete(ip('10.0.1.0/24'))).toBe('ok');
    expect(program.update(ip('10.0.2.0/24'), u64(1))).toBe('ok');
  });

  it('deletes entries only, with their exact length', () => {
    const { program } = trieOf();
    for (const prefix of ['192.168.0.0/16', '192.168.0.0/24', '192.168.1.0/24'])
      program.update(ip(prefix), u64(1));
    expect(program.delete(ip('192.168.0.0/23'))).toBe('ENOENT');
    expect(program.delete(ip('192.168.0.0/25'))).toBe('ENOENT');
    expect(program.delete(ip('192.168.2.0/24'))).toBe('ENOENT');
    expect(program.delete(ip('192.168.0.0/24'))).toBe('ok');
    expect(program.delete(ip('192.168.0.0/24'))).toBe('ENOENT');
    expect(program.lookup(ip('192.168.0.1'))).toEqual(u64(1));
  });

  it('lists more specific prefixes before those that contain them', () => {
    const { user } = trieOf();
    for (const prefix of ['192.168.0.0/16', '192.168.0.0/24', '192.168.128.0/24', '192.168.1.0/24']) {
      user.update(ip(prefix), u64(1));
    }
    expect(user.keys().map(ipText)).toEqual([
      '192.168.0.0/24',
      '192.168.1.0/24',
      '192.168.128.0/24',
      '192.168.0.0/16',
    ]);
    expect(user.next(ip('1.1.1.1'))).toEqual(ip('192.168.0.0/24'));
    expect(user.next(ip('192.168.0.0/23'))).toEqual(ip('192.168.0.0/24'));
    expect(user.next(ip('1.1.1.1/99'))).toEqual(ip('192.168.0.0/24'));
    expect(user.next(ip('192.168.0.0/16'))).toBe('ENOENT');
    expect(trieOf().user.next()).toBe('ENOENT');
  });

  it('cannot take values out, and faults on buffers that are too short', () => {
    const { user } = trieOf();
    expect(user.lookupAndDelete(ip('1.1.1.1'))).toBe('unsupported');
    expect(user.lookup(ip('1.1.1.1'), 4)).toBe('EINVAL');
    expect(user.update(u32(1), u64(1))).toBe('EFAULT');
    expect(user.delete(u32(1))).toBe('EFAULT');
    expect(user.next(u32(1))).toBe('EFAULT');
  });

  it('lets programs touch values alone', () => {
    const { machine, program } = trieOf();
    program.update(ip('10.0.0.0/8'), u64(1));
    const address = program.lookupAddress(ip('10.1.1.1'));
    expect(machine.memory.isWritable(address, 8)).toBe(true);
    expect(machine.memory.isReadable(address + 8, 1)).toBe(false);
    expect(machine.memory.isReadable(address - 1, 1)).toBe(false);
  });

  it.each([5, 7, 8, 12, 20, 260])('finds with keys of %i bytes what a list of prefixes finds', (keySize) => {
    const dataBits = 8 * (keySize - 4);
    // Few different bits, so that prefixes contain each other and part at many places.
    const prefix = fc
      .record({
        length: fc.nat(Math.min(dataBits, 40)),
        bits: fc.uint8Array({ minLength: 5, maxLength: 5 }),
      })
      .map(({ length, bits }) => {
        const key = new Uint8Array(keySize);
        key.set(u32(length));
        key.set(bits.map((byte) => byte & 0x91).subarray(0, keySize - 4), 4);
        return key;
      });
    const action = fc.record({
      do: fc.constantFrom(
        'update' as const,
        'update' as const,
        'delete' as const,
        'lookup' as const,
        'lookup' as const,
      ),
      key: prefix,
      value: fc.nat(1000),
      flags: fc.constantFrom(0, 0, BPF_NOEXIST, BPF_EXIST),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 100 }), (actions) => {
        const { machine, map, program, user } = trieOf({ keySize, maxEntries: 20 });
        const model = new Prefixes(20);
        for (const next of actions) {
          if (next.do === 'update') {
            expect(program.update(next.key, u64(next.value), next.flags)).toBe(
              model.update(next.key, next.value, next.flags),
            );
          } else if (next.do === 'delete') expect(program.delete(next.key)).toBe(model.delete(next.key));
          else expect(numberOf(program.lookup(next.key))).toBe(model.lookup(next.key));
        }
        expect(user.keys().map(canonical).sort()).toEqual(model.keys());
        const used = machine.memory.bytesInUse;
        map.free();
        expect(machine.memory.bytesInUse).toBeLessThan(used);
      }),
      { numRuns: 40 },
    );
  });
});

/** The bits of a key's prefix as text. */
function canonical(key: Uint8Array): string {
  const length = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  const bits = Array.from(key.subarray(4), (byte) => byte.toString(2).padStart(8, '0')).join('');
  return bits.slice(0, length);
}

/** Prefixes as texts of bits: the longest one that begins a key's is what matches. */
class Prefixes {
  private readonly values = new Map<string, number>();
  private readonly maxEntries: number;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
  }

  update(key: Uint8Array, value: number, flags: number): string {
    const bits = canonical(key);
    const exists = this.values.has(bits);
    if (exists && flags === BPF_NOEXIST) return 'EEXIST';
    if (!exists && flags === BPF_EXIST) return 'ENOENT';
    if (!exists && this.values.size === this.maxEntries) return 'ENOSPC';
    this.values.set(bits, value);
    return 'ok';
  }

  delete(key: Uint8Array): string {
    return this.values.delete(canonical(key)) ? 'ok' : 'ENOENT';
  }

  lookup(key: Uint8Array): number | undefined {
    const bits = canonical(key);
    const matching = [...this.values.keys()].filter((prefix) => bits.startsWith(prefix));
    const longest = matching.reduce((best, prefix) => (prefix.length >= best.length ? prefix : best), '');
    return this.values.get(longest);
  }

  keys(): string[] {
    return [...this.values.keys()].sort();
  }
}
