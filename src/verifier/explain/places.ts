/** Instructions as people read them: with names for maps, helpers and functions, and their source lines. */
import type { LineInfo } from '../../btf/index.ts';
import { disassembleInsn } from '../../isa/index.ts';
import { helperText } from '../call/prototype.ts';
import type { VerifierInput } from '../input.ts';
import { LD_IMM64, PSEUDO_CALL, PSEUDO_FUNC, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../program.ts';
import type { CodePlace, SourcePlace } from './types.ts';

/** Describes the instructions of one program. */
export class Places {
  private readonly input: VerifierInput;
  private readonly functionNames: ReadonlyMap<number, string>;

  constructor(input: VerifierInput) {
    this.input = input;
    const { btf, functions = [] } = input;
    this.functionNames = new Map(functions.map(({ insn, typeId }) => [insn, btf?.nameOf(typeId) ?? '']));
  }

  at(insn: number): CodePlace {
    const source = this.sourceAt(insn);
    return { insn, text: this.textAt(insn), ...(source === undefined ? {} : { source }) };
  }

  /** Whether the program has this instruction. */
  has(insn: number): boolean {
    return insn >= 0 && insn < this.input.insns.length;
  }

  /** Name of the function that starts at an instruction; undefined without BTF. */
  functionAt(insn: number): string | undefined {
    const name = this.functionNames.get(insn);
    return name === '' ? undefined : name;
  }

  private textAt(insn: number): string {
    const { insns } = this.input;
    const raw = insns[insn];
    if (raw === undefined) return '';
    if (raw.opcode === 0x85 && raw.src === PSEUDO_CALL) {
      const name = this.functionAt(insn + raw.imm + 1);
      if (name !== undefined) return `call ${name}`;
    }
    const text = disassembleInsn(insns, insn, {
      names: { helper: helperText, imm64: ({ slot }) => this.addressName(slot) },
    });
    // The opcode in front says nothing to people.
    return text.replace(/^\([0-9a-f]{2}\) /, '');
  }

  /** What a ld_imm64 names. */
  private addressName(slot: number): string | undefined {
    const raw = this.input.insns[slot];
    if (raw?.opcode !== LD_IMM64) return undefined;
    if (raw.src === PSEUDO_FUNC) return this.functionAt(slot + raw.imm + 1);
    if (raw.src !== PSEUDO_MAP_FD && raw.src !== PSEUDO_MAP_VALUE) return undefined;
    const name = this.input.maps.get(raw.imm)?.name;
    if (name === undefined || name === '') return undefined;
    const offset = this.input.insns[slot + 1]?.imm ?? 0;
    return raw.src === PSEUDO_MAP_FD ? `map ${name}` : `value of ${name}${offset === 0 ? '' : `+${offset}`}`;
  }

  private sourceAt(insn: number): SourcePlace | undefined {
    const line = lineAt(this.input.lines ?? [], insn);
    if (line === undefined) return undefined;
    return { file: line.file, line: line.line, column: line.column, text: line.text.trim() };
  }
}

/** The last record at or before an instruction; records are sorted. */
function lineAt(lines: readonly LineInfo[], insn: number): LineInfo | undefined {
  let low = 0;
  let high = lines.length - 1;
  let found: LineInfo | undefined;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.insn <= insn) {
      found = lines[middle];
      low = middle + 1;
    } else high = middle - 1;
  }
  return found;
}
