/** docs/how-it-works.md shows one program as eBPF and as WebAssembly: the one assembles, and is what the other is compiled from. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assembleProgram, decodeProgram, disassembleInsn, encodeInsn } from '../src/isa/index.ts';
import type { PreparedProgram } from '../src/vm/index.ts';
import { JitEngine, Memory } from '../src/vm/index.ts';
import { compile } from '../src/vm/jit/compile.ts';
import { ROOT } from './fixtures.ts';
import { functionWords } from './wasm-text.ts';

const page = readFileSync(join(ROOT, 'docs/how-it-works.md'), 'utf8');

function block(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\\n\`\`\``, 's').exec(page)?.[1];
  if (found === undefined) throw new Error(`the page has no block of ${language}`);
  return found;
}

const listing = /```\n(0: .*?)\n```/s.exec(page)![1]!.split('\n');
const text = listing.map((line) => line.replace(/^\d+: \(..\) /, '').replace('goto pc', 'goto ')).join('\n');
const program: PreparedProgram = {
  name: 'sum',
  insns: decodeProgram(assembleProgram(text).raws),
  subprogs: [0],
  subprogNames: ['sum'],
};

describe('docs/how-it-works.md', () => {
  it('lists its program as it is disassembled', () => {
    expect(listing).toEqual(
      program.insns.map((insn, slot) => `${slot}: ${disassembleInsn(encodeInsn(insn!), 0)}`),
    );
  });

  it('shows the WebAssembly that the compiler writes', () => {
    const helpers = { entries: [], high: 0 };
    const options = { checked: false, instalment: undefined, control: 0 };
    const { bytes, positions } = compile(program, helpers, options);
    const [, ...lines] = block('wat').split('\n');
    const shown = lines.join('\n').replaceAll(/;;.*/g, '').replace(/\)$/, '').trim().split(/\s+/);
    expect(shown).toEqual(functionWords(bytes, positions.starts[0]!));
  });

  it('shows a program that does what its C says', () => {
    const memory = new Memory();
    const packet = memory.allocate({ size: 4, kind: 'packet', name: 'packet' });
    const context = memory.allocate({ size: 8, kind: 'ctx', name: 'xdp_md' });
    memory.writeBytes(packet, Uint8Array.of(250, 3, 100, 9));
    memory.i32.set([packet, packet + 4], context >> 2);
    expect(new JitEngine(memory, { entries: [], high: 0 }).execute(program, context)).toBe(362);
  });
});
