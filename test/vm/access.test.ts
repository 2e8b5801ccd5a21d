/** Loads, stores and atomic instructions against a model in BigInt, at every offset and over the borders of 8 bytes (RFC 9669 section 5). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessSize, Insn } from '../../src/isa/index.ts';
import { Interpreter, Memory } from '../../src/vm/index.ts';
import { ATOMIC_ORDER } from '../../src/vm/pack.ts';
import { helperTable, programOf, register } from './support.ts';

const memory = new Memory();
const address = memory.allocate({ size: 32, kind: 'mem', name: 'test' });
const interpreter = new Interpreter(memory, helperTable());

const number64 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  fc.constantFrom(0n, 1n, 0xffffffffn, 0x80000000n, 0xffffffff00000000n, (1n << 64n) - 1n),
);
const content = fc.uint8Array({ minLength: 32, maxLength: 32 });
const sizes: readonly AccessSize[] = [1, 2, 4, 8];

/** Runs one instruction with r1 = address of the memory, r2 = value, r0 = given. */
function runOne(insn: Insn, value: bigint, r0 = 0n): void {
  interpreter.start(programOf([insn, { kind: 'exit' }]), address);
  const regs = interpreter.registers;
  regs.set(halves(value), 4);
  regs.set(halves(r0), 0);
  expect(interpreter.run().kind).toBe('exited');
}

function halves(value: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

function read(bytes: Uint8Array, offset: number, size: number): bigint {
  return bytes.slice(offset, offset + size).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function write(bytes: Uint8Array, offset: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

const offsetFor = (size: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 32 - size });

describe.each(sizes)('%i bytes', (size) => {
  it('are loaded with zero extension, and with sign extension', () => {
    fc.assert(
      fc.property(content, offsetFor(size), (bytes, offset) => {
        memory.writeBytes(address, bytes);
        const expected = read(bytes, offset, size);
        runOne({ kind: 'load', size, signed: false, dst: 3, src: 1, offset }, 0n);
        expect(BigInt.asUintN(64, register(interpreter, 3))).toBe(expected);
        if (size === 8) return;
        runOne({ kind: 'load', size, signed: true, dst: 1, src: 1, offset }, 0n);
        expect(register(interpreter, 1)).toBe(BigInt.asIntN(8 * size, expected));
      }),
    );
  });

  it('are stored from a register and as an immediate, and nothing beside them changes', () => {
    fc.assert(
      fc.property(content, offsetFor(size), number64, fc.integer(), (bytes, offset, value, imm) => {
        const stores: [Insn, bigint][] = [
          [{ kind: 'store', size, dst: 1, offset, operand: { kind: 'reg', reg: 2 } }, value],
          [{ kind: 'store', size, dst: 1, offset, operand: { kind: 'imm', imm } }, BigInt(imm)],
        ];
        for (const [insn, stored] of stores) {
          memory.writeBytes(address, bytes);
          runOne(insn, value);
          const expected = bytes.slice();
          write(expected, offset, size, stored);
          expect(memory.readBytes(address, 32)).toEqual(expected);
        }
      }),
    );
  });
});

describe.each([4, 8] as const)('atomic instructions on %i bytes', (size) => {
  const bits = 8 * size;

  it.each(ATOMIC_ORDER.filter((op) => op !== 'cmpxchg'))(
    '%s changes memory and fetches the old value',
    (op) => {
      const model = {
        add: (a: bigint, b: bigint) => a + b,
        or: (a: bigint, b: bigint) => a | b,
        and: (a: bigint, b: bigint) => a & b,
        xor: (a: bigint, b: bigint) => a ^ b,
        xchg: (_a: bigint, b: bigint) => b,
        cmpxchg: () => 0n,
      }[op];
      fc.assert(
        fc.property(content, offsetFor(size), number64, fc.boolean(), (bytes, offset, value, fetches) => {
          memory.writeBytes(address, bytes);
          const old = read(bytes, offset, size);
          const fetch = fetches || op === 'xchg';
          runOne({ kind: 'atomic', op, fetch, size, dst: 1, src: 2, offset }, value);
          const expected = bytes.slice();
          write(expected, offset, size, BigInt.asUintN(bits, model(old, value)));
          expect(memory.readBytes(address, 32)).toEqual(expected);
          expect(BigInt.asUintN(64, register(interpreter, 2))).toBe(fetch ? old : value);
        }),
      );
    },
  );

  it('cmpxchg stores when r0 holds the old value, and r0 always gets it', () => {
    fc.assert(
      fc.property(
        content,
        offsetFor(size),
        number64,
        number64,
        fc.nat(2),
        (bytes, offset, value, r0, which) => {
          memory.writeBytes(address, bytes);
          const old = read(bytes, offset, size);
          // Equal, equal in the compared bits only, or any value.
          const compared = [old, old | (r0 & ~((1n << BigInt(bits)) - 1n)), r0][which]!;
          runOne(
            { kind: 'atomic', op: 'cmpxchg', fetch: true, size, dst: 1, src: 2, offset },
            value,
            compared,
          );
          const expected = bytes.slice();
          if (BigInt.asUintN(bits, compared) === old) write(expected, offset, size, value);
          expect(memory.readBytes(address, 32)).toEqual(expected);
          expect(BigInt.asUintN(64, register(interpreter, 0))).toBe(old);
          expect(BigInt.asUintN(64, register(interpreter, 2))).toBe(value);
        },
      ),
    );
  });
});
