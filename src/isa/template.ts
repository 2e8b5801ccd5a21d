/**
 * The text templates of the opcode table: literal text and placeholders in braces, of which the disassembler makes text
 * (disasm.ts) and the assembler its grammar (asm/grammar.ts).
 *
 * | placeholder | stands for |
 * |---|---|
 * | `{r:F}` `{w:F}` | the 64-bit (32-bit) register that field F names; twice the same: the same register |
 * | `{imm}` `{ximm}` | imm, signed; imm of a condition, which the kernel prints as unsigned hexadecimal |
 * | `{uimm}` `{hi}` | imm and the second slot's imm, unsigned |
 * | `{imm64}` | the 64-bit immediate of both slots, or a name for it |
 * | `{hi16}` `{lo16}` | the halves of imm, unsigned |
 * | `{off}` | offset with its sign |
 * | `{pc:F}` `{sub}` | a jump target in field F, a function in imm; relative to the next slot |
 * | `{helper}` `{kfunc}` | a helper by id, a kernel function by BTF id and module |
 */
import type { Field } from './opcodes.ts';

/** A placeholder's name, and the field where the template names it. */
export type Placeholder =
  | { readonly kind: 'r' | 'w'; readonly field: 'dst' | 'src' }
  | { readonly kind: 'pc'; readonly field: 'offset' | 'imm' }
  | SimplePlaceholder;

type SimplePlaceholder = { [K in (typeof SIMPLE)[number]]: { readonly kind: K } }[(typeof SIMPLE)[number]];

/** A piece of a template. */
export type TemplatePart = string | Placeholder;

const SIMPLE = [
  'imm',
  'ximm',
  'uimm',
  'hi',
  'imm64',
  'hi16',
  'lo16',
  'off',
  'sub',
  'helper',
  'kfunc',
] as const;

const parsed = new Map<string, readonly TemplatePart[]>();

/** The pieces of a template, parsed once. */
export function templateParts(template: string): readonly TemplatePart[] {
  const known = parsed.get(template);
  if (known !== undefined) return known;
  const parts = template
    .split(/(\{[^}]*\})/)
    .filter((piece) => piece !== '')
    .map((piece) => (piece.startsWith('{') ? placeholder(piece.slice(1, -1)) : piece));
  parsed.set(template, parts);
  return parts;
}

function placeholder(inner: string): Placeholder {
  const [kind, field] = inner.split(':') as [string, Field | undefined];
  if ((kind === 'r' || kind === 'w') && (field === 'dst' || field === 'src')) return { kind, field };
  if (kind === 'pc' && (field === 'offset' || field === 'imm')) return { kind, field };
  const simple = SIMPLE.find((name) => name === kind);
  if (simple === undefined || field !== undefined) throw new Error(`no such placeholder: {${inner}}`);
  return { kind: simple };
}
