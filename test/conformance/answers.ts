/**
 * What the kernel said of raw programs, kept in fixtures/kernel-6.12 as one line of JSON a program. The logs are kept as checksums: a
 * difference is looked at by asking again.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { fromHex, toHex } from '../../src/base/bytes.ts';
import { type RawInsn, rawFromBytes, rawToBytes } from '../../src/isa/index.ts';
import { ROOT } from '../fixtures.ts';

export interface Answer {
  readonly insns: readonly RawInsn[];
  readonly errno: number;
  /** Checksum of the level-2 log, see `checksum`. */
  readonly log: string;
  /** The last line ahead of the statistics. */
  readonly last: string;
  /** The line of statistics. */
  readonly stats: string;
}

/** A map of the programs: type, key size, value size, entries, flags. */
export type AskedMap = readonly [number, number, number, number, number];

/** ENOSPC: the kernel's log buffer was too small for a program that goes on too long. */
const LOG_TOO_LONG = 28;

/** What is kept of an answer. */
type Line = Omit<Answer, 'insns'> & { readonly insns: string };

/** What the kernel prints of a load. */
interface Verdict {
  readonly name: string;
  readonly err: number;
}

const pathOf = (name: string): string => join(ROOT, 'fixtures/kernel-6.12', name);

/** The answers in a fixture. */
export function readAnswers(name: string): Answer[] {
  const text = gunzipSync(readFileSync(pathOf(name))).toString();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const kept = JSON.parse(line) as Line;
      return { ...kept, insns: rawFromBytes(fromHex(kept.insns), 'little') };
    });
}

/** Asks the kernel anew with the oracle's ask.sh and writes the fixture. */
export function askKernel(
  oracle: string,
  name: string,
  programs: readonly (readonly RawInsn[])[],
  type: number,
  maps: readonly AskedMap[],
): void {
  const folder = mkdtempSync(join(tmpdir(), 'bpflab-ask-'));
  try {
    const head = [`type ${type}`, 'license GPL', ...maps.map((map) => `map ${map.join(' ')}`)].join('\n');
    const blocks = programs.map(
      (insns, i) => `name p${i}\n${head}\ninsns ${toHex(rawToBytes(insns, 'little'))}\n`,
    );
    writeFileSync(join(folder, 'asked.prog'), blocks.join('\n'));
    execFileSync(oracle, ['-l', '2', '-o', folder, join(folder, 'asked.prog')], { stdio: 'inherit' });
    const verdicts = readFileSync(join(folder, 'verdicts.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Verdict);
    const lines = programs.flatMap((insns, i) => {
      const errno = Math.abs(verdicts.find((one) => one.name === `p${i}`)?.err ?? 0);
      if (errno === LOG_TOO_LONG) return [];
      const log = readFileSync(join(folder, `logs/asked.prog/p${i}.log`), 'utf8');
      return [JSON.stringify({ insns: toHex(rawToBytes(insns, 'little')), errno, ...partsOf(log) })];
    });
    writeFileSync(pathOf(name), gzipSync(`${lines.join('\n')}\n`, { level: 9 }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A log's checksum, its last line and its statistics; addresses and times are left out. */
export function partsOf(log: string): Pick<Answer, 'log' | 'last' | 'stats'> {
  const lines = log
    .replaceAll(/0xff[0-9a-f]{14}/g, '0xADDRESS')
    .replaceAll(/^verification time \d+ usec$/gm, 'verification time')
    .trimEnd()
    .split('\n');
  const end = lines.findLastIndex((line) => !/^(verification time|stack depth|processed )/.test(line));
  return { log: checksum(lines.join('\n')), last: lines[end] ?? '', stats: lines.at(-1) ?? '' };
}

/** FNV-1a of 32 bits over UTF-16 code units, in hex. */
function checksum(text: string): string {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
