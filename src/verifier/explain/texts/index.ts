/**
 * The text of every rejection, by code: what it means and what to do about it. That none is missing, and none too much, the compiler checks.
 * The texts are bpflab's own; nothing of them is the kernel's.
 */
import type { RejectionCode } from '../../codes.ts';
import { CALL_TEXTS } from './calls.ts';
import { MEMORY_TEXTS } from './memory.ts';
import { POINTER_TEXTS } from './pointers.ts';
import { STRUCTURE_TEXTS } from './structure.ts';
import type { RejectionText, RejectionTexts } from './text.ts';

export { GENERAL_VALUES, type RejectionCase, type RejectionText, type RejectionTexts } from './text.ts';

/** All texts. */
export const REJECTION_TEXTS: Readonly<Record<RejectionCode, RejectionTexts>> = {
  ...STRUCTURE_TEXTS,
  ...POINTER_TEXTS,
  ...MEMORY_TEXTS,
  ...CALL_TEXTS,
};

/** Type information that is broken has codes of its own, those of BtfError. */
const BROKEN_BTF: RejectionText = {
  title: 'The type information is broken',
  meaning: 'The types that came with the program, or those of the kernel, cannot be read ({message}).',
  advice: ['Compile anew, or get the types anew (`bpftool btf dump`, /sys/kernel/btf/vmlinux).'],
};

/** Values by name. */
export type Values = Readonly<Record<string, string>>;

/**
 * The text for a failure: the first case that one of the log's lines fits (the last line first), else that of the code; with its values
 * filled in.
 */
export function textFor(code: string, lines: readonly string[], values: Values): RejectionText {
  const texts = Object.hasOwn(REJECTION_TEXTS, code) ? REJECTION_TEXTS[code as RejectionCode] : undefined;
  if (texts === undefined) return fillText(BROKEN_BTF, values);
  for (const one of texts.cases ?? []) {
    for (let i = lines.length - 1; i >= 0; i--) {
      const match = one.when.exec(lines[i]!);
      if (match !== null) return fillText(one, { ...values, ...match.groups });
    }
  }
  return fillText(texts, values);
}

function fillText(text: RejectionText, values: Values): RejectionText {
  const fill = (part: string): string => {
    const filled = part
      .replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
      .replace(/\b1 bytes\b/g, '1 byte');
    // Names of helpers stay as they are.
    return filled.startsWith('bpf_') ? filled : filled.charAt(0).toUpperCase() + filled.slice(1);
  };
  return { title: text.title, meaning: fill(text.meaning), advice: text.advice.map(fill) };
}
