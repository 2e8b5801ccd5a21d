/**
 * Rows of the opcode table: loads, stores, atomic operations, 64-bit immediates and packet access (RFC 9669 section 5).
 */
import * as C from './constants.ts';
import type { AccessSize, AtomicOp, LdImm64Kind } from './insn.ts';
import { IMM, type OpcodeRow, REG } from './opcode-row.ts';

const SIZES: readonly (readonly [size: AccessSize, code: number])[] = [
  [4, C.BPF_W],
  [2, C.BPF_H],
  [1, C.BPF_B],
  [8, C.BPF_DW],
];

const ATOMIC_OPS: readonly (readonly [op: 'add' | 'or' | 'and' | 'xor', code: number, sign: string])[] = [
  ['add', C.BPF_ADD, '+='],
  ['or', C.BPF_OR, '|='],
  ['and', C.BPF_AND, '&='],
  ['xor', C.BPF_XOR, '^='],
];

/** All rows of classes LD, LDX, ST and STX. */
export function memoryRows(): OpcodeRow[] {
  return [...ldImm64Rows(), ...packetRows(), ...loadRows(), ...storeRows(), ...atomicRows()];
}

function ldImm64Rows(): OpcodeRow[] {
  const kinds: readonly (readonly [LdImm64Kind, src: number, llvm: string])[] = [
    ['const', 0, '{imm64} ll'],
    ['map-fd', C.BPF_PSEUDO_MAP_FD, 'map[fd:{uimm}] ll'],
    ['map-value', C.BPF_PSEUDO_MAP_VALUE, 'map[fd:{uimm}][0]+{hi} ll'],
    ['btf-id', C.BPF_PSEUDO_BTF_ID, 'btf[id:{uimm},fd:{hi}] ll'],
    ['func', C.BPF_PSEUDO_FUNC, '{sub} ll'],
    ['map-idx', C.BPF_PSEUDO_MAP_IDX, 'map[idx:{uimm}] ll'],
    ['map-idx-value', C.BPF_PSEUDO_MAP_IDX_VALUE, 'map[idx:{uimm}][0]+{hi} ll'],
  ];
  return kinds.map(([pseudo, src, llvm]) => ({
    opcode: C.BPF_LD | C.BPF_IMM | C.BPF_DW,
    fixed: { src },
    uses: ['dst', 'imm'],
    insn: { kind: 'ld-imm64', pseudo, dst: 0, lo: 0, hi: 0 },
    group: 'base64',
    text: '{r:dst} = {imm64}',
    llvm: `{r:dst} = ${llvm}`,
  }));
}

function packetRows(): OpcodeRow[] {
  const sizes = [
    [4, C.BPF_W],
    [2, C.BPF_H],
    [1, C.BPF_B],
  ] as const;
  return sizes.flatMap(([size, code]): OpcodeRow[] => [
    {
      opcode: C.BPF_LD | C.BPF_ABS | code,
      fixed: {},
      uses: ['imm'],
      insn: { kind: 'ld-packet', mode: 'abs', size, src: 0, imm: 0 },
      group: 'packet',
      text: `r0 = *(u${8 * size} *)skb[{imm}]`,
    },
    {
      opcode: C.BPF_LD | C.BPF_IND | code,
      fixed: {},
      uses: ['src', 'imm'],
      insn: { kind: 'ld-packet', mode: 'ind', size, src: 0, imm: 0 },
      group: 'packet',
      text: `r0 = *(u${8 * size} *)skb[{r:src} + {imm}]`,
      also: [`r0 = *(u${8 * size} *)skb[{r:src}]`],
    },
  ]);
}

function loadRows(): OpcodeRow[] {
  return [false, true].flatMap((signed) =>
    SIZES.filter(([size]) => !(signed && size === 8)).map(([size, code]): OpcodeRow => {
      const access = `= *(${signed ? 's' : 'u'}${8 * size} *)({r:src} {off})`;
      return {
        opcode: C.BPF_LDX | (signed ? C.BPF_MEMSX : C.BPF_MEM) | code,
        fixed: {},
        uses: ['dst', 'src', 'offset'],
        insn: { kind: 'load', size, signed, dst: 0, src: 0, offset: 0 },
        group: size === 8 || signed ? 'base64' : 'base32',
        text: `{r:dst} ${access}`,
        // LLVM names the half register in loads that clear the upper half anyway.
        also: size === 8 || signed ? [] : [`{w:dst} ${access}`],
      };
    }),
  );
}

function storeRows(): OpcodeRow[] {
  return SIZES.flatMap(([size, code]): OpcodeRow[] => {
    const group = size === 8 ? 'base64' : 'base32';
    const place = `*(u${8 * size} *)({r:dst} {off})`;
    return [
      {
        opcode: C.BPF_ST | C.BPF_MEM | code,
        fixed: {},
        uses: ['dst', 'offset', 'imm'],
        insn: { kind: 'store', size, dst: 0, offset: 0, operand: IMM },
        group,
        text: `${place} = {imm}`,
      },
      {
        opcode: C.BPF_STX | C.BPF_MEM | code,
        fixed: {},
        uses: ['dst', 'src', 'offset'],
        insn: { kind: 'store', size, dst: 0, offset: 0, operand: REG },
        group,
        text: `${place} = {r:src}`,
        also: size === 8 ? [] : [`${place} = {w:src}`],
      },
    ];
  });
}

function atomicRows(): OpcodeRow[] {
  return ([4, 8] as const).flatMap((size) => [
    ...ATOMIC_OPS.flatMap(([op, code, sign]) => [
      atomicRow(size, op, false, code, lockForms(size, sign)),
      atomicRow(size, op, true, code | C.BPF_FETCH, fetchForms(size, op)),
    ]),
    atomicRow(size, 'xchg', true, C.BPF_XCHG, xchgForms(size)),
    atomicRow(size, 'cmpxchg', true, C.BPF_CMPXCHG, cmpxchgForms(size)),
  ]);
}

type Forms = Pick<OpcodeRow, 'text' | 'llvm' | 'also'>;

function atomicRow(size: 4 | 8, op: AtomicOp, fetch: boolean, imm: number, forms: Forms): OpcodeRow {
  return {
    opcode: C.BPF_STX | C.BPF_ATOMIC | (size === 4 ? C.BPF_W : C.BPF_DW),
    fixed: { imm },
    uses: ['dst', 'src', 'offset'],
    insn: { kind: 'atomic', op, fetch, size, dst: 0, src: 0, offset: 0 },
    group: size === 4 ? 'atomic32' : 'atomic64',
    ...forms,
  };
}

// In the kernel's text every register of an atomic operation is an r, and 64-bit ones say so in their name; LLVM calls
// the registers of 32-bit operations w.
function lockForms(size: 4 | 8, sign: string): Forms {
  const text = `lock *(u${8 * size} *)({r:dst} {off}) ${sign}`;
  return { text: `${text} {r:src}`, ...(size === 4 ? { llvm: `${text} {w:src}` } : {}) };
}

function fetchForms(size: 4 | 8, op: string): Forms {
  const access = `(u${8 * size} *)({r:dst} {off})`;
  const v = size === 4 ? 'w' : 'r';
  return {
    text: `{r:src} = atomic${size === 8 ? '64' : ''}_fetch_${op}(${access}, {r:src})`,
    llvm: `{${v}:src} = atomic_fetch_${op}(${access}, {${v}:src})`,
  };
}

function xchgForms(size: 4 | 8): Forms {
  const v = size === 4 ? 'w' : 'r';
  return {
    text: `{r:src} = atomic${size === 8 ? '64' : ''}_xchg((u${8 * size} *)({r:dst} {off}), {r:src})`,
    llvm: `{${v}:src} = ${size === 8 ? 'xchg_64' : 'xchg32_32'}({r:dst} {off}, {${v}:src})`,
  };
}

function cmpxchgForms(size: 4 | 8): Forms {
  const v = size === 4 ? 'w' : 'r';
  return {
    text: `r0 = atomic${size === 8 ? '64' : ''}_cmpxchg((u${8 * size} *)({r:dst} {off}), r0, {r:src})`,
    llvm: `${v}0 = ${size === 8 ? 'cmpxchg_64' : 'cmpxchg32_32'}({r:dst} {off}, ${v}0, {${v}:src})`,
  };
}
