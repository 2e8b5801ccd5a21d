/** bpf_strtol, bpf_strtoul and bpf_strncmp against plain models. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeRuntime } from './fake-runtime.ts';

const ERANGE = -34;
const EINVAL = -22;

/** What strtoul says: the bytes it read and the number, or an errno. */
function parse(text: string, base: number): { consumed: number; negative: boolean; value: bigint } | number {
  const [lead = ''] = /^[ \t\n\v\f\r]*-?/.exec(text) ?? [];
  const rest = text.slice(lead.length, lead.length + 63);
  const prefixed = /^0x/i.test(rest);
  const guessed = prefixed && /^0x[0-9a-f]/i.test(rest) ? 16 : rest.startsWith('0') ? 8 : 10;
  const actual = base === 0 ? guessed : base;
  const skipped = actual === 16 && prefixed ? 2 : 0;
  const allowed = '0123456789abcdef'.slice(0, actual);
  let digits = '';
  for (const char of rest.slice(skipped)) {
    if (!allowed.includes(char.toLowerCase())) break;
    digits += char.toLowerCase();
  }
  if (digits === '') return EINVAL;
  let value = 0n;
  for (const digit of digits) value = value * BigInt(actual) + BigInt(allowed.indexOf(digit));
  if (value >= 2n ** 64n) return ERANGE;
  return { consumed: lead.length + skipped + digits.length, negative: lead.endsWith('-'), value };
}

const runtime = new FakeRuntime();
const text = fc.oneof(
  fc.stringMatching(/^[ \t]{0,2}[-+]?(0x|0X|0)?[0-9a-fA-FxX]{0,22}[ .]?$/),
  fc.bigInt(-(2n ** 66n), 2n ** 66n).map(String),
);
const base = fc.constantFrom(0, 8, 10, 16);

describe('bpf_strtol and bpf_strtoul', () => {
  it('read numbers as the model does', () => {
    fc.assert(
      fc.property(
        text.filter((t) => t !== ''),
        base,
        (given, radix) => {
          const address = runtime.place(given);
          const result = runtime.room(8);
          const model = parse(given, radix);

          const unsigned = runtime.call('bpf_strtoul', address, given.length, radix, result);
          if (typeof model === 'number') expect(unsigned).toBe(model);
          else if (model.negative) expect(unsigned).toBe(EINVAL);
          else
            expect([unsigned, BigInt.asUintN(64, runtime.int64(result))]).toEqual([
              model.consumed,
              model.value,
            ]);
          if (unsigned < 0) expect(runtime.int64(result)).toBe(0n);

          const signed = runtime.call('bpf_strtol', address, given.length, radix, result);
          if (typeof model === 'number') expect(signed).toBe(model);
          else {
            const value = model.negative ? -model.value : model.value;
            const fits = BigInt.asIntN(64, value) === value;
            expect([signed, runtime.int64(result)]).toEqual(fits ? [model.consumed, value] : [ERANGE, 0n]);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('bpf_strncmp', () => {
  it('gives the sign of the first difference', () => {
    const word = fc.stringMatching(/^[ab]{0,4}$/);
    fc.assert(
      fc.property(word, word, fc.integer({ min: 1, max: 5 }), (left, right, size) => {
        const [a, b] = [left.padEnd(5, '\0').slice(0, size), right.padEnd(5, '\0').slice(0, size)];
        const expected = a === b ? 0 : a < b ? -1 : 1;
        const buffer = runtime.place(left.padEnd(5, '\0'));
        expect(runtime.call('bpf_strncmp', buffer, size, runtime.place(right))).toBe(expected);
      }),
    );
  });
});
