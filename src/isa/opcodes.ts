/**
 * THE opcode table: one row for each opcode byte and each variant that a field selects. Decoding, encoding, disassembly,
 * the assembler's grammar and docs/instructions.md are made from these rows; nothing else knows an instruction's layout.
 * Sources: RFC 9669 and, for the kernel's own additions and reserved fields, kernel/bpf/core.c (BPF_INSN_MAP,
 * bpf_opcode_in_insntable) and kernel/bpf/verifier.c of Linux 6.12. The text forms are those of kernel/bpf/disasm.c.
 */
import * as C from './constants.ts';
import type { AccessSize, AluOp, AtomicOp, Insn, JmpOp, LdImm64Kind, Width } from './insn.ts';

/** A field of struct bpf_insn beside the opcode. */
export type Field = 'dst' | 'src' | 'offset' | 'imm';

/** RFC 9669 section 2.4, and `kernel` and `llvm` for what only the kernel or only the compiler knows. */
export type ConformanceGroup =
  | 'base32'
  | 'base64'
  | 'divmul32'
  | 'divmul64'
  | 'atomic32'
  | 'atomic64'
  | 'packet'
  | 'kernel'
  | 'llvm';

/**
 * One variant of one opcode. The text templates hold placeholders in braces, which template.ts explains. A field that is
 * neither in `uses` nor in `fixed` is reserved and must be zero.
 */
export interface OpcodeRow {
  readonly opcode: number;
  /** The field value that tells this row from the opcode's other rows; at most one field. */
  readonly fixed: Readonly<Partial<Record<Field, number>>>;
  /** Fields that carry operands. */
  readonly uses: readonly Field[];
  /** The instruction with all its operands zero. */
  readonly insn: Insn;
  readonly group: ConformanceGroup;
  /** Form of the kernel's verifier log, without the opcode in front. */
  readonly text: string;
  /** LLVM's form where it differs by more than number format and spacing. */
  readonly llvm?: string;
  /** Forms that the assembler reads besides. */
  readonly also?: readonly string[];
}

const REG = { kind: 'reg', reg: 0 } as const;
const IMM = { kind: 'imm', imm: 0 } as const;

type AluEntry = readonly [op: AluOp, code: number, sign: string, offset?: number];

/** Division and modulo are unsigned or signed by the offset field. */
const ALU_OPS: readonly AluEntry[] = [
  ['add', C.BPF_ADD, '+='],
  ['sub', C.BPF_SUB, '-='],
  ['mul', C.BPF_MUL, '*='],
  ['div', C.BPF_DIV, '/=', 0],
  ['sdiv', C.BPF_DIV, 's/=', 1],
  ['or', C.BPF_OR, '|='],
  ['and', C.BPF_AND, '&='],
  ['lsh', C.BPF_LSH, '<<='],
  ['rsh', C.BPF_RSH, '>>='],
  ['mod', C.BPF_MOD, '%=', 0],
  ['smod', C.BPF_MOD, 's%=', 1],
  ['xor', C.BPF_XOR, '^='],
  ['mov', C.BPF_MOV, '='],
  ['arsh', C.BPF_ARSH, 's>>='],
];

const JMP_OPS: readonly (readonly [op: JmpOp, code: number, sign: string])[] = [
  ['eq', C.BPF_JEQ, '=='],
  ['gt', C.BPF_JGT, '>'],
  ['ge', C.BPF_JGE, '>='],
  ['set', C.BPF_JSET, '&'],
  ['ne', C.BPF_JNE, '!='],
  ['sgt', C.BPF_JSGT, 's>'],
  ['sge', C.BPF_JSGE, 's>='],
  ['lt', C.BPF_JLT, '<'],
  ['le', C.BPF_JLE, '<='],
  ['slt', C.BPF_JSLT, 's<'],
  ['sle', C.BPF_JSLE, 's<='],
];

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

const WIDTHS: readonly Width[] = [32, 64];

/** Register letter of a width. */
function letter(width: Width): 'w' | 'r' {
  return width === 32 ? 'w' : 'r';
}

function aluRows(): OpcodeRow[] {
  return WIDTHS.flatMap((width) => ALU_OPS.flatMap((entry) => aluPair(width, entry)));
}

function aluPair(width: Width, [op, code, sign, offset]: AluEntry): OpcodeRow[] {
  const r = letter(width);
  const base = (width === 32 ? C.BPF_ALU : C.BPF_ALU64) | code;
  const divmul = code === C.BPF_MUL || code === C.BPF_DIV || code === C.BPF_MOD;
  const group: ConformanceGroup = `${divmul ? 'divmul' : 'base'}${width}`;
  // A register move is told from its sign-extending kin by its offset, as division from signed division.
  const byOffset = offset === undefined ? {} : { offset };
  return [
    {
      opcode: base | C.BPF_K,
      fixed: byOffset,
      uses: ['dst', 'imm'],
      insn: { kind: 'alu', op, width, dst: 0, operand: IMM },
      group,
      text: `{${r}:dst} ${sign} {imm}`,
    },
    {
      opcode: base | C.BPF_X,
      fixed: op === 'mov' ? { offset: 0 } : byOffset,
      uses: ['dst', 'src'],
      insn: { kind: 'alu', op, width, dst: 0, operand: REG },
      group,
      text: `{${r}:dst} ${sign} {${r}:src}`,
    },
  ];
}

function movsxRows(): OpcodeRow[] {
  const forms = [
    [32, 8],
    [32, 16],
    [64, 8],
    [64, 16],
    [64, 32],
  ] as const;
  return forms.map(([width, bits]) => ({
    opcode: (width === 32 ? C.BPF_ALU : C.BPF_ALU64) | C.BPF_MOV | C.BPF_X,
    fixed: { offset: bits },
    uses: ['dst', 'src'],
    insn: { kind: 'movsx', width, bits, dst: 0, src: 0 },
    group: `base${width}`,
    text: `{${letter(width)}:dst} = (s${bits}){${letter(width)}:src}`,
  }));
}

function unaryRows(): OpcodeRow[] {
  const neg = WIDTHS.map(
    (width): OpcodeRow => ({
      opcode: (width === 32 ? C.BPF_ALU : C.BPF_ALU64) | C.BPF_NEG,
      fixed: {},
      uses: ['dst'],
      insn: { kind: 'neg', width, dst: 0 },
      group: `base${width}`,
      text: `{${letter(width)}:dst} = -{${letter(width)}:dst}`,
    }),
  );
  const orders = [
    ['le', C.BPF_ALU | C.BPF_END | C.BPF_TO_LE, 'le'],
    ['be', C.BPF_ALU | C.BPF_END | C.BPF_TO_BE, 'be'],
    ['swap', C.BPF_ALU64 | C.BPF_END | C.BPF_TO_LE, 'bswap'],
  ] as const;
  const endian = orders.flatMap(([op, opcode, word]) =>
    ([16, 32, 64] as const).map(
      (bits): OpcodeRow => ({
        opcode,
        fixed: { imm: bits },
        uses: ['dst'],
        insn: { kind: 'endian', op, bits, dst: 0 },
        group: bits === 64 ? 'base64' : 'base32',
        text: `{r:dst} = ${word}${bits} {r:dst}`,
      }),
    ),
  );
  const cast: OpcodeRow = {
    opcode: C.BPF_ALU64 | C.BPF_MOV | C.BPF_X,
    fixed: { offset: C.BPF_ADDR_SPACE_CAST },
    uses: ['dst', 'src', 'imm'],
    insn: { kind: 'addr-space-cast', dst: 0, src: 0, imm: 0 },
    group: 'kernel',
    text: '{r:dst} = addr_space_cast({r:src}, {hi16}, {lo16})',
  };
  return [...neg, ...endian, cast];
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

function conditionRows(): OpcodeRow[] {
  return WIDTHS.flatMap((width) =>
    JMP_OPS.flatMap(([op, code, sign]): OpcodeRow[] => {
      const r = letter(width);
      const base = (width === 32 ? C.BPF_JMP32 : C.BPF_JMP) | code;
      return [
        {
          opcode: base | C.BPF_K,
          fixed: {},
          uses: ['dst', 'offset', 'imm'],
          insn: { kind: 'jmp', op, width, dst: 0, operand: IMM, offset: 0 },
          group: `base${width}`,
          text: `if {${r}:dst} ${sign} {ximm} goto {pc:offset}`,
        },
        {
          opcode: base | C.BPF_X,
          fixed: {},
          uses: ['dst', 'src', 'offset'],
          insn: { kind: 'jmp', op, width, dst: 0, operand: REG, offset: 0 },
          group: `base${width}`,
          text: `if {${r}:dst} ${sign} {${r}:src} goto {pc:offset}`,
        },
      ];
    }),
  );
}

const JUMP_ROWS: readonly OpcodeRow[] = [
  {
    opcode: C.BPF_JMP | C.BPF_JA,
    fixed: {},
    uses: ['offset'],
    insn: { kind: 'ja', offset: 0, long: false },
    group: 'base32',
    text: 'goto {pc:offset}',
  },
  {
    opcode: C.BPF_JMP32 | C.BPF_JA,
    fixed: {},
    uses: ['imm'],
    insn: { kind: 'ja', offset: 0, long: true },
    group: 'base32',
    text: 'gotol {pc:imm}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_JCOND,
    fixed: {},
    uses: ['offset'],
    insn: { kind: 'may-goto', offset: 0 },
    group: 'kernel',
    text: 'may_goto {pc:offset}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL,
    fixed: { src: 0 },
    uses: ['imm'],
    insn: { kind: 'call-helper', id: 0 },
    group: 'base32',
    text: 'call {helper}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL,
    fixed: { src: C.BPF_PSEUDO_CALL },
    uses: ['imm'],
    insn: { kind: 'call-subprog', offset: 0 },
    group: 'base32',
    text: 'call {sub}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL,
    fixed: { src: C.BPF_PSEUDO_KFUNC_CALL },
    uses: ['offset', 'imm'],
    insn: { kind: 'call-kfunc', btfId: 0, module: 0 },
    group: 'base32',
    text: 'call {kfunc}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_CALL | C.BPF_X,
    fixed: {},
    uses: ['dst'],
    insn: { kind: 'callx', reg: 0 },
    group: 'llvm',
    text: 'callx {r:dst}',
  },
  {
    opcode: C.BPF_JMP | C.BPF_EXIT,
    fixed: {},
    uses: [],
    insn: { kind: 'exit' },
    group: 'base32',
    text: 'exit',
  },
];

/** Every instruction there is, grouped by kind. */
export const OPCODES: readonly OpcodeRow[] = [
  ...aluRows(),
  ...movsxRows(),
  ...unaryRows(),
  ...ldImm64Rows(),
  ...packetRows(),
  ...loadRows(),
  ...storeRows(),
  ...atomicRows(),
  ...JUMP_ROWS,
  ...conditionRows(),
];

/** The opcode of the first slot of a ld_imm64, the one instruction of two slots. */
export const LD_IMM64_OPCODE = C.BPF_LD | C.BPF_IMM | C.BPF_DW;

const byOpcode: readonly OpcodeRow[][] = Array.from({ length: 256 }, () => []);
for (const row of OPCODES) byOpcode[row.opcode]?.push(row);

/** The rows of an opcode byte: empty when unknown, several when a field selects a variant. */
export function rowsOf(opcode: number): readonly OpcodeRow[] {
  return byOpcode[opcode] ?? [];
}

/**
 * Whether Linux 6.12 knows the opcode byte (bpf_opcode_in_insntable in kernel/bpf/core.c). Otherwise its verifier says
 * `unknown opcode %02x`; the only opcode decoded here that it lacks is callx.
 */
export function isKernelOpcode(opcode: number): boolean {
  return rowsOf(opcode).some((row) => row.group !== 'llvm');
}
