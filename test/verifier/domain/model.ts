/**
 * The scalar domain once more, as plainly as possible: BigInts, fresh objects, both widths by one function. It is slow and
 * has no tricks, so that src/verifier/domain can be held against it field by field. Kept apart on purpose: nothing of the code
 * under test is used here but the shape ScalarView.
 */
import type { ScalarView } from '../../../src/verifier/domain/index.ts';

export type Model = ScalarView;
type Width = 32 | 64;

interface Tnum {
  readonly value: bigint;
  readonly mask: bigint;
}

/** The ranges of one width. */
interface Ranges {
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
}

const u = (bits: number, x: bigint): bigint => BigInt.asUintN(bits, x);
const s = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const smallest = (bits: number): bigint => -(1n << BigInt(bits - 1));
const greatest = (bits: number): bigint => ones(bits - 1);
const fits = (bits: number, x: bigint): boolean => x >= smallest(bits) && x <= greatest(bits);

const get = (a: Model, width: Width): Ranges =>
  width === 64 ? a : { smin: a.s32Min, smax: a.s32Max, umin: a.u32Min, umax: a.u32Max };
const put = (a: Model, width: Width, r: Ranges): Model =>
  width === 64
    ? { ...a, smin: r.smin, smax: r.smax, umin: r.umin, umax: r.umax }
    : { ...a, s32Min: r.smin, s32Max: r.smax, u32Min: r.umin, u32Max: r.umax };
const bits = (a: Model, width: Width): Tnum => ({ value: u(width, a.value), mask: u(width, a.mask) });
const putBits = (a: Model, t: Tnum): Model => ({ ...a, value: t.value, mask: t.mask });
const putLowBits = (a: Model, t: Tnum): Model => ({
  ...a,
  value: (a.value & ~ones(32)) | t.value,
  mask: (a.mask & ~ones(32)) | t.mask,
});
const open = (width: Width): Ranges => ({
  smin: smallest(width),
  smax: greatest(width),
  umin: 0n,
  umax: ones(width),
});
const unbounded = (a: Model): Model => put(put(a, 64, open(64)), 32, open(32));
const isConst = (t: Tnum): boolean => t.mask === 0n;

export const unknown: Model = putBits(unbounded({} as Model), { value: 0n, mask: ones(64) });

export function constant(x: bigint): Model {
  const one = (width: Width): Ranges => ({
    smin: s(width, x),
    smax: s(width, x),
    umin: u(width, x),
    umax: u(width, x),
  });
  return put(put(putBits(unknown, { value: u(64, x), mask: 0n }), 64, one(64)), 32, one(32));
}

// ---- tracked numbers

function tnumRange(min: bigint, max: bigint): Tnum {
  const differ = (min ^ max).toString(2).length;
  const mask = min === max ? 0n : ones(differ);
  return { value: min & ~mask, mask };
}

function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mask = a.mask & b.mask;
  return { value: (a.value | b.value) & ~mask, mask };
}

function tnumAdd(a: Tnum, b: Tnum): Tnum {
  const low = u(64, a.value + b.value);
  const high = u(64, low + a.mask + b.mask);
  const mask = (low ^ high) | a.mask | b.mask;
  return { value: low & ~mask, mask };
}

function tnumSub(a: Tnum, b: Tnum): Tnum {
  const d = u(64, a.value - b.value);
  const mask = (u(64, d + a.mask) ^ u(64, d - b.mask)) | a.mask | b.mask;
  return { value: d & ~mask, mask };
}

function tnumMul(a: Tnum, b: Tnum): Tnum {
  let unknownPart: Tnum = { value: 0n, mask: 0n };
  for (let i = 0n; i < 64n; i++) {
    const bit = 1n << i;
    if (a.value & bit) unknownPart = tnumAdd(unknownPart, { value: 0n, mask: u(64, b.mask << i) });
    else if (a.mask & bit) {
      unknownPart = tnumAdd(unknownPart, { value: 0n, mask: u(64, (b.value | b.mask) << i) });
    }
  }
  return tnumAdd({ value: u(64, a.value * b.value), mask: 0n }, unknownPart);
}

function tnumBitwise(op: 'and' | 'or' | 'xor', a: Tnum, b: Tnum): Tnum {
  let value = 0n;
  let mask = 0n;
  for (let i = 0n; i < 64n; i++) {
    const could = (t: Tnum): bigint[] => ((t.mask >> i) & 1n ? [0n, 1n] : [(t.value >> i) & 1n]);
    const results = new Set<bigint>();
    for (const x of could(a)) {
      for (const y of could(b)) results.add(op === 'and' ? x & y : op === 'or' ? x | y : x ^ y);
    }
    if (results.size === 2) mask |= 1n << i;
    else if (results.has(1n)) value |= 1n << i;
  }
  return { value, mask };
}

// ---- deductions

function fromBits(a: Model, width: Width): Model {
  const t = bits(a, width);
  const r = get(a, width);
  const sign = t.mask & (1n << BigInt(width - 1));
  return put(a, width, {
    smin: most(r.smin, s(width, t.value | sign)),
    smax: least(r.smax, s(width, t.value | (t.mask & ~sign))),
    umin: most(r.umin, t.value),
    umax: least(r.umax, t.value | t.mask),
  });
}

function lowRanges(a: Model): Model {
  let { smin, smax, umin, umax } = get(a, 32);
  const signed = (x: bigint, y: bigint): void => {
    smin = most(smin, s(32, x));
    smax = least(smax, s(32, y));
  };
  const unsigned = (x: bigint, y: bigint): void => {
    umin = most(umin, u(32, x));
    umax = least(umax, u(32, y));
  };
  const upper = (x: bigint): bigint => u(32, x >> 32n);
  if (upper(a.umin) === upper(a.umax)) {
    unsigned(a.umin, a.umax);
    if (s(32, a.umin) <= s(32, a.umax)) signed(a.umin, a.umax);
  }
  if (upper(a.smin) === upper(a.smax)) {
    if (u(32, a.smin) <= u(32, a.smax)) unsigned(a.smin, a.smax);
    if (s(32, a.smin) <= s(32, a.smax)) signed(a.smin, a.smax);
  }
  for (const [x, y] of [
    [a.umin, a.umax],
    [a.smin, a.smax],
  ] as const) {
    if (u(32, upper(x) + 1n) === upper(y) && s(32, x) < 0n && s(32, y) >= 0n) signed(x, y);
  }
  return put(a, 32, { smin, smax, umin, umax });
}

/** Signed and unsigned range of one width inform each other. */
function bothSigns(a: Model, width: Width): Model {
  let { smin, smax, umin, umax } = get(a, width);
  const S = (x: bigint): bigint => s(width, x);
  const U = (x: bigint): bigint => u(width, x);
  if (S(umin) <= S(umax)) {
    smin = most(smin, S(umin));
    smax = least(smax, S(umax));
  }
  if (U(smin) <= U(smax)) {
    umin = most(umin, U(smin));
    umax = least(umax, U(smax));
  } else if (umax < U(smin)) {
    smin = S(umin);
    umax = least(umax, U(smax));
  } else if (U(smax) < umin) {
    smax = S(umax);
    umin = most(umin, U(smin));
  }
  return put(a, width, { smin, smax, umin, umax });
}

function wideFromLow(a: Model): Model {
  let { smin, smax, umin, umax } = a;
  const withLow = (x: bigint, low: bigint): bigint => ((x >> 32n) << 32n) | low;
  const tighten = (min: bigint, max: bigint): void => {
    umin = most(umin, withLow(umin, min));
    umax = least(umax, withLow(umax, max));
    smin = most(smin, withLow(smin, min));
    smax = least(smax, withLow(smax, max));
  };
  tighten(a.u32Min, a.u32Max);
  if (u(32, a.s32Min) <= u(32, a.s32Max)) tighten(u(32, a.s32Min), u(32, a.s32Max));
  const out = { ...a, smin, smax, umin, umax };
  if (a.s32Min < 0n || smin < smallest(32) || smax > greatest(32)) return out;
  const min = u(64, a.s32Min);
  const max = u(64, a.s32Max);
  return {
    ...out,
    smin: a.s32Min,
    smax: a.s32Max,
    umin: min,
    umax: max,
    ...tnumIntersect(out, tnumRange(min, max)),
  };
}

export function sync(start: Model): Model {
  let a = fromBits(fromBits(start, 32), 64);
  for (let pass = 0; pass < 3; pass++) a = wideFromLow(bothSigns(bothSigns(lowRanges(a), 32), 64));
  a = putBits(a, tnumIntersect(a, tnumRange(a.umin, a.umax)));
  a = putLowBits(a, tnumIntersect(bits(a, 32), tnumRange(a.u32Min, a.u32Max)));
  return fromBits(fromBits(a, 32), 64);
}

// ---- arithmetic

function addRanges(width: Width, a: Ranges, b: Ranges): Ranges {
  const o = open(width);
  const s1 = [a.smin + b.smin, a.smax + b.smax] as const;
  const u1 = [a.umin + b.umin, a.umax + b.umax] as const;
  const sOk = s1.every((x) => fits(width, x));
  const uOk = u1.every((x) => x <= ones(width));
  return {
    smin: sOk ? s1[0] : o.smin,
    smax: sOk ? s1[1] : o.smax,
    umin: uOk ? u1[0] : 0n,
    umax: uOk ? u1[1] : o.umax,
  };
}

function subRanges(width: Width, a: Ranges, b: Ranges): Ranges {
  const o = open(width);
  const s1 = [a.smin - b.smax, a.smax - b.smin] as const;
  const sOk = s1.every((x) => fits(width, x));
  const uOk = a.umin >= b.umax;
  return {
    smin: sOk ? s1[0] : o.smin,
    smax: sOk ? s1[1] : o.smax,
    umin: uOk ? u(width, a.umin - b.umax) : 0n,
    umax: uOk ? u(width, a.umax - b.umin) : o.umax,
  };
}

function mulRanges(width: Width, a: Ranges, b: Ranges): Ranges {
  const o = open(width);
  if (a.smin < 0n || b.smin < 0n || a.umax > ones(width / 2) || b.umax > ones(width / 2)) return o;
  const umin = u(width, a.umin * b.umin);
  const umax = u(width, a.umax * b.umax);
  return umax > greatest(width) ? { ...o, umin, umax } : { smin: s(width, umin), smax: umax, umin, umax };
}

function bitwise(op: 'and' | 'or' | 'xor', a: Model, b: Model): Model {
  let out = putBits(a, tnumBitwise(op, a, b));
  for (const width of [32, 64] as const) {
    const t = bits(out, width);
    if (isConst(t) && isConst(bits(b, width))) {
      const c = constant(t.value);
      out = width === 64 ? c : put(out, 32, get(c, 32));
      continue;
    }
    const [x, y] = [get(a, width), get(b, width)];
    const umin = op === 'or' ? most(x.umin, y.umin) : t.value;
    const umax = op === 'and' ? least(x.umax, y.umax) : t.value | t.mask;
    const o = open(width);
    const ordered = s(width, umin) <= s(width, umax);
    out = put(out, width, {
      umin,
      umax,
      smin: ordered ? s(width, umin) : o.smin,
      smax: ordered ? s(width, umax) : o.smax,
    });
    if (width === 64) out = fromBits(fromBits(out, 32), 64);
  }
  return out;
}

function shift(op: 'lsh' | 'rsh' | 'arsh', width: Width, a: Model, b: Model): Model | undefined {
  const t = bits(b, width);
  const by = get(b, width);
  if (!isConst(t) || by.smin !== by.smax || by.umin !== by.umax || b.umax >= BigInt(width)) return undefined;
  const n = by.umin;
  const from = bits(a, width);
  const r = get(a, width);
  const o = open(width);
  const moved = (x: bigint): bigint =>
    op === 'lsh' ? u(width, x << n) : op === 'rsh' ? x >> n : u(width, s(width, x) >> n);
  let out = putBits(unbounded(a), { value: moved(from.value), mask: moved(from.mask) });
  if (op === 'rsh') out = put(out, width, { ...o, umin: r.umin >> n, umax: r.umax >> n });
  if (op === 'arsh') out = put(out, width, { ...o, smin: r.smin >> n, smax: r.smax >> n });
  if (op === 'lsh') {
    const special = width === 64 && n === 32n;
    const keep = (w: Width, x: Ranges): Ranges =>
      n < BigInt(w) && x.umax <= 1n << (BigInt(w - 1) - n)
        ? { ...open(w), umin: u(w, x.umin << n), umax: u(w, x.umax << n) }
        : open(w);
    out = put(out, 32, keep(32, get(a, 32)));
    if (width === 64) out = put(out, 64, keep(64, a));
    if (special) out = { ...out, smin: a.s32Min << 32n, smax: a.s32Max << 32n };
  }
  return width === 64 ? fromBits(fromBits(out, 32), 64) : fromBits(out, 32);
}

export function zeroExtend(a: Model): Model {
  const positive = a.s32Min >= 0n && a.s32Max >= 0n;
  return {
    ...putBits(a, bits(a, 32)),
    umin: a.u32Min,
    umax: a.u32Max,
    smin: positive ? a.s32Min : 0n,
    smax: positive ? a.s32Max : ones(32),
  };
}

/** a op b, or undefined if the operation is not followed. */
export function alu(op: string, width: Width, a: Model, b: Model): Model | undefined {
  let out: Model | undefined;
  if (op === 'add' || op === 'sub' || op === 'mul') {
    const ranges = { add: addRanges, sub: subRanges, mul: mulRanges }[op];
    const tnum = { add: tnumAdd, sub: tnumSub, mul: tnumMul }[op];
    out = put(a, 32, ranges(32, get(a, 32), get(b, 32)));
    out = put(out, 64, ranges(64, a, b));
    out = putBits(out, tnum(a, b));
  } else if (op === 'and' || op === 'or' || op === 'xor') out = bitwise(op, a, b);
  else if (op === 'lsh' || op === 'rsh' || op === 'arsh') out = shift(op, width, a, b);
  if (out === undefined) return undefined;
  return sync(width === 32 ? zeroExtend(out) : out);
}

// ---- sizes

export function truncate(a: Model, size: number): Model {
  const keep = ones(8 * size);
  const same = (a.umin & ~keep) === (a.umax & ~keep);
  const umin = same ? a.umin & keep : 0n;
  const umax = same ? a.umax & keep : keep;
  const out = { ...a, value: a.value & keep, mask: a.mask & keep, umin, umax, smin: umin, smax: umax };
  return sync(size < 4 ? put(out, 32, open(32)) : out);
}

/** Sign extension of the low `size` bytes within `width` bits; nothing synchronised. */
export function signExtend(a: Model, width: Width, size: number): Model {
  const n = 8 * size;
  if (isConst(a)) {
    const c = constant(s(n, a.value));
    return width === 64 ? c : putBits(put(a, 32, get(c, 32)), c);
  }
  const r = get(a, width);
  const x = s(n, r.smin);
  const y = s(n, r.smax);
  if (r.smin >> BigInt(n) === r.smax >> BigInt(n) && x < 0n === y < 0n) {
    const [min, max] = [least(x, y), most(x, y)];
    const narrow = put(a, 32, { smin: min, smax: max, umin: u(32, min), umax: u(32, max) });
    const wide =
      width === 64 ? put(narrow, 64, { smin: min, smax: max, umin: u(64, min), umax: u(64, max) }) : narrow;
    const range = tnumRange(u(64, min), u(64, max));
    return putBits(wide, { value: u(width, range.value), mask: u(width, range.mask) });
  }
  const narrow = put(a, 32, { ...open(32), smin: smallest(n), smax: greatest(n) });
  const wide = width === 64 ? put(narrow, 64, { ...open(64), smin: smallest(n), smax: greatest(n) }) : narrow;
  return putBits(wide, { value: 0n, mask: ones(width) });
}

// ---- branches

export function taken(op: string, width: Width, a: Model, b: Model): number {
  const [x, y, p, q] = [get(a, width), get(b, width), bits(a, width), bits(b, width)];
  switch (op) {
    case 'eq': {
      if (isConst(p) && isConst(q)) return p.value === q.value ? 1 : 0;
      const known = ~(p.mask | q.mask);
      if ((p.value & known) !== (q.value & known)) return 0;
      for (const w of width === 64 ? ([64, 32] as const) : ([32] as const)) {
        const [m, n] = [get(a, w), get(b, w)];
        if (m.umin > n.umax || m.umax < n.umin || m.smin > n.smax || m.smax < n.smin) return 0;
      }
      return -1;
    }
    case 'ne': {
      const equal = taken('eq', width, a, b);
      return equal === -1 ? -1 : 1 - equal;
    }
    case 'set': {
      const [t, c] = isConst(q) ? [p, q] : [q, p];
      if (!isConst(c)) return -1;
      if (~t.mask & t.value & c.value) return 1;
      return (t.mask | t.value) & c.value ? -1 : 0;
    }
    case 'gt':
      return x.umin > y.umax ? 1 : x.umax <= y.umin ? 0 : -1;
    case 'lt':
      return x.umax < y.umin ? 1 : x.umin >= y.umax ? 0 : -1;
    case 'ge':
      return x.umin >= y.umax ? 1 : x.umax < y.umin ? 0 : -1;
    case 'le':
      return x.umax <= y.umin ? 1 : x.umin > y.umax ? 0 : -1;
    case 'sgt':
      return x.smin > y.smax ? 1 : x.smax <= y.smin ? 0 : -1;
    case 'slt':
      return x.smax < y.smin ? 1 : x.smin >= y.smax ? 0 : -1;
    case 'sge':
      return x.smin >= y.smax ? 1 : x.smax < y.smin ? 0 : -1;
    case 'sle':
      return x.smax <= y.smin ? 1 : x.smin > y.smax ? 0 : -1;
    default:
      throw new Error(`no condition ${op}`);
  }
}

/** What both numbers are known to be where `a op b` holds, synchronised. */
export function assume(op: string, width: Width, a: Model, b: Model): [Model, Model] {
  const [x, y] = refine(op, width, a, b);
  return [sync(x), sync(y)];
}

const MIRROR: Readonly<Record<string, string>> = { gt: 'lt', ge: 'le', sgt: 'slt', sge: 'sle' };

function refine(op: string, width: Width, a: Model, b: Model): [Model, Model] {
  const mirrored = MIRROR[op];
  if (mirrored !== undefined) {
    const [y, x] = refine(mirrored, width, b, a);
    return [x, y];
  }
  const [x, y] = [get(a, width), get(b, width)];
  switch (op) {
    case 'eq': {
      const common: Ranges = {
        smin: most(x.smin, y.smin),
        smax: least(x.smax, y.smax),
        umin: most(x.umin, y.umin),
        umax: least(x.umax, y.umax),
      };
      const t = tnumIntersect(bits(a, width), bits(b, width));
      const set = (m: Model): Model =>
        width === 64 ? putBits(put(m, 64, common), t) : putLowBits(put(m, 32, common), t);
      return [set(a), set(b)];
    }
    case 'ne':
    case 'set':
    case 'clear': {
      const c = bits(b, width);
      if (isConst(c)) return [byConstant(op, width, a, c.value), b];
      const d = bits(a, width);
      return isConst(d) ? [a, byConstant(op, width, b, d.value)] : [a, b];
    }
    case 'lt':
    case 'le': {
      const gap = op === 'lt' ? 1n : 0n;
      const umax = least(x.umax, u(width, y.umax - gap));
      const umin = most(u(width, x.umin + gap), y.umin);
      return [put(a, width, { ...x, umax }), put(b, width, { ...y, umin })];
    }
    case 'slt':
    case 'sle': {
      const gap = op === 'slt' ? 1n : 0n;
      const smax = least(x.smax, s(width, y.smax - gap));
      const smin = most(s(width, x.smin + gap), y.smin);
      return [put(a, width, { ...x, smax }), put(b, width, { ...y, smin })];
    }
    default:
      throw new Error(`no condition ${op}`);
  }
}

function byConstant(op: 'ne' | 'set' | 'clear', width: Width, a: Model, c: bigint): Model {
  const r = get(a, width);
  switch (op) {
    case 'ne':
      return put(a, width, {
        umin: r.umin === c ? u(width, r.umin + 1n) : r.umin,
        umax: r.umax === c ? u(width, r.umax - 1n) : r.umax,
        smin: r.smin === s(width, c) ? s(width, r.smin + 1n) : r.smin,
        smax: r.smax === s(width, c) ? s(width, r.smax - 1n) : r.smax,
      });
    case 'set':
      if (c === 0n || (c & (c - 1n)) !== 0n) return a;
      return putBits(a, { value: a.value | c, mask: a.mask & ~c });
    case 'clear':
      return putBits(unbounded(a), { value: a.value & ~c, mask: a.mask & ~c });
  }
}

/** Whether everything known of `a` holds of `b`. */
export function within(a: Model, b: Model): boolean {
  const inside = (x: Ranges, y: Ranges): boolean =>
    x.umin <= y.umin && x.umax >= y.umax && x.smin <= y.smin && x.smax >= y.smax;
  const sameBits = (b.mask & ~a.mask) === 0n && (b.value & ~a.mask) === a.value;
  return inside(a, b) && inside(get(a, 32), get(b, 32)) && sameBits;
}
