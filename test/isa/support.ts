/** What the tests of this folder share. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { IsaError } from '../../src/base/errors.ts';
import { type RawInsn, rawFromBytes, rawToBytes } from '../../src/isa/index.ts';

/** Slots of little-endian bytes in hexadecimal. */
export function raws(hex: string): RawInsn[] {
  return rawFromBytes(fromHex(hex), 'little');
}

/** The little-endian bytes of slots in hexadecimal. */
export function hex(slots: readonly RawInsn[]): string {
  return toHex(rawToBytes(slots, 'little'));
}

/** The IsaError that `run` throws. */
export function isaError(run: () => unknown): IsaError {
  try {
    run();
  } catch (error) {
    if (error instanceof IsaError) return error;
    throw error;
  }
  throw new Error('expected an IsaError, but nothing was thrown');
}

/** One line of forms.tsv: an instruction in bytes, as Linux 6.12 prints it, and as LLVM 19 reads it. */
export interface Form {
  readonly bytes: string;
  readonly kernel: string;
  readonly llvm: string;
}

/**
 * One example of every instruction. The kernel's text comes from Linux 6.12's own disassembler (except callx, which it has
 * not), and llvm-mc-19 turns LLVM's text into the bytes (except map, BTF and kfunc references, which are ours alone).
 */
export function allForms(): Form[] {
  const text = readFileSync(join(import.meta.dirname, 'forms.tsv'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [bytes = '', kernel = '', llvm = ''] = line.split('\t');
      return { bytes, kernel, llvm };
    });
}
