/**
 * Filling the opcode table's text templates, once as the kernel's log writes operands and once as LLVM does. What a line
 * looks like around its text is disasm.ts.
 */
import { u64FromHalves } from '../base/int64.ts';
import { BPF_PSEUDO_FUNC } from './constants.ts';
import type { FieldValues } from './fields.ts';
import type { OpcodeRow } from './opcodes.ts';
import { type Placeholder, templateParts } from './template.ts';

/** Where the names in a disassembly come from; what is left out, or answers undefined, is printed as a number. */
export interface DisasmNames {
  /** Name of a helper: `bpf_map_lookup_elem` for 1. */
  readonly helper?: (id: number) => string | undefined;
  /** Name of a kernel function. */
  readonly kfunc?: (btfId: number, module: number) => string | undefined;
  /** What to print for a ld_imm64 in place of its number: a map's name, an address. `pseudo` is its src field. */
  readonly imm64?: (load: { slot: number; pseudo: number; lo: number; hi: number }) => string | undefined;
}

/** What filling a template needs beside the field values. */
export interface FormatContext {
  readonly slot: number;
  readonly names: DisasmNames;
  readonly hidePointers: boolean;
  /** Labels by slot, for LLVM syntax. */
  readonly labels: ReadonlyMap<number, string>;
}

/** The kernel's text of an instruction of this row, without the opcode in front. */
export function kernelText(row: OpcodeRow, values: FieldValues, context: FormatContext): string {
  return fill(row.text, (part) => kernelPart(part, values, context));
}

/** LLVM's text of an instruction of this row. */
export function llvmText(row: OpcodeRow, values: FieldValues, context: FormatContext): string {
  return fill(row.llvm ?? row.text, (part) => llvmPart(part, values, context));
}

/** A number with its sign always shown, as C's %+d. */
export function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`;
}

function fill(template: string, format: (part: Placeholder) => string): string {
  let text = '';
  for (const part of templateParts(template)) text += typeof part === 'string' ? part : format(part);
  return text;
}

function kernelPart(part: Placeholder, values: FieldValues, context: FormatContext): string {
  switch (part.kind) {
    case 'ximm':
      return `0x${(values.imm >>> 0).toString(16)}`;
    case 'imm64':
      return kernelImm64(values, context);
    case 'off':
      return signed(values.offset);
    case 'pc':
      return `pc${signed(values[part.field])}`;
    case 'sub':
      return `pc${signed(values.imm)}`;
    case 'helper':
      return `${context.names.helper?.(values.imm) ?? 'unknown'}#${values.imm}`;
    case 'kfunc':
      return `${context.names.kfunc?.(values.imm, values.offset) ?? 'kernel-function'}#${values.imm}`;
    default:
      return plainPart(part, values);
  }
}

function llvmPart(part: Placeholder, values: FieldValues, context: FormatContext): string {
  switch (part.kind) {
    case 'ximm':
      return `${values.imm}`;
    case 'imm64':
      return imm64Name(values, context) ?? hex64(values.imm, values.hi);
    case 'off':
      return values.offset < 0 ? `- ${-values.offset}` : `+ ${values.offset}`;
    case 'pc':
      return context.labels.get(context.slot + 1 + values[part.field]) ?? signed(values[part.field]);
    case 'sub':
      return context.labels.get(context.slot + 1 + values.imm) ?? `pc${signed(values.imm)}`;
    case 'helper':
      return context.names.helper?.(values.imm) ?? `${values.imm}`;
    case 'kfunc':
      return context.names.kfunc?.(values.imm, values.offset) ?? kfuncId(values);
    default:
      return plainPart(part, values);
  }
}

/** Placeholders that both syntaxes write alike. */
function plainPart(
  part: Extract<Placeholder, { kind: 'r' | 'w' | 'imm' | 'uimm' | 'hi' | 'hi16' | 'lo16' }>,
  values: FieldValues,
): string {
  switch (part.kind) {
    case 'r':
    case 'w':
      return `${part.kind}${values[part.field]}`;
    case 'imm':
      return `${values.imm}`;
    case 'uimm':
      return `${values.imm >>> 0}`;
    case 'hi':
      return `${values.hi >>> 0}`;
    case 'hi16':
      return `${values.imm >>> 16}`;
    case 'lo16':
      return `${values.imm & 0xffff}`;
  }
}

function kernelImm64(values: FieldValues, context: FormatContext): string {
  const isPointer = values.src !== 0 && values.src !== BPF_PSEUDO_FUNC;
  if (context.hidePointers && isPointer) return '0x0';
  return imm64Name(values, context) ?? hex64(values.imm, values.hi);
}

function imm64Name(values: FieldValues, { names, slot }: FormatContext): string | undefined {
  return names.imm64?.({ slot, pseudo: values.src, lo: values.imm, hi: values.hi });
}

function hex64(lo: number, hi: number): string {
  return `0x${u64FromHalves(lo, hi).toString(16)}`;
}

function kfuncId(values: FieldValues): string {
  const module = values.offset === 0 ? '' : `,module:${values.offset}`;
  return `kfunc[id:${values.imm}${module}]`;
}
