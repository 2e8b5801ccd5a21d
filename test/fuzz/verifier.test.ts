/**
 * Hostile programs: random bytes as instructions, mutations of programs that are accepted, broken types, records, maps and attributes.
 * Each time the verifier accepts, or rejects with a code and an errno; it throws nothing and ends. FUZZ_RUNS sets the number
 * of mutations of each kind, FUZZ_SEED where they begin; a failure prints the seed that makes its input again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../src/base/errors.ts';
import { type Btf, parseBtf } from '../../src/btf/index.ts';
import { BpfObject, VerifierInputs } from '../../src/index.ts';
import type { RawInsn } from '../../src/isa/index.ts';
import { LOG_LEVEL2, type MapInfo, type VerifierInput, verify } from '../../src/verifier/index.ts';
import { ROOT } from '../fixtures.ts';
import { Random } from '../soundness/random.ts';
import { randomProgram } from '../soundness/random-program.ts';
import { inputOf } from '../soundness/world.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 250);
const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1);
/** A walk of a million instructions takes a second or two, and mutants that take it are rare. */
const TIMEOUT = 30_000 + 50 * RUNS;

const FIXTURES = join(ROOT, 'fixtures/programs');

/** A program of a fixture, with the bytes of its types. */
interface Seed {
  readonly input: VerifierInput;
  readonly btf: Uint8Array;
}

const seeds: readonly Seed[] = readdirSync(FIXTURES, { recursive: true, encoding: 'utf8' })
  // Programs that are rejected after a million steps make mutants that take as long; hundreds of programs alike would crowd the others
  // out; iterators of sockets need a kernel's types.
  .filter((path) => path.endsWith('.bpf.o') && !/\.be\.|rejected\/too_|sequences|iter\/sockets/.test(path))
  .sort()
  .flatMap((path) => {
    const bytes = new Uint8Array(readFileSync(join(FIXTURES, path)));
    const object = BpfObject.open(bytes, { name: path });
    const inputs = new VerifierInputs(object);
    return object.spec.programs.map((program) => ({ input: inputs.of(program), btf: typesOf(bytes) }));
  });

/** The .BTF section of an object file, found by its header. */
function typesOf(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer);
  for (let at = 0; at + 24 <= file.length; at++) {
    if (view.getUint32(at, true) !== 0x0001_eb9f || view.getUint32(at + 4, true) !== 24) continue;
    const end = 24 + view.getUint32(at + 16, true) + view.getUint32(at + 20, true);
    if (view.getUint32(at + 8, true) === 0 && at + end <= file.length) return file.slice(at, at + end);
  }
  throw new Error('no types');
}

/** Numbers that break checks: limits of fields, sizes and offsets. */
const NUMBERS = [
  0, 1, -1, 2, 4, 7, 8, 16, 31, 32, 63, 64, 512, -8, -512, -520, 0x7fff, -0x8000, 0xffff, 0x7fff_ffff,
  -0x8000_0000,
];

const word = (random: Random): number => (random.oneIn(2) ? random.pick(NUMBERS) : random.word() | 0);

function randomInsn(random: Random): RawInsn {
  return {
    opcode: random.below(256),
    dst: random.below(random.oneIn(8) ? 16 : 11),
    src: random.below(random.oneIn(8) ? 16 : 11),
    offset: random.oneIn(2) ? random.between(-4, 8) : (word(random) << 16) >> 16,
    imm: word(random),
  };
}

/** Changes, repeats, moves and removes some instructions. */
function mutate(insns: readonly RawInsn[], random: Random): RawInsn[] {
  const out = [...insns];
  for (let i = random.between(1, 5); i > 0 && out.length > 0; i--) {
    const at = random.below(out.length);
    const old = out[at]!;
    switch (random.below(9)) {
      case 0:
        out[at] = { ...old, opcode: old.opcode ^ (1 << random.below(8)) };
        break;
      case 1:
        out[at] = { ...old, dst: random.below(12) };
        break;
      case 2:
        out[at] = { ...old, src: random.below(12) };
        break;
      case 3:
        out[at] = { ...old, offset: old.offset + random.between(-3, 3) };
        break;
      case 4:
        out[at] = { ...old, imm: word(random) };
        break;
      case 5:
        out[at] = randomInsn(random);
        break;
      case 6:
        out.splice(at, random.between(1, 3));
        break;
      case 7:
        out.splice(at, 0, ...out.slice(random.below(out.length)).slice(0, random.between(1, 8)));
        break;
      default: {
        const other = random.below(out.length);
        out[at] = out[other]!;
        out[other] = old;
      }
    }
  }
  return out;
}

function mutateMap(map: MapInfo, random: Random): MapInfo {
  return {
    ...map,
    type: random.oneIn(2) ? map.type : random.oneIn(4) ? word(random) : random.below(36),
    keySize: random.oneIn(2) ? map.keySize : word(random) >>> 0,
    valueSize: random.oneIn(2) ? map.valueSize : word(random) >>> 0,
    maxEntries: random.oneIn(2) ? map.maxEntries : word(random) >>> 0,
    flags: random.oneIn(2) ? map.flags : word(random) >>> 0,
    frozen: random.oneIn(2),
    ...(random.oneIn(4) ? { content: random.bytes(random.below(16)) } : {}),
    ...(map.btf === undefined ? {} : { btfValueTypeId: random.below(map.btf.typeCount + 3) }),
    ...(random.oneIn(6) ? { inner: map } : {}),
  };
}

/** Attributes of BPF_PROG_LOAD that do not fit the program. */
function mutateAttributes(input: VerifierInput, random: Random): VerifierInput {
  const maps = [...input.maps].map(([fd, map]) => [fd, mutateMap(map, random)] as const);
  return {
    ...input,
    type: random.oneIn(2) ? input.type : random.below(36),
    attachType: random.oneIn(2) ? input.attachType : random.below(60),
    flags: random.oneIn(2) ? input.flags : random.word(),
    license: random.pick(['GPL', '', 'x'.repeat(200)]),
    maps: new Map(maps.filter(() => !random.oneIn(8))),
    attachBtfId: random.oneIn(2) ? (input.attachBtfId ?? 0) : word(random),
    attachProgram: random.oneIn(6),
    unprivileged: random.oneIn(10),
  };
}

/** Function and line records that point anywhere. */
function mutateRecords(input: VerifierInput, random: Random): VerifierInput {
  const types = input.btf?.typeCount ?? 0;
  const functions = (input.functions ?? []).map((record) => ({
    ...record,
    insn: random.oneIn(3) ? word(random) >>> 0 : record.insn,
    typeId: random.oneIn(3) ? random.below(types + 5) : record.typeId,
    hidden: random.oneIn(2),
  }));
  const lines = (input.lines ?? []).map((record) => ({
    ...record,
    ...(random.oneIn(20) ? { insn: word(random) >>> 0 } : {}),
  }));
  return { ...input, functions, lines };
}

/** Types with some bytes changed; undefined if they cannot be read any more. */
function mutateTypes(bytes: Uint8Array, random: Random): Btf | undefined {
  const out = bytes.slice();
  const view = new DataView(out.buffer);
  for (let i = random.between(1, 6); i > 0; i--) {
    const at = 24 + 4 * random.below((out.length - 28) >> 2);
    if (random.oneIn(2)) out[at + random.below(4)]! ^= 1 << random.below(8);
    else view.setUint32(at, random.oneIn(2) ? random.below(64) : word(random) >>> 0, true);
  }
  try {
    return parseBtf(out);
  } catch (error) {
    if (error instanceof BpfError) return undefined;
    throw error;
  }
}

const counts = { accept: 0, reject: 0 };

/** Verifies, now and then with a log, and checks what comes out. */
function judge(input: VerifierInput, random: Random): void {
  const logged = random.oneIn(10);
  const result = verify(input, logged ? { logLevel: LOG_LEVEL2, logSize: 100_000 } : {});
  counts[result.verdict]++;
  expect(result.log.length).toBeLessThan(logged ? 101_000 : 1);
  expect(result.failure === undefined).toBe(result.verdict === 'accept');
  if (result.failure === undefined) return;
  expect(result.failure.code).toMatch(/^[a-z][a-z0-9-]+$/);
  expect(result.failure.errno).toBeGreaterThan(0);
}

/** Makes an input of each seed and judges it. */
function fuzz(make: (random: Random) => VerifierInput): void {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const random = new Random(seed);
    try {
      judge(make(random), random);
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed} FUZZ_RUNS=1`, { cause: error });
    }
  }
}

describe('the verifier ends with a verdict on', () => {
  it('random instructions', { timeout: TIMEOUT }, () => {
    fuzz((random) => ({
      ...inputOf([]),
      insns: Array.from({ length: random.between(0, 40) }, () => randomInsn(random)),
    }));
  });

  it('mutations of programs from C', { timeout: TIMEOUT }, () => {
    fuzz((random) => {
      const { input } = random.pick(seeds);
      return { ...input, insns: mutate(input.insns, random) };
    });
  });

  it('mutations of random programs', { timeout: TIMEOUT }, () => {
    fuzz((random) => {
      const insns = randomProgram(random.below(1000));
      return { ...inputOf(insns), insns: mutate(insns, random) };
    });
    // Otherwise the walk would hardly be reached.
    expect(counts.accept).toBeGreaterThan(0.05 * RUNS);
  });

  it('programs with attributes and maps that do not fit', { timeout: TIMEOUT }, () => {
    fuzz((random) => mutateAttributes(random.pick(seeds).input, random));
  });

  it('programs with broken function and line records', { timeout: TIMEOUT }, () => {
    fuzz((random) => mutateRecords(random.pick(seeds).input, random));
  });

  it('programs with broken types', { timeout: TIMEOUT }, () => {
    fuzz((random) => {
      const { input, btf } = random.pick(seeds);
      const types = mutateTypes(btf, random);
      if (types === undefined) return input;
      const maps = new Map([...input.maps].map(([fd, map]) => [fd, { ...map, btf: types }]));
      return { ...input, btf: types, maps };
    });
  });

  it('programs for a kernel with broken types', { timeout: TIMEOUT }, () => {
    fuzz((random) => {
      const { input, btf } = random.pick(seeds);
      const kernelBtf = mutateTypes(btf, random);
      if (kernelBtf === undefined) return input;
      return { ...input, kernelBtf, moduleBtfs: [], attachBtfId: random.below(kernelBtf.typeCount) };
    });
  });
});
