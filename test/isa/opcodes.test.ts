/** The opcode table: complete, unambiguous, and the source of docs/instructions.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeInsn, isKernelOpcode, OPCODES, rowsOf } from '../../src/isa/index.ts';
import { renderOpcodeTable } from './opcode-page.ts';
import { allForms, raws } from './support.ts';

const hexBytes = (text: string): number[] =>
  text
    .trim()
    .split(/\s+/)
    .map((byte) => Number.parseInt(byte, 16));

/** The opcode bytes that Linux 6.12 takes, read off the kernel's table BPF_INSN_MAP and bpf_opcode_in_insntable. */
const KERNEL_OPCODES = hexBytes(`
  04 0c 14 1c 24 2c 34 3c 44 4c 54 5c 64 6c 74 7c 84 94 9c a4 ac b4 bc c4 cc d4 dc
  07 0f 17 1f 27 2f 37 3f 47 4f 57 5f 67 6f 77 7f 87 97 9f a7 af b7 bf c7 cf d7
  05 15 1d 25 2d 35 3d 45 4d 55 5d 65 6d 75 7d 85 95 a5 ad b5 bd c5 cd d5 dd e5
  06 16 1e 26 2e 36 3e 46 4e 56 5e 66 6e 76 7e a6 ae b6 be c6 ce d6 de
  18 20 28 30 40 48 50 61 69 71 79 81 89 91 62 6a 72 7a 63 6b 73 7b c3 db`);

describe('the opcode table', () => {
  it('knows exactly the opcodes that the kernel knows, and callx besides', () => {
    const all = Array.from({ length: 256 }, (_, opcode) => opcode);
    expect(all.filter(isKernelOpcode)).toEqual([...KERNEL_OPCODES].sort((a, b) => a - b));
    expect(all.filter((opcode) => rowsOf(opcode).length > 0 && !isKernelOpcode(opcode))).toEqual([0x8d]);
  });

  it('tells the variants of an opcode apart by one field, a different value each', () => {
    for (let opcode = 0; opcode < 256; opcode++) {
      const rows = rowsOf(opcode);
      if (rows.length < 2) continue;
      const selectors = rows.map((row) => Object.entries(row.fixed));
      expect(selectors.every((fixed) => fixed.length === 1)).toBe(true);
      const [fields, values] = [0, 1].map((i) => new Set(selectors.map((fixed) => fixed[0]?.[i])));
      expect(fields?.size).toBe(1);
      expect(values?.size).toBe(rows.length);
    }
  });

  it('has an example of every row in forms.tsv', () => {
    const shown = allForms().map(({ bytes }) => ({ ...decodeInsn(raws(bytes), 0) }));
    const shape = (insn: object): string =>
      JSON.stringify(insn, (key, value: unknown) =>
        ['dst', 'src', 'offset', 'imm', 'lo', 'hi', 'reg', 'id', 'btfId', 'module'].includes(key) ? 0 : value,
      );
    expect(shown.map(shape)).toEqual(OPCODES.map((row) => shape(row.insn)));
  });

  it('is what docs/instructions.md shows (BLESS=1 writes the page anew)', () => {
    const path = join(import.meta.dirname, '../../docs/instructions.md');
    if (process.env.BLESS === '1') writeFileSync(path, renderOpcodeTable());
    expect(readFileSync(path, 'utf8')).toBe(renderOpcodeTable());
  });
});
