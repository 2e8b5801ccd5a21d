/**
 * Random instructions and programs for property tests. Written from the type `Insn`, not from the opcode table, so that
 * a row missing there is noticed.
 */
import fc from 'fast-check';
import {
  type Insn,
  type InsnKind,
  type InsnList,
  type InsnOf,
  type Operand,
  type RawInsn,
  toInsnList,
} from '../../src/isa/index.ts';

/** r0 to r10. */
export const register = (): fc.Arbitrary<number> => fc.integer({ min: 0, max: 10 });
/** A signed 16-bit number; the edges come often. */
export const offset16 = (): fc.Arbitrary<number> => fc.integer({ min: -0x8000, max: 0x7fff });
/** A signed 32-bit number. */
export const imm32 = (): fc.Arbitrary<number> => fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });

const operand = (): fc.Arbitrary<Operand> =>
  fc.oneof(
    fc.record({ kind: fc.constant('reg' as const), reg: register() }),
    fc.record({ kind: fc.constant('imm' as const), imm: imm32() }),
  );
const width = () => fc.constantFrom(32 as const, 64 as const);
const size = () => fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const);
const kind = <K extends InsnKind>(name: K): fc.Arbitrary<K> => fc.constant(name);

const loads = fc.record({
  kind: kind('load'),
  size: size(),
  signed: fc.boolean(),
  dst: register(),
  src: register(),
  offset: offset16(),
});

const moves = fc.record({
  kind: kind('movsx'),
  width: width(),
  bits: fc.constantFrom(8 as const, 16 as const, 32 as const),
  dst: register(),
  src: register(),
});

const atomics = fc.record({
  kind: kind('atomic'),
  op: fc.constantFrom<InsnOf<'atomic'>['op'][]>('add', 'or', 'and', 'xor', 'xchg', 'cmpxchg'),
  fetch: fc.boolean(),
  size: fc.constantFrom(4 as const, 8 as const),
  dst: register(),
  src: register(),
  offset: offset16(),
});

const wideLoads = fc
  .record({
    kind: kind('ld-imm64'),
    pseudo: fc.constantFrom<InsnOf<'ld-imm64'>['pseudo'][]>(
      'const',
      'map-fd',
      'map-value',
      'btf-id',
      'func',
      'map-idx',
      'map-idx-value',
    ),
    dst: register(),
    lo: imm32(),
    hi: imm32(),
  })
  .map((insn) => (['map-fd', 'map-idx', 'func'].includes(insn.pseudo) ? { ...insn, hi: 0 } : insn));

const shortJumps = fc.record({ kind: kind('ja'), offset: offset16(), long: fc.constant(false) });
const longJumps = fc.record({ kind: kind('ja'), offset: imm32(), long: fc.constant(true) });

const byKind: { [K in InsnKind]: fc.Arbitrary<InsnOf<K>> } = {
  alu: fc.record({
    kind: kind('alu'),
    op: fc.constantFrom<InsnOf<'alu'>['op'][]>(
      'add',
      'sub',
      'mul',
      'div',
      'or',
      'and',
      'lsh',
      'rsh',
      'mod',
      'xor',
      'mov',
      'arsh',
      'sdiv',
      'smod',
    ),
    width: width(),
    dst: register(),
    operand: operand(),
  }),
  neg: fc.record({ kind: kind('neg'), width: width(), dst: register() }),
  movsx: moves.filter((insn) => insn.bits < insn.width),
  endian: fc.record({
    kind: kind('endian'),
    op: fc.constantFrom('le' as const, 'be' as const, 'swap' as const),
    bits: fc.constantFrom(16 as const, 32 as const, 64 as const),
    dst: register(),
  }),
  'addr-space-cast': fc.record({
    kind: kind('addr-space-cast'),
    dst: register(),
    src: register(),
    imm: imm32(),
  }),
  'ld-imm64': wideLoads,
  'ld-packet': fc
    .record({
      kind: kind('ld-packet'),
      mode: fc.constantFrom('abs' as const, 'ind' as const),
      size: fc.constantFrom(1 as const, 2 as const, 4 as const),
      src: register(),
      imm: imm32(),
    })
    .map((insn) => (insn.mode === 'abs' ? { ...insn, src: 0 } : insn)),
  load: loads.filter((insn) => !(insn.signed && insn.size === 8)),
  store: fc.record({
    kind: kind('store'),
    size: size(),
    dst: register(),
    offset: offset16(),
    operand: operand(),
  }),
  atomic: atomics.map((insn) => ({
    ...insn,
    fetch: insn.fetch || insn.op === 'xchg' || insn.op === 'cmpxchg',
  })),
  ja: fc.oneof(shortJumps, longJumps),
  jmp: fc.record({
    kind: kind('jmp'),
    op: fc.constantFrom<InsnOf<'jmp'>['op'][]>(
      'eq',
      'gt',
      'ge',
      'set',
      'ne',
      'sgt',
      'sge',
      'lt',
      'le',
      'slt',
      'sle',
    ),
    width: width(),
    dst: register(),
    operand: operand(),
    offset: offset16(),
  }),
  'may-goto': fc.record({ kind: kind('may-goto'), offset: offset16() }),
  'call-helper': fc.record({ kind: kind('call-helper'), id: imm32() }),
  'call-subprog': fc.record({ kind: kind('call-subprog'), offset: imm32() }),
  'call-kfunc': fc.record({ kind: kind('call-kfunc'), btfId: imm32(), module: offset16() }),
  callx: fc.record({ kind: kind('callx'), reg: register() }),
  exit: fc.record({ kind: kind('exit') }),
};

/** Any instruction of one kind that can be encoded. */
export function insnOf<K extends InsnKind>(name: K): fc.Arbitrary<InsnOf<K>> {
  return byKind[name];
}

/** Any instruction that can be encoded; jumps go anywhere, mostly nowhere sensible. */
export function insn(): fc.Arbitrary<Insn> {
  return fc.oneof(...(Object.values(byKind) as fc.Arbitrary<Insn>[]));
}

/** Any sequence of instructions as a slot-indexed list. */
export function insnList(constraints: fc.ArrayConstraints = { maxLength: 20 }): fc.Arbitrary<InsnList> {
  return fc.array(insn(), constraints).map(toInsnList);
}

/** Any slot: mostly with the opcode and fields of something that exists, often a little wrong, sometimes all random. */
export function rawInsn(): fc.Arbitrary<RawInsn> {
  const small = fc.constantFrom(0, 0, 0, 1, 2, 8, 16, 32, 64, 0x40, 0x41, 0xe1, 0xf1, -1);
  return fc.record({
    opcode: fc.integer({ min: 0, max: 255 }),
    dst: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15 })),
    src: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15 })),
    offset: fc.oneof(small, offset16()),
    imm: fc.oneof(small, imm32()),
  });
}
