/**
 * Reads the case files of this folder. A case is `== what the program does`, then `@` lines with what BPF_PROG_LOAD is told beside the
 * instructions, then assembly. `mapN` and `valueN_OFFSET` in a wide load name the Nth map and a place in its value; `.insn CODE DST SRC
 * OFFSET IMM` is an instruction that the assembler would not write; `.repeat N LINE` is that line N times.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  assemble,
  BpfMapType,
  BpfProgType,
  type CallTarget,
  helperByName,
  type RawInsn,
  type SymbolValue,
} from '../../../src/index.ts';
import type { MapInfo } from '../../../src/verifier/index.ts';

export interface VerifierCase {
  /** File without its ending. */
  readonly family: string;
  readonly name: string;
  readonly type: number;
  readonly attachType: number;
  readonly flags: number;
  readonly license: string;
  readonly maps: readonly MapInfo[];
  readonly insns: readonly RawInsn[];
}

const PLACEHOLDER = 'r0 = r0';
const REPEAT = /^\.repeat (\d+) (.*)$/;
const WORD = /^\.insn (\S+) (\S+) (\S+) (\S+) (\S+)$/;

function number(text: string | undefined): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new Error(`${text ?? 'nothing'} is no whole number`);
  return value;
}

/** The number that `table` has for a name. */
function named(table: Readonly<Record<string, unknown>>, name: string): number {
  const value = table[name];
  if (typeof value !== 'number') throw new Error(`there is no ${name}`);
  return value;
}

function mapOf(text: string): MapInfo {
  const [type = '', key, value, entries, flags = '0'] = text.split(' ');
  return {
    name: 'm',
    type: named(BpfMapType, `BPF_MAP_TYPE_${type}`),
    keySize: number(key),
    valueSize: number(value),
    maxEntries: number(entries),
    flags: number(flags),
  };
}

function resolveCall(name: string): CallTarget | undefined {
  const helper = helperByName(name);
  return helper === undefined ? undefined : { kind: 'call-helper', id: helper.id };
}

function resolveSymbol(name: string): SymbolValue | undefined {
  const map = /^map(\d+)$/.exec(name);
  if (map !== null) return { pseudo: 'map-fd', lo: number(map[1]), hi: 0 };
  const value = /^value(\d+)_(\d+)$/.exec(name);
  return value === null ? undefined : { pseudo: 'map-value', lo: number(value[1]), hi: number(value[2]) };
}

/** Assembles, then puts the written-out instructions where a placeholder keeps their slots. */
function insnsOf(lines: readonly string[]): RawInsn[] {
  const words: RawInsn[] = [];
  const text = lines.map((line) => {
    const word = WORD.exec(line.trim());
    if (word === null) return line;
    const [opcode = 0, dst = 0, src = 0, offset = 0, imm = 0] = word.slice(1).map(number);
    words.push({ opcode, dst, src, offset, imm });
    return PLACEHOLDER;
  });
  const insns = assemble(text.join('\n'), { resolveCall, resolveSymbol });
  const placeholder = assemble(PLACEHOLDER)[0];
  return insns.map((insn) =>
    JSON.stringify(insn) === JSON.stringify(placeholder) ? (words.shift() ?? insn) : insn,
  );
}

function repeated(line: string): string[] {
  const [, times, text = ''] = REPEAT.exec(line) ?? [];
  return times === undefined ? [line] : new Array<string>(number(times)).fill(text);
}

function caseOf(family: string, text: string): VerifierCase {
  const [name = '', ...lines] = text.trimEnd().split('\n');
  const told = new Map<string, string>();
  const maps: MapInfo[] = [];
  const code: string[] = [];
  for (const line of lines) {
    const [, key, value = ''] = /^@(\w+) (.*)$/.exec(line) ?? [];
    if (key === undefined) code.push(...repeated(line));
    else if (key === 'map') maps.push(mapOf(value));
    else told.set(key, value);
  }
  try {
    return {
      family,
      name,
      type: named(BpfProgType, `BPF_PROG_TYPE_${told.get('type') ?? 'XDP'}`),
      attachType: number(told.get('attach') ?? '0'),
      flags: number(told.get('flags') ?? '0'),
      license: told.get('license') ?? 'GPL',
      maps,
      insns: insnsOf(code),
    };
  } catch (error) {
    throw new Error(`${family}: ${name}`, { cause: error });
  }
}

/** All cases of this folder, by file and then as they stand there. */
export function readCases(): VerifierCase[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .flatMap((file) => {
      const [, ...cases] = readFileSync(join(import.meta.dirname, file), 'utf8').split(/^== /m);
      return cases.map((text) => caseOf(file.replace(/\.txt$/, ''), text));
    });
}
