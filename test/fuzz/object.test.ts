/**
 * Mutated object files: opening one gives an ObjectSpec or an error with a code, never another exception; so does making the verifier's
 * input of its programs, and verifying that gives a verdict. FUZZ_RUNS sets
 * the number of mutations, FUZZ_SEED where they begin; a failure prints the seed that makes its file again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BpfError, BtfError, ElfError, IsaError, LoadError } from '../../src/base/errors.ts';
import { BpfObject, VerifierInputs } from '../../src/kernel/index.ts';
import { openObject } from '../../src/loader/index.ts';
import { verify } from '../../src/verifier/index.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 2000);
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);
const FIXTURES = join(import.meta.dirname, '../../fixtures/programs');

const seeds = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  // Those that walk very many instructions, or have hundreds of programs, take as long when mutated.
  .filter((path) => path.endsWith('.o') && !/rejected\/too_|helper_costs|sequences/.test(path))
  .sort()
  .map((path) => ({ path, bytes: Uint8Array.from(readFileSync(join(FIXTURES, path))) }));

/** Numbers that break parsers: limits of types, sizes of records. */
const NUMBERS = [
  0, 1, 2, 8, 16, 24, 64, 0x7f, 0x80, 0xff, 0xffff, 0x10_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];

/** A small generator of numbers that can be started anywhere: one seed, one file. */
class Random {
  private state: number;

  constructor(seed: number) {
    this.state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) >>> 0 || 1;
  }

  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** A part of the file to break: all of it, its headers, or one section. */
interface Region {
  readonly start: number;
  readonly length: number;
}

/** Headers and small sections are as likely to be hit as large ones: they decide more. */
function regionsOf(bytes: Uint8Array): Region[] {
  const view = new DataView(bytes.buffer);
  const little = bytes[5] === 1;
  const word = (offset: number): number => Number(view.getBigUint64(offset, little));
  const table = word(40);
  const count = view.getUint16(60, little);
  const regions = [
    { start: 0, length: 64 },
    { start: table, length: 64 * count },
    { start: 0, length: bytes.length },
  ];
  for (let at = table; at < table + 64 * count; at += 64) {
    const length = word(at + 32);
    const hasContent = ![0, 8].includes(view.getUint32(at + 4, little));
    if (hasContent && length > 0) regions.push({ start: word(at + 24), length });
  }
  return regions;
}

/** Changes some bytes, words or ranges of a file, or cuts it. */
function mutate(original: Uint8Array, regions: readonly Region[], random: Random): Uint8Array {
  let bytes = original.slice();
  const changes = 1 + random.below(6);
  for (let i = 0; i < changes && bytes.length >= 64; i++) {
    const { start, length } = random.pick(regions);
    const at = Math.min(start + random.below(length), bytes.length - 8);
    const view = new DataView(bytes.buffer, at & ~3);
    switch (random.below(7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = random.below(256);
        break;
      case 2:
        view.setUint32(0, random.pick(NUMBERS), random.below(4) > 0);
        break;
      case 3:
        view.setBigUint64(
          0,
          BigInt(random.pick(NUMBERS)) << BigInt(8 * random.below(5)),
          random.below(4) > 0,
        );
        break;
      case 4:
        bytes.copyWithin(at, start + random.below(length), start + random.below(length));
        break;
      case 5:
        view.setUint32(0, view.getUint32(0, true) + random.below(17) - 8, true);
        break;
      default:
        if (random.below(20) === 0) bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

/** Verifies what can be linked. */
function verifyAll(object: BpfObject, label: string): void {
  const inputs = new VerifierInputs(object);
  for (const program of object.programList) {
    try {
      verify(inputs.of(program.spec));
    } catch (error) {
      if (!(error instanceof BpfError))
        throw new Error(`${label}, program ${program.name}`, { cause: error });
    }
  }
}

describe('a mutated object file', () => {
  it(`opens or is refused with a reason (${RUNS} files)`, () => {
    const regions = new Map(seeds.map(({ path, bytes }) => [path, regionsOf(bytes)]));
    const codes = new Map<string, number>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
      const random = new Random(seed);
      const { path, bytes } = random.pick(seeds);
      const mutated = mutate(bytes, regions.get(path) ?? [], random);
      const outcome = open(mutated, `FUZZ_SEED=${seed} (${path})`);
      codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
    }
    // The mutations are worth something: some files survive, most ways of being broken are met.
    expect(codes.get('opened')).toBeGreaterThan(RUNS / 50);
    if (RUNS >= 2000) expect(codes.size).toBeGreaterThan(30);
  }, 600_000);

  function open(bytes: Uint8Array, label: string): string {
    try {
      verifyAll(new BpfObject(openObject(bytes, { name: 'mutated' })), label);
      return 'opened';
    } catch (error) {
      const known = [ElfError, BtfError, LoadError, IsaError].some((kind) => error instanceof kind);
      if (!known) throw new Error(`${label} ends in an exception that is no BpfError`, { cause: error });
      return (error as ElfError).code;
    }
  }
});
