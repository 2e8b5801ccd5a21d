/**
 * The disassembler. Two syntaxes: the kernel's, character for character what the verifier log prints for any instruction it
 * can meet, malformed ones too (kernel/bpf/disasm.c); and LLVM's, which the assembler reads back to the same slots.
 * Names of helpers, kernel functions and maps come through callbacks: this folder knows none.
 */
import { IsaError } from '../base/errors.ts';
import { BPF_ALU, BPF_ALU64, BPF_MAY_GOTO, BPF_MOV, BPF_PSEUDO_KFUNC_CALL, BPF_X } from './constants.ts';
import { decodeInsn, findRow } from './decode.ts';
import type { FieldValues } from './fields.ts';
import { type DisasmNames, type FormatContext, kernelText, llvmText, signed } from './format.ts';
import { hexByte } from './hex.ts';
import type { Insn, RawInsn } from './insn.ts';
import { LD_IMM64_OPCODE, type OpcodeRow, rowsOf } from './opcodes.ts';
import { rawToBytes } from './raw.ts';

/** How instructions are written. */
export interface DisasmOptions {
  /** `kernel` (default): `(b7) r0 = 1`; `llvm`: `r0 = 1`. */
  readonly syntax?: 'kernel' | 'llvm';
  readonly names?: DisasmNames;
  /** Kernel syntax: print map and BTF pointers as 0x0, as the log of an unprivileged load does. */
  readonly hidePointers?: boolean;
  /** LLVM syntax: labels (`L5`, or the names given by slot) at what is jumped to or called, instead of distances. */
  readonly labels?: boolean | ReadonlyMap<number, string>;
}

/** How a listing is written. */
export interface ListingOptions extends DisasmOptions {
  /** Put the slot number in front, `5: `; default true in kernel syntax, false in LLVM's. */
  readonly slots?: boolean;
  /** Put the bytes (little-endian, as in memory) in front; a listing for people, which the assembler does not read. */
  readonly bytes?: boolean;
}

/** One instruction of a disassembly. */
export interface DisasmLine {
  readonly slot: number;
  /** Slots that it takes. */
  readonly slots: 1 | 2;
  readonly text: string;
  /** Label at this slot, when asked for. */
  readonly label?: string;
}

type Labels = ReadonlyMap<number, string>;
const NO_LABELS: Labels = new Map();

/**
 * The text of the instruction at `slot`, in kernel syntax with its opcode: `(bf) r6 = r1`. Never fails: what is no
 * instruction prints as the kernel prints it, or in LLVM syntax as `.8byte`.
 */
export function disassembleInsn(raws: readonly RawInsn[], slot: number, options: DisasmOptions = {}): string {
  return lineAt(raws, slot, options, NO_LABELS).text;
}

/** Disassembles a program to one entry an instruction. */
export function disassembleLines(raws: readonly RawInsn[], options: DisasmOptions = {}): DisasmLine[] {
  const labels = labelsOf(raws, options);
  const lines: DisasmLine[] = [];
  for (let slot = 0; slot < raws.length; ) {
    const line = lineAt(raws, slot, options, labels);
    const label = labels.get(slot);
    lines.push(label === undefined ? line : { ...line, label });
    slot += line.slots;
  }
  return lines;
}

/** Disassembles a program to text: one line an instruction, and one a label, each ending in a newline. */
export function disassemble(raws: readonly RawInsn[], options: ListingOptions = {}): string {
  const lines = disassembleLines(raws, options);
  const numbers = options.slots ?? options.syntax !== 'llvm';
  const indent = lines.some((line) => line.label !== undefined) ? '  ' : '';
  const byteColumns = lines.some((line) => line.slots === 2) ? 47 : 23;
  let out = '';
  for (const { slot, slots, text, label } of lines) {
    if (label !== undefined) out += `${label}:\n`;
    out += indent;
    if (numbers) out += `${slot}: `;
    if (options.bytes === true) out += `${hexOf(raws.slice(slot, slot + slots)).padEnd(byteColumns)}  `;
    out += `${text}\n`;
  }
  return out;
}

function lineAt(raws: readonly RawInsn[], slot: number, options: DisasmOptions, labels: Labels): DisasmLine {
  const raw = raws[slot];
  if (raw === undefined) throw new IsaError('no-such-slot', `there is no slot ${slot}`, { insn: slot });
  const values: FieldValues = {
    dst: raw.dst,
    src: raw.src,
    offset: raw.offset,
    imm: raw.imm,
    hi: raws[slot + 1]?.imm ?? 0,
  };
  const context: FormatContext = {
    slot,
    names: options.names ?? {},
    hidePointers: options.hidePointers ?? false,
    labels,
  };
  const wide = raw.opcode === LD_IMM64_OPCODE && slot + 1 < raws.length;
  if (options.syntax !== 'llvm') {
    return { slot, slots: wide ? 2 : 1, text: kernelLine(raw, values, context) };
  }
  const row = decodes(raws, slot) === undefined ? undefined : findRow(raw);
  if (row === undefined) return { slot, slots: 1, text: dataLine(raw) };
  return { slot, slots: wide ? 2 : 1, text: llvmText(row, values, context) };
}

function decodes(raws: readonly RawInsn[], slot: number): Insn | undefined {
  try {
    return decodeInsn(raws, slot);
  } catch (error) {
    if (error instanceof IsaError) return undefined;
    throw error;
  }
}

function kernelLine(raw: RawInsn, values: FieldValues, context: FormatContext): string {
  const row = findRow(raw) ?? defaultRow(raw.opcode);
  const text = malformedText(raw) ?? (row === undefined ? undefined : kernelText(row, values, context));
  return text === undefined ? bugLine(raw.opcode) : `(${hexByte(raw.opcode)}) ${text}`;
}

/** The row that the kernel's text goes by when a selecting field holds nonsense: the variant of the value zero. */
function defaultRow(opcode: number): OpcodeRow | undefined {
  return rowsOf(opcode).find(({ fixed }) => fixed.src === 0 || fixed.offset === 0);
}

/**
 * The kernel's text of instructions that it prints just before it rejects them, and that no row's template gives. A
 * conditional jump of an unknown condition prints the C library's word for a null string.
 */
function malformedText(raw: RawInsn): string | undefined {
  const proto = rowsOf(raw.opcode)[0]?.insn;
  if (proto?.kind === 'endian' && findRow(raw) === undefined) {
    return `r${raw.dst} = ${proto.op === 'swap' ? 'bswap' : proto.op}${raw.imm} r${raw.dst}`;
  }
  if (raw.opcode === (BPF_ALU | BPF_MOV | BPF_X) && raw.offset === 32) {
    return `w${raw.dst} = (s32)w${raw.src}`;
  }
  // The kernel's own move to a per-CPU address, which no program may hold.
  if (raw.opcode === (BPF_ALU64 | BPF_MOV | BPF_X) && raw.offset === -1) {
    return `r${raw.dst} = &(void __percpu *)(r${raw.src})`;
  }
  if (proto?.kind === 'call-helper' && raw.src > BPF_PSEUDO_KFUNC_CALL) return `call unknown#${raw.imm}`;
  if (proto?.kind === 'may-goto' && raw.src !== BPF_MAY_GOTO) {
    return `if r${raw.dst} (null) 0x${(raw.imm >>> 0).toString(16)} goto pc${signed(raw.offset)}`;
  }
  return undefined;
}

/** What the kernel prints for opcodes, and atomic operations, that it cannot name; its own prefix tells the class. */
function bugLine(opcode: number): string {
  const byte = hexByte(opcode);
  switch (opcode & 7) {
    case 0:
      return `BUG_ld_${byte}`;
    case 1:
      return `BUG_ldx_${byte}`;
    case 2:
      return `BUG_st_${byte}`;
    case 3:
      return `BUG_${byte}`;
    default:
      return `(${byte}) unknown opcode`;
  }
}

/** A slot that is no instruction, as data that assembles to it. */
function dataLine(raw: RawInsn): string {
  const bytes = rawToBytes([raw], 'little');
  const value = new DataView(bytes.buffer).getBigUint64(0, true);
  return `.8byte 0x${value.toString(16).padStart(16, '0')}`;
}

function labelsOf(raws: readonly RawInsn[], { syntax, labels }: DisasmOptions): Labels {
  if (syntax !== 'llvm' || labels === undefined || labels === false) return NO_LABELS;
  const given = labels === true ? NO_LABELS : labels;
  const starts = new Set<number>();
  const targets = new Set<number>();
  for (let slot = 0; slot < raws.length; ) {
    starts.add(slot);
    const insn = decodes(raws, slot);
    const distance = insn === undefined ? undefined : distanceOf(insn);
    if (distance !== undefined) targets.add(slot + 1 + distance);
    slot += insn?.kind === 'ld-imm64' ? 2 : 1;
  }
  const all = new Map<number, string>();
  for (const slot of starts) {
    const label = given.get(slot) ?? (targets.has(slot) ? `L${slot}` : undefined);
    if (label !== undefined) all.set(slot, label);
  }
  return all;
}

/** Slots from the next one to where an instruction jumps, calls or points; undefined when it does none of these. */
function distanceOf(insn: Insn): number | undefined {
  switch (insn.kind) {
    case 'ja':
    case 'jmp':
    case 'may-goto':
    case 'call-subprog':
      return insn.offset;
    case 'ld-imm64':
      return insn.pseudo === 'func' ? insn.lo : undefined;
    default:
      return undefined;
  }
}

function hexOf(raws: readonly RawInsn[]): string {
  return Array.from(rawToBytes(raws, 'little'), hexByte).join(' ');
}
