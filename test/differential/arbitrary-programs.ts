/**
 * Random programs that end and, mostly, do not fault: any instruction, any control flow (loops with several entries too), calls, helpers,
 * callbacks, memory. Registers: r6 holds the context, r9 counts down at each jump backwards; the rest is free. All ways out end in
 * storing every register to the context.
 */
import fc from 'fast-check';
import { type Insn, type InsnOf, toInsnList } from '../../src/isa/index.ts';
import type { PreparedProgram } from '../../src/vm/index.ts';
import { insnOf } from '../isa/arbitraries.ts';

/** Bytes of the context; the last 128 are for the registers. */
export const CONTEXT_BYTES = 512;
const REGISTERS_AT = 384;

/** Helpers that the programs call: see `helpers` in engines.test.ts. */
export const HELPER_IDS = { sum: 1, swap: 2, wide: 3, element: 4, loop: 5 } as const;

/** A piece of a function: instructions, and a jump to a label that is filled in when the function is put together. */
type Piece =
  | { readonly kind: 'insns'; readonly insns: readonly Insn[] }
  | { readonly kind: 'jump'; readonly insn: Insn; readonly label: number }
  | { readonly kind: 'call'; readonly which: number }
  | { readonly kind: 'loop'; readonly which: number; readonly count: number };

const FREE = [0, 1, 2, 3, 4, 5, 7, 8];
const free = (): fc.Arbitrary<number> => fc.constantFrom(...FREE);

function mov(dst: number, imm: number): Insn {
  return { kind: 'alu', op: 'mov', width: 64, dst, operand: { kind: 'imm', imm } };
}

function copy(dst: number, reg: number): Insn {
  return { kind: 'alu', op: 'mov', width: 64, dst, operand: { kind: 'reg', reg } };
}

/** Numbers at which operations behave differently come often. */
const imm = (): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(0, 1, -1, 2, 31, 32, 63, 64, 0x7fffffff, -0x80000000, 0xff, 0xffff),
    fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  );

const operation: fc.Arbitrary<Insn> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(insnOf('alu'), free(), free(), imm()).map(([i, dst, reg, value]) => ({
      ...i,
      dst,
      operand:
        i.operand.kind === 'reg' ? { kind: 'reg' as const, reg } : { kind: 'imm' as const, imm: value },
    })),
  },
  { weight: 1, arbitrary: fc.tuple(insnOf('neg'), free()).map(([i, dst]) => ({ ...i, dst })) },
  {
    weight: 1,
    arbitrary: fc.tuple(insnOf('movsx'), free(), free()).map(([i, dst, src]) => ({ ...i, dst, src })),
  },
  { weight: 1, arbitrary: fc.tuple(insnOf('endian'), free()).map(([i, dst]) => ({ ...i, dst })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(insnOf('addr-space-cast'), free(), free())
      .map(([i, dst, src]) => ({ ...i, dst, src })),
  },
);

const constant: fc.Arbitrary<Insn> = fc.tuple(free(), imm(), imm()).map(([dst, lo, hi]) => ({
  kind: 'ld-imm64',
  pseudo: 'const',
  dst,
  lo,
  hi,
}));

/** Through the context or the stack where memory is, now and then outside or through any register. */
const access: fc.Arbitrary<Insn> = fc
  .record({
    insn: fc.oneof<fc.Arbitrary<InsnOf<'load' | 'store' | 'atomic'>>[]>(
      insnOf('load'),
      insnOf('store'),
      insnOf('atomic'),
    ),
    base: fc.constantFrom(6, 6, 6, 6, 10, 10, 10, 10),
    at: fc.integer({ min: 0, max: REGISTERS_AT - 8 }),
    wild: fc.integer({ min: 0, max: 400 }),
    wildBase: fc.constantFrom(...FREE, 6, 10),
    dst: free(),
    value: imm(),
  })
  .map(({ insn, base, at, wild, wildBase, dst, value }): Insn => {
    const reg = wild === 0 ? wildBase : base;
    const away = reg === 10 ? (insn.offset % 270) - 250 : insn.offset;
    const offset = wild <= 1 ? away : reg === 10 ? at - 512 : at;
    if (insn.kind === 'load') return { ...insn, src: reg, dst, offset };
    if (insn.kind === 'atomic') return { ...insn, dst: reg, src: dst, offset };
    const operand =
      insn.operand.kind === 'reg' ? { kind: 'reg' as const, reg: dst } : { kind: 'imm' as const, imm: value };
    return { ...insn, dst: reg, offset, operand };
  });

const straight: fc.Arbitrary<Piece> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: operation },
      { weight: 1, arbitrary: constant },
      { weight: 4, arbitrary: access },
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((insns) => ({ kind: 'insns', insns }));

const jump: fc.Arbitrary<Piece> = fc
  .tuple(
    insnOf('jmp'),
    free(),
    free(),
    imm(),
    fc.nat(1000),
    fc.constantFrom('jmp', 'jmp', 'jmp', 'ja', 'may-goto'),
  )
  .map(([i, dst, reg, value, label, which]): Piece => {
    const operand =
      i.operand.kind === 'reg' ? { kind: 'reg' as const, reg } : { kind: 'imm' as const, imm: value };
    const insn: Insn =
      which === 'jmp'
        ? { ...i, dst, operand }
        : which === 'ja'
          ? { kind: 'ja', offset: 0, long: false }
          : { kind: 'may-goto', offset: 0 };
    return { kind: 'jump', insn, label };
  });

const helperCall: fc.Arbitrary<Piece> = fc
  .constantFrom(HELPER_IDS.sum, HELPER_IDS.swap, HELPER_IDS.wide, HELPER_IDS.element)
  .map((id): Piece => {
    const setUp = id === HELPER_IDS.sum ? [copy(1, 6)] : [];
    return { kind: 'insns', insns: [...setUp, { kind: 'call-helper', id }] };
  });

const piece: fc.Arbitrary<Piece> = fc.oneof(
  { weight: 8, arbitrary: straight },
  { weight: 6, arbitrary: jump },
  { weight: 1, arbitrary: helperCall },
  { weight: 1, arbitrary: fc.nat(10).map((which): Piece => ({ kind: 'call', which })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(10), fc.nat(4))
      .map(([which, count]): Piece => ({ kind: 'loop', which, count })),
  },
);

/** Instructions of one function; `call-subprog` offsets and function pointers hold the number of the function for now. */
function assembleFunction(pieces: readonly Piece[], index: number, functions: number): Insn[] {
  // Every other function begins with the registers as engines leave them.
  const prologue: Insn[] = [copy(6, 1), mov(9, index === 0 ? 40 : 6)];
  if (index % 2 === 0) for (const reg of FREE) prologue.push(mov(reg, reg * 7 - 3));
  const out = [...prologue];
  const labels: number[] = [];
  const jumps: { at: number; label: number; back?: number }[] = [];
  let length = slots(out);
  const push = (...insns: Insn[]): void => {
    out.push(...insns);
    length += slots(insns);
  };
  pieces.forEach((one, position) => {
    labels.push(length);
    switch (one.kind) {
      case 'insns':
        push(...one.insns);
        break;
      case 'jump': {
        const label = one.label % (pieces.length + 1);
        if (label <= position) {
          // Backwards: only while r9 lasts.
          push({ kind: 'alu', op: 'sub', width: 64, dst: 9, operand: { kind: 'imm', imm: 1 } });
          push({ kind: 'jmp', op: 'slt', width: 64, dst: 9, operand: { kind: 'imm', imm: 0 }, offset: 1 });
        }
        jumps.push({ at: out.length, label });
        push(one.insn);
        break;
      }
      case 'call':
        if (index + 1 < functions) {
          const callee = index + 1 + (one.which % (functions - index - 1));
          push(copy(1, 6), { kind: 'call-subprog', offset: callee });
        }
        break;
      case 'loop':
        if (index + 1 < functions) {
          const callee = index + 1 + (one.which % (functions - index - 1));
          push(copy(3, 6), mov(1, one.count), mov(4, 0));
          push({ kind: 'ld-imm64', pseudo: 'func', dst: 2, lo: callee, hi: 0 });
          push({ kind: 'call-helper', id: HELPER_IDS.loop });
        }
        break;
    }
  });
  labels.push(length);
  for (let reg = 0; reg < 10; reg++) {
    push({ kind: 'store', size: 8, dst: 6, offset: REGISTERS_AT + 8 * reg, operand: { kind: 'reg', reg } });
  }
  push({ kind: 'exit' });
  for (const { at, label } of jumps) {
    const slot = slots(out.slice(0, at));
    out[at] = { ...out[at]!, offset: labels[label]! - slot - 1 } as Insn;
  }
  return out;
}

function slots(insns: readonly Insn[]): number {
  return insns.reduce((sum, insn) => sum + (insn.kind === 'ld-imm64' ? 2 : 1), 0);
}

/** The callback gets the index in r1 and the context in r2: functions take the context from r1, so callbacks begin with a move. */
const CALLBACK_ENTRY: readonly Insn[] = [
  { kind: 'jmp', op: 'gt', width: 64, dst: 1, operand: { kind: 'imm', imm: 0xffff }, offset: 1 },
  copy(1, 2),
];

/** Any program. */
export const arbitraryProgram: fc.Arbitrary<PreparedProgram> = fc
  .array(fc.array(piece, { minLength: 1, maxLength: 14 }), { minLength: 1, maxLength: 4 })
  .map((functions): PreparedProgram => {
    const bodies = functions.map((pieces, index) => [
      ...(index === 0 ? [] : CALLBACK_ENTRY),
      ...assembleFunction(pieces, index, functions.length),
    ]);
    const subprogs: number[] = [];
    let at = 0;
    for (const body of bodies) {
      subprogs.push(at);
      at += slots(body);
    }
    const insns = [...toInsnList(bodies.flat())];
    insns.forEach((insn, slot) => {
      if (insn?.kind === 'call-subprog') insns[slot] = { ...insn, offset: subprogs[insn.offset]! - slot - 1 };
      if (insn?.kind === 'ld-imm64' && insn.pseudo === 'func')
        insns[slot] = { ...insn, lo: subprogs[insn.lo]! };
    });
    return { name: 'random', insns, subprogs, subprogNames: subprogs.map((slot) => `f${slot}`) };
  });
