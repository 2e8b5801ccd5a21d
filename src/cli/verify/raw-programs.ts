/**
 * Raw programs as text, the format that the reference kernel is asked with: blocks of `word value` lines, parted by blank lines, one
 * program a block. Reads it and turns a block into what the verifier takes; creates no maps.
 *
 *   name TEXT | type N | attach N | flags N | license TEXT
 *   map TYPE KEY_SIZE VALUE_SIZE MAX_ENTRIES FLAGS     (numbered from 0)
 *   insns HEX     8 bytes an instruction; in a ld_imm64 with source register 1 or 2, imm is the number of a map
 *   data HEX      packet of a test run
 */
import { MAX_FILE_BYTES, MAX_INSNS, MAX_USED_MAPS } from '../../base/limits.ts';
import {
  BpfProgType,
  fixedAttachType,
  fromHex,
  LoadError,
  type MapInfo,
  type RawInsn,
  rawFromBytes,
  type VerifierInput,
} from '../../index.ts';

/** One block. Numbers that the file leaves out have the kernel's defaults. */
export interface RawProgram {
  readonly name: string;
  /** Line of the block's first word, from 1. */
  readonly line: number;
  /** BPF_PROG_TYPE_* number; a socket filter when the file does not say. */
  readonly type: number;
  /** Expected attach type. */
  readonly attach: number;
  /** BPF_F_* program flags. */
  readonly flags: number;
  readonly license: string;
  readonly maps: readonly RawMap[];
  readonly insns: readonly RawInsn[];
  /** Packet of a test run. */
  readonly data?: Uint8Array;
}

/** The numbers of a `map` line. */
export interface RawMap {
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
}

const MAX_NAME = 255;
const MAX_LICENSE = 63;
const MAX_DATA = 4096;
/** Lowest descriptor that stands for a map: above any number that a program may hold by chance. */
const FIRST_MAP_FD = 1 << 24;

/** BPF_LD | BPF_IMM | BPF_DW. */
const LD_IMM64 = 0x18;

interface Draft {
  line: number;
  readonly given: Set<string>;
  name: string;
  type: number;
  attach: number;
  flags: number;
  license: string;
  maps: RawMap[];
  insns: RawInsn[];
  data?: Uint8Array;
}

/** What each word does with the rest of its line. */
const WORDS: Readonly<Record<string, (draft: Draft, rest: string) => void>> = {
  name: (draft, rest) => {
    draft.name = textUpTo(rest, MAX_NAME).replaceAll('/', '_');
  },
  license: (draft, rest) => {
    draft.license = textUpTo(rest, MAX_LICENSE);
  },
  type: (draft, rest) => {
    [draft.type] = numbers(rest, 1) as [number];
  },
  attach: (draft, rest) => {
    [draft.attach] = numbers(rest, 1) as [number];
  },
  flags: (draft, rest) => {
    [draft.flags] = numbers(rest, 1) as [number];
  },
  map: (draft, rest) => {
    if (draft.maps.length === MAX_USED_MAPS)
      throw wrong('too-many-maps', `a program has at most ${MAX_USED_MAPS} maps`);
    const [type, keySize, valueSize, maxEntries, flags] = numbers(rest, 5) as [
      number,
      number,
      number,
      number,
      number,
    ];
    draft.maps.push({ type, keySize, valueSize, maxEntries, flags });
  },
  insns: (draft, rest) => {
    draft.insns = rawFromBytes(hexUpTo(rest, 8 * MAX_INSNS), 'little');
  },
  data: (draft, rest) => {
    draft.data = hexUpTo(rest, MAX_DATA);
  },
};

/** Words that may stand in a block more than once. */
const REPEATABLE = new Set(['map']);

/**
 * Reads a file of raw programs. Lines that start with # are left out, as are blocks without instructions.
 * @throws LoadError with the line for whatever cannot be understood.
 */
export function parseRawPrograms(bytes: Uint8Array): RawProgram[] {
  if (bytes.length > MAX_FILE_BYTES)
    throw wrong('file-too-large', `the file has ${bytes.length} bytes; ${MAX_FILE_BYTES} are the most`);
  const programs: RawProgram[] = [];
  let draft = newDraft();
  const finish = (): void => {
    const { given: _, ...program } = draft;
    if (program.insns.length > 0) programs.push(program);
    draft = newDraft();
  };
  linesOf(bytes).forEach((text, index) => {
    if (text === '') finish();
    else if (!text.startsWith('#')) readLine(draft, text, index + 1);
  });
  finish();
  if (programs.length === 0)
    throw wrong('no-raw-program', "no block has instructions; each needs a line 'insns HEX'");
  return programs;
}

function linesOf(bytes: Uint8Array): string[] {
  return new TextDecoder().decode(bytes).replaceAll('\r\n', '\n').split('\n');
}

function newDraft(): Draft {
  return {
    line: 0,
    given: new Set(),
    name: 'unnamed',
    type: BpfProgType.BPF_PROG_TYPE_SOCKET_FILTER,
    attach: 0,
    flags: 0,
    license: 'GPL',
    maps: [],
    insns: [],
  };
}

function readLine(draft: Draft, text: string, line: number): void {
  const [, word = '', rest = ''] = /^(\S*)[ \t]?(.*)$/s.exec(text) ?? [];
  if (draft.line === 0) draft.line = line;
  try {
    const read = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
    if (read === undefined)
      throw wrong('unknown-word', `'${word.slice(0, 40)}' is none of ${Object.keys(WORDS).join(', ')}`);
    if (draft.given.has(word) && !REPEATABLE.has(word))
      throw wrong('given-twice', `this block has a '${word}' already; a blank line ends a block`);
    draft.given.add(word);
    read(draft, rest);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw wrong(String(error.code), error.message, line);
  }
}

function wrong(code: string, message: string, line?: number): LoadError {
  return new LoadError(code, message, line === undefined ? {} : { line });
}

function textUpTo(text: string, most: number): string {
  if (text.length <= most) return text;
  throw wrong('text-too-long', `${text.length} characters; ${most} are the most`);
}

function hexUpTo(text: string, most: number): Uint8Array {
  const bytes = fromHex(text);
  if (bytes.length <= most) return bytes;
  throw wrong('too-many-bytes', `${bytes.length} bytes; ${most} are the most`);
}

/** Exactly so many unsigned 32-bit numbers, decimal: the kernel's side of the format reads no others. */
function numbers(text: string, count: number): number[] {
  const words = text.trim().split(/\s+/);
  const values = words.map((word) => (/^\d{1,10}$/.test(word) ? Number(word) : Number.NaN));
  if (words.length === count && values.every((value) => value <= 0xffff_ffff)) return values;
  const what = count === 1 ? 'one number' : `${count} numbers`;
  throw wrong('bad-number', `${what} from 0 to 4294967295, not '${text.slice(0, 60)}'`);
}

/**
 * What BPF_PROG_LOAD would be given for a block.
 * @param errorOf 0 for a map that the kernel creates, else its negative errno: it stands where the descriptor would, as when a loader does
 * not look.
 */
export function inputOfRaw(program: RawProgram, errorOf: (map: RawMap) => number): VerifierInput {
  const descriptors = program.maps.map((map, number) => errorOf(map) || FIRST_MAP_FD + number);
  const maps = new Map(
    program.maps.map((map, number): [number, MapInfo] => [descriptors[number]!, { name: 'm', ...map }]),
  );
  for (const descriptor of descriptors) if (descriptor < 0) maps.delete(descriptor);
  return {
    insns: withDescriptors(program.insns, descriptors),
    type: program.type,
    attachType: fixedAttachType(program.type, program.attach),
    flags: program.flags,
    license: program.license,
    maps,
  };
}

/** Puts descriptors in the place of map numbers. */
function withDescriptors(insns: readonly RawInsn[], descriptors: readonly number[]): RawInsn[] {
  const out = insns.slice();
  for (let slot = 0; slot < out.length; slot++) {
    const insn = out[slot]!;
    if (insn.opcode !== LD_IMM64) continue;
    const descriptor = insn.src === 1 || insn.src === 2 ? descriptors[insn.imm] : undefined;
    if (descriptor !== undefined) out[slot] = { ...insn, imm: descriptor };
    slot++;
  }
  return out;
}
