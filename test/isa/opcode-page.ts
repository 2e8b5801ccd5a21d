/**
 * docs/instructions.md, made from the opcode table, so that the page cannot say what the code does not do.
 */
import { hexByte } from '../../src/isa/hex.ts';
import type { InsnKind } from '../../src/isa/insn.ts';
import { type Field, OPCODES, type OpcodeRow } from '../../src/isa/opcodes.ts';
import { type Placeholder, templateParts } from '../../src/isa/template.ts';

const INTRO = `# Instructions

This page is made from the opcode table in \`src/isa/opcodes.ts\`; a test holds it to that. \`BLESS=1 npx vitest run test/isa\`
writes it anew.

An instruction is 8 bytes: opcode, registers (dst in the low half of the byte, src in the high half; the other way round in
big-endian objects), a signed 16-bit offset, a signed 32-bit imm. ld_imm64 alone takes two such slots; the second holds the
high half in its imm and is empty otherwise. A field that a row does not name is reserved and must be 0. (Linux 6.12 does not
look at two of these: the offset of exit, and the second imm of a pointer to a function.)

In the texts, D and S are the numbers in dst and src. Distances count slots from the next instruction. Where LLVM's column is
empty, its text differs at most in number format and spacing: the log writes \`*(u8 *)(r1 +4)\`, \`pc+3\` and a condition's
number in hexadecimal, LLVM \`*(u8 *)(r1 + 4)\`, \`+3\` and all numbers in decimal. The assembler reads all of them.

The group is RFC 9669's; \`kernel\` marks what Linux adds, \`llvm\` what compilers emit but Linux 6.12 rejects as unknown.
`;

const TITLES: Readonly<Record<InsnKind, string>> = {
  alu: 'Arithmetic',
  neg: 'Negation',
  movsx: 'Sign-extending moves',
  endian: 'Byte order',
  'addr-space-cast': 'Casts between address spaces',
  'ld-imm64': '64-bit immediates, maps and functions',
  'ld-packet': 'Legacy packet access',
  load: 'Loads',
  store: 'Stores',
  atomic: 'Atomic operations',
  ja: 'Jumps',
  jmp: 'Conditional jumps',
  'may-goto': 'Bounded loops',
  'call-helper': 'Helper calls',
  'call-subprog': 'Calls of program functions',
  'call-kfunc': 'Calls of kernel functions',
  callx: 'Indirect calls',
  exit: 'Exit',
};

/** The whole page docs/instructions.md. */
export function renderOpcodeTable(): string {
  const kinds = [...new Set(OPCODES.map((row) => row.insn.kind))];
  const sections = kinds.map((kind) => section(kind));
  return `${INTRO}\n${sections.join('\n')}`;
}

function section(kind: InsnKind): string {
  const rows = OPCODES.filter((row) => row.insn.kind === kind);
  const head =
    '| opcode | selected by | operands | verifier log | LLVM | also read | group |\n|---|---|---|---|---|---|---|\n';
  return `## ${TITLES[kind]}\n\n${head}${rows.map(tableLine).join('')}`;
}

function tableLine(row: OpcodeRow): string {
  const selected = (Object.entries(row.fixed) as [Field, number][]).map(
    ([field, value]) => `${field} = ${field === 'imm' && value > 64 ? `0x${value.toString(16)}` : value}`,
  );
  const cells = [
    `0x${hexByte(row.opcode)}`,
    selected.join(', '),
    row.uses.join(', '),
    code(row.text),
    row.llvm === undefined ? '' : code(row.llvm),
    (row.also ?? []).map(code).join(', '),
    row.group,
  ];
  return `| ${cells.join(' | ')} |\n`;
}

/** A template as a person reads it. A vertical bar would end the table's cell. */
function code(template: string): string {
  const text = templateParts(template).map((part) => (typeof part === 'string' ? part : operand(part)));
  return `\`${text.join('').replaceAll('|', '\\|')}\``;
}

function operand(part: Placeholder): string {
  switch (part.kind) {
    case 'r':
    case 'w':
      return part.kind + (part.field === 'dst' ? 'D' : 'S');
    case 'pc':
      return part.field === 'imm' ? 'pc+imm' : 'pc+offset';
    case 'sub':
      return 'pc+imm';
    case 'off':
      return '+offset';
    case 'imm':
    case 'ximm':
    case 'uimm':
      return 'imm';
    case 'imm64':
      return 'imm64';
    case 'hi':
      return 'imm2';
    case 'hi16':
      return 'imm>>16';
    case 'lo16':
      return 'imm&0xffff';
    case 'helper':
      return 'name#imm';
    case 'kfunc':
      return 'name#imm';
  }
}
