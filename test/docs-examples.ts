/** The examples of a document: programs in assembly with their logs, and commands with what they print. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './fixtures.ts';

export interface AssemblyExample {
  readonly program: string;
  readonly shown: string;
}

export interface CommandExample {
  /** Arguments behind `npx bpflab`. */
  readonly args: readonly string[];
  /** The lines that are shown; `…` stands for lines that are left out. */
  readonly shown: readonly string[];
}

function read(document: string): string {
  return readFileSync(join(ROOT, document), 'utf8');
}

/** Blocks `asm`, each with the block `text` behind it. */
export function assemblyExamples(document: string): AssemblyExample[] {
  return [...read(document).matchAll(/```asm\n(.*?)\n```\n\n```text\n(.*?)\n```/gs)].map((match) => ({
    program: match[1]!,
    shown: match[2]!,
  }));
}

/** Blocks `console`, which begin with a command; `\` at the end of a line continues it. */
export function commandExamples(document: string): CommandExample[] {
  const blocks = read(document).matchAll(/```console\n\$ npx bpflab ((?:[^\n]*\\\n)*[^\n]*)\n(.*?)\n```/gs);
  return [...blocks].map((match) => ({
    args: match[1]!.split(/[\s\\]+/),
    shown: match[2]!.split('\n'),
  }));
}
