/** Records: constants, the unknown, questions, halves, and the log's words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addHi,
  bitLength,
  copyScalar,
  findContradiction,
  forgetContradiction,
  formatBounds,
  formatContradiction,
  formatSigned,
  formatTnum,
  formatUnsigned,
  isConst,
  isConstNumber,
  ltS64,
  ltU64,
  markKnown,
  markKnownImm,
  markKnownSubreg,
  markUnbounded,
  mulHi,
  REG_WORDS,
  SMAX_LO,
  SMIN_LO,
  sameScalar,
  sarHi,
  sarLo,
  setWideNumber,
  shlHi,
  shlLo,
  shrHi,
  shrLo,
  signedNumber,
  signedWithin,
  subHi,
  tnumEqualsConst,
  tnumIsAligned,
  UMAX_LO,
  unsignedNumber,
  unsignedWidth,
  VAR_VALUE_LO,
  viewScalar,
  zeroOrMinusOneWidth,
} from '../../../src/verifier/domain/index.ts';
import * as model from './model.ts';
import { AT, anyScalar, describeSet, exactScalar, guardsHold, pattern, record } from './support.ts';

const lo = (x: bigint): number => Number(BigInt.asIntN(32, x));
const hi = (x: bigint): number => Number(BigInt.asIntN(32, x >> 32n));
const join = (low: number, high: number): bigint =>
  BigInt.asUintN(64, (BigInt(high) << 32n) | BigInt.asUintN(32, BigInt(low)));

describe('halves', () => {
  it('compute as 64-bit numbers do', () => {
    fc.assert(
      fc.property(pattern, pattern, fc.integer({ min: 0, max: 63 }), (a, b, n) => {
        const u = (x: bigint): bigint => BigInt.asUintN(64, x);
        const signed = (x: bigint): bigint => BigInt.asIntN(64, x);
        const [al, ah, bl, bh] = [lo(a), hi(a), lo(b), hi(b)];
        const sum = (al + bl) | 0;
        expect(join(sum, addHi(al, ah, bh, sum))).toBe(u(a + b));
        expect(join(al - bl, subHi(al, ah, bl, bh))).toBe(u(a - b));
        expect(join(Math.imul(al, bl), mulHi(al, ah, bl, bh))).toBe(u(a * b));
        expect(ltU64(al, ah, bl, bh)).toBe(a < b);
        expect(ltS64(al, ah, bl, bh)).toBe(signed(a) < signed(b));
        expect(join(shlLo(al, n), shlHi(al, ah, n))).toBe(u(a << BigInt(n)));
        expect(join(shrLo(al, ah, n), shrHi(ah, n))).toBe(a >> BigInt(n));
        expect(join(sarLo(al, ah, n), sarHi(ah, n))).toBe(u(signed(a) >> BigInt(n)));
        expect(bitLength(al, ah)).toBe(a === 0n ? 0 : a.toString(2).length);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a register record', () => {
  it('holds a constant in every description', () => {
    fc.assert(
      fc.property(pattern, (x) => {
        const r = record(model.unknown);
        markKnown(r, AT, lo(x), hi(x));
        expect(viewScalar(r, AT)).toEqual(model.constant(x));
        expect(guardsHold(r)).toBe(true);
        expect(isConst(r, AT, 64) && isConst(r, AT, 32)).toBe(true);
        expect(tnumEqualsConst(r, AT, lo(x), hi(x))).toBe(true);
        expect(unsignedWidth(r, AT)).toBe(bitLength(lo(x), hi(x)));
        expect(findContradiction(r, AT)).toBeUndefined();
      }),
    );
  });

  it('sign-extends an immediate', () => {
    const r = new Int32Array(REG_WORDS);
    markKnownImm(r, 0, -8);
    expect(viewScalar(r, 0)).toEqual(model.constant(-8n));
    expect(isConstNumber(r, 0, -8)).toBe(true);
    expect(isConstNumber(r, 0, 0xfffffff8)).toBe(false);
  });

  it('can have a known lower half alone', () => {
    const r = record(model.unknown);
    markKnownSubreg(r, AT, -1);
    expect(viewScalar(r, AT)).toMatchObject({
      value: 0xffffffffn,
      mask: 0xffffffff00000000n,
      s32Min: -1n,
      u32Max: 0xffffffffn,
    });
    expect([isConst(r, AT, 32), isConst(r, AT, 64)]).toEqual([true, false]);
  });

  it('is copied and compared by its scalar part', () => {
    fc.assert(
      fc.property(anyScalar, anyScalar, (a, b) => {
        const [x, y] = [record(a), record(b)];
        copyScalar(y, AT, x, AT);
        expect(sameScalar(x, AT, y, AT)).toBe(true);
        expect(guardsHold(y)).toBe(true);
        y[AT + VAR_VALUE_LO]! ^= 1;
        expect(sameScalar(x, AT, y, AT)).toBe(false);
      }),
    );
  });

  it('gives its 64-bit fields as numbers, and takes them', () => {
    const r = new Int32Array(REG_WORDS);
    for (const x of [0, 1, -1, 4096, -4095, 2 ** 31, -(2 ** 31), 2 ** 32 - 1, 2 ** 40 + 3, -(2 ** 40) - 3]) {
      setWideNumber(r, SMIN_LO, x);
      expect(signedNumber(r, SMIN_LO)).toBe(x);
    }
    setWideNumber(r, UMAX_LO, -1);
    expect(unsignedNumber(r, UMAX_LO)).toBe(2 ** 64);
  });

  it('knows whether its number is a multiple', () => {
    const r = record(describeSet([8n, 16n, 40n]));
    expect([1, 2, 4, 8, 16].map((size) => tnumIsAligned(r, AT, size))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    expect(tnumIsAligned(r, AT, 0)).toBe(true);
  });

  it('answers whether its signed number lies in a range', () => {
    const r = record(describeSet([0n, 0xffffffffn]));
    expect(signedWithin(r, AT, 64, 0, 0xffffffff)).toBe(true);
    expect(signedWithin(r, AT, 64, 0, 0xfffffffe)).toBe(false);
    expect(signedWithin(r, AT, 32, -1, 0)).toBe(true);
    expect(signedWithin(r, AT, 32, 0, 1)).toBe(false);
  });

  it('tells zero-or-minus-one, whole or in its low half', () => {
    const width = (...numbers: bigint[]): number => zeroOrMinusOneWidth(record(describeSet(numbers)), AT);
    expect([width(0n, -1n), width(0n, 0xffffffffn), width(0n), width(0n, 1n), width(-1n, 0n, 1n)]).toEqual([
      64, 32, 0, 0, 0,
    ]);
  });
});

describe('contradictions', () => {
  it('are not found in what describes real numbers', () => {
    fc.assert(
      fc.property(exactScalar, (v) => {
        expect(findContradiction(record(v), AT)).toBeUndefined();
      }),
    );
  });

  it('have the kernel`s three names, and its words', () => {
    const bad = (change: object): string | undefined =>
      findContradiction(record({ ...model.constant(5n), ...change }), AT);
    expect(bad({ umin: 6n })).toBe('range bounds violation');
    expect(bad({ smax: 4n })).toBe('range bounds violation');
    expect(bad({ u32Max: 4n })).toBe('range bounds violation');
    expect(bad({ s32Min: 6n })).toBe('range bounds violation');
    for (const change of [{ umin: 4n }, { umax: 6n }, { smin: 4n }, { smax: 6n }]) {
      expect(bad(change)).toBe('const tnum out of sync with range bounds');
    }
    for (const change of [{ u32Min: 4n }, { u32Max: 6n }, { s32Min: 4n }, { s32Max: 6n }]) {
      expect(bad(change)).toBe('const subreg tnum out of sync with range bounds');
    }
    const r = record({ ...model.constant(0n), u32Min: 3n });
    expect(formatContradiction('true_reg1', findContradiction(r, AT)!, r, AT)).toBe(
      'REG INVARIANTS VIOLATION (true_reg1): range bounds violation u64=[0x0, 0x0] s64=[0x0, 0x0] ' +
        'u32=[0x3, 0x0] s32=[0x0, 0x0] var_off=(0x0, 0x0)',
    );
  });

  it('cost a scalar its ranges but not its bits', () => {
    const r = record({ ...model.constant(5n), umin: 6n });
    forgetContradiction(r, AT);
    expect(viewScalar(r, AT)).toEqual({ ...model.unknown, value: 5n, mask: 0n });
  });
});

describe('the log`s words', () => {
  it('are decimal for 16 bits and hexadecimal beyond', () => {
    expect([0n, 0xffffn, 0x10000n].map(formatUnsigned)).toEqual(['0', '65535', '0x10000']);
    expect([-1n, 0x7fffn, 0x8000n, -0x8000n, -0x8001n].map(formatSigned)).toEqual([
      '-1',
      '32767',
      '0x8000',
      '-32768',
      '0xffffffffffff7fff',
    ]);
  });

  it('join bounds that print the same', () => {
    expect(formatBounds(record(model.unknown), AT)).toEqual([]);
    expect(formatBounds(record(describeSet([1n, 2n])), AT)).toEqual([
      'smin=umin=smin32=umin32=1',
      'smax=umax=smax32=umax32=2',
      'var_off=(0x0; 0x3)',
    ]);
    expect(formatBounds(record(describeSet([-1n, 0n, 1n])), AT)).toEqual(['smin=smin32=-1', 'smax=smax32=1']);
  });

  it('give a known tnum as a number', () => {
    expect(formatTnum(record(model.constant(0x12345n)), AT)).toBe('0x12345');
    const r = record({ ...model.unknown, mask: 0xffn });
    markUnbounded(r, AT);
    expect(formatBounds(r, AT)).toEqual(['var_off=(0x0; 0xff)']);
    expect(signedNumber(r, AT + SMAX_LO)).toBe(2 ** 63);
  });
});
