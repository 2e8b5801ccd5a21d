/** bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf: what they print, in examples and against a plain model. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeRuntime } from './fake-runtime.ts';

/** Prints with bpf_snprintf into 256 bytes. */
function print(runtime: FakeRuntime, format: string, ...values: readonly (number | bigint)[]): string {
  const target = runtime.room(256);
  const list = values.length === 0 ? 0 : runtime.values(...values);
  const result = runtime.call('bpf_snprintf', target, 256, runtime.place(format), list, 8 * values.length);
  return result < 0 ? `error ${result}` : runtime.text(target);
}

describe('bpf_trace_printk', () => {
  it('sends a line to the trace pipe and returns its length', () => {
    const runtime = new FakeRuntime();
    const format = runtime.place('pid %d says %s');
    expect(runtime.call('bpf_trace_printk', format, 15, 42, runtime.place('hello', 'map-value'))).toBe(17);
    expect(runtime.printed).toEqual(['pid 42 says hello']);
  });

  it('keeps the end of line that the program wrote', () => {
    const runtime = new FakeRuntime();
    runtime.call('bpf_trace_printk', runtime.place('done\n'), 6);
    expect(runtime.printed).toEqual(['done\n']);
  });

  it('takes three values at most', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_trace_printk', runtime.place('%d %d %d %d'), 12, 1, 2, 3)).toBe(-22);
    expect(runtime.printed).toEqual([]);
  });

  it('wants the terminating zero inside the size', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_trace_printk', runtime.place('four'), 4)).toBe(-22);
    expect(runtime.call('bpf_trace_printk', runtime.place('four'), 5)).toBe(4);
  });

  it('cuts a line to 1,023 bytes but returns the length it would have had', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_trace_printk', runtime.place('%2000d|'), 8, 1)).toBe(2001);
    expect(runtime.printed).toEqual([' '.repeat(1023)]);
  });

  it('prints a string that cannot be read as an empty one', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_trace_printk', runtime.place('[%s]'), 5, 0)).toBe(2);
    expect(runtime.printed).toEqual(['[]']);
  });

  it('reads %s from kernel or user memory by its address, %pks and %pus from one only', () => {
    const runtime = new FakeRuntime();
    const [kernel, user] = [runtime.place('kernel', 'map-value'), runtime.place('user', 'user')];
    expect(print(runtime, '%s %s', kernel, user)).toBe('kernel user');
    expect(print(runtime, '%pks|%pks', kernel, user)).toBe('kernel|');
    expect(print(runtime, '%pus|%pus', kernel, user)).toBe('|user');
  });
});

describe('bpf_trace_vprintk', () => {
  it('takes up to twelve values from memory', () => {
    const runtime = new FakeRuntime();
    const values = Array.from({ length: 12 }, (_, i) => i);
    const format = values.map(() => '%d').join(' ');
    const list = runtime.values(...values);
    runtime.call('bpf_trace_vprintk', runtime.place(format), format.length + 1, list, 96);
    expect(runtime.printed).toEqual([values.join(' ')]);
    expect(runtime.call('bpf_trace_vprintk', runtime.place('x'), 2, runtime.values(...values, 12), 104)).toBe(
      -22,
    );
  });

  it('wants a list when it is given a length, and whole values', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_trace_vprintk', runtime.place('x'), 2, 0, 8)).toBe(-22);
    expect(runtime.call('bpf_trace_vprintk', runtime.place('x'), 2, runtime.values(1), 7)).toBe(-22);
  });
});

describe('bpf_snprintf', () => {
  it('returns the length with the terminating zero, however little fits', () => {
    const runtime = new FakeRuntime();
    const target = runtime.room(4);
    const format = runtime.place('%s world');
    const list = runtime.values(runtime.place('hello', 'map-value'));
    expect(runtime.call('bpf_snprintf', target, 4, format, list, 8)).toBe(12);
    expect(runtime.text(target)).toBe('hel');
    expect(runtime.call('bpf_snprintf', 0, 0, format, list, 8)).toBe(12);
  });

  it('prints addresses hashed, the same way each time, unless they are NULL or asked for bare', () => {
    const runtime = new FakeRuntime();
    const [first, second] = [print(runtime, '%p', 0x1234n), print(runtime, '%p', 0x1235n)];
    expect(first).toMatch(/^0{8}[0-9a-f]{8}$/);
    expect(first).not.toBe(second);
    expect(print(new FakeRuntime(), '%p', 0x1234n)).toBe(first);
    expect(print(runtime, '%pK', 0x1234n)).toBe(first);
    expect(print(runtime, '%px %p', 0xffff888000001234n, 0)).toBe('ffff888000001234 0000000000000000');
  });

  it('names kernel addresses, and prints those without a name as numbers', () => {
    const runtime = new FakeRuntime();
    runtime.symbols.set(0xffffffff81000010n, 'ksys_read+0x10/0x20');
    const address = 0xffffffff81000010n;
    expect(print(runtime, '%ps %pS %pB', address, address, address)).toBe(
      'ksys_read ksys_read+0x10/0x20 ksys_read+0x10/0x20',
    );
    expect(print(runtime, '%ps %20ps|', 0x10n, address)).toBe('0x10            ksys_read|');
  });

  it('prints addresses of the internet', () => {
    const runtime = new FakeRuntime();
    const v4 = runtime.place(Uint8Array.of(192, 0, 2, 1), 'map-value');
    const v6 = runtime.place(Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(11), 1), 'map-value');
    expect(print(runtime, '%pI4 %pi4', v4, v4)).toBe('192.0.2.1 192.000.002.001');
    expect(print(runtime, '%pI6', v6)).toBe('2001:0db8:0000:0000:0000:0000:0000:0001');
    expect(print(runtime, '%pi6', v6)).toBe('20010db8000000000000000000000001');
  });
});

describe('numbers and text', () => {
  interface Conversion {
    readonly format: string;
    readonly value: bigint;
    readonly text: string;
  }

  /** printf in a few lines of BigInt and strings. */
  function model(flags: string, width: number | undefined, letters: string, value: bigint): string {
    const bits = letters.startsWith('l') ? 64 : 32;
    const signed = /[di]$/.test(letters);
    const number = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
    const magnitude = number < 0n ? -number : number;
    const hex = /x$/i.test(letters);
    let digits = magnitude.toString(hex ? 16 : 10);
    if (letters.endsWith('X')) digits = digits.toUpperCase();
    let sign = '';
    if (signed) sign = number < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
    if (flags.includes('-')) return (sign + digits).padEnd(width ?? 0);
    if (flags.includes('0')) return sign + digits.padStart((width ?? 0) - sign.length, '0');
    return (sign + digits).padStart(width ?? 0);
  }

  const conversion: fc.Arbitrary<Conversion> = fc
    .record({
      flags: fc.array(fc.constantFrom('0', '+', '-', ' '), { maxLength: 4 }).map((list) => list.join('')),
      width: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
      letters: fc.constantFrom('d', 'i', 'u', 'x', 'X', 'ld', 'lu', 'lx', 'lX', 'li', 'lld', 'llu', 'llx'),
      value: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n), fc.bigInt(-20n, 20n)),
    })
    .map(({ flags, width, letters, value }) => ({
      format: `%${flags}${width ?? ''}${letters}`,
      value,
      text: model(flags, width, letters, value),
    }));

  const literal = fc.stringMatching(/^[ -$&-~äß€\n]{0,12}$/);

  it('come out as the model says, in any mixture, and cut to any window', () => {
    const runtime = new FakeRuntime();
    const parts = fc.array(fc.tuple(literal, conversion), { maxLength: 12 });
    fc.assert(
      fc.property(parts, literal, fc.integer({ min: 0, max: 600 }), (list, tail, size) => {
        const format = runtime.place(list.map(([text, { format }]) => text + format).join('') + tail);
        const whole = Buffer.from(list.map(([text, entry]) => text + entry.text).join('') + tail);
        const values = list.length === 0 ? 0 : runtime.values(...list.map(([, { value }]) => value));
        const target = runtime.room(620);
        const result = runtime.call('bpf_snprintf', target, size, format, values, 8 * list.length);
        expect(result).toBe(whole.length + 1);
        const kept =
          size === 0 ? Buffer.alloc(0) : Buffer.concat([whole.subarray(0, size - 1), Buffer.of(0)]);
        const expected = Buffer.concat([kept, Buffer.alloc(620 - kept.length, 0xee)]);
        expect(runtime.hex(target, 620)).toBe(expected.toString('hex'));
      }),
      { numRuns: 400 },
    );
  });

  it('never fail in another way than by an errno, whatever the format is', () => {
    const runtime = new FakeRuntime();
    const piece = fc.constantFrom(
      '%',
      '%%',
      'd',
      's',
      'p',
      'ks',
      'I4',
      'l',
      '5',
      '-',
      '0',
      'c',
      ' ',
      'x',
      'B',
      '\x01',
      'é',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 20 }),
        fc.array(fc.bigInt(0n, 2n ** 64n - 1n), { maxLength: 12 }),
        (pieces, values) => {
          runtime.printed.length = 0;
          const text = pieces.join('');
          const list = values.length === 0 ? 0 : runtime.values(...values);
          const size = Buffer.byteLength(text) + 1;
          const result = runtime.call(
            'bpf_trace_vprintk',
            runtime.place(text),
            size,
            list,
            8 * values.length,
          );
          expect([-22, -28].includes(result) || result >= 0).toBe(true);
          expect(runtime.printed).toHaveLength(result < 0 ? 0 : 1);
        },
      ),
      { numRuns: 400 },
    );
  });
});
