/** The text format of raw programs: what a block means, and that whatever is wrong is said with its line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BpfError } from '../../../src/base/errors.ts';
import { MapTrials } from '../../../src/cli/verify/raw-maps.ts';
import { inputOfRaw, parseRawPrograms } from '../../../src/cli/verify/raw-programs.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 500);
/** r0 = 0; exit */
const RETURN_ZERO = 'b700000000000000 9500000000000000';

const read = (text: string): ReturnType<typeof parseRawPrograms> =>
  parseRawPrograms(new TextEncoder().encode(text));

function failure(text: string): string {
  try {
    read(text);
  } catch (error) {
    if (error instanceof BpfError) return `${error.code}: ${error.describe()}`;
    throw error;
  }
  return 'no error';
}

describe('parseRawPrograms', () => {
  it('reads blocks that blank lines part', () => {
    const programs = read(
      `# two programs\nname first\ntype 6\nattach 37\nflags 24\nlicense MIT\nmap 1 4 8 16 0\nmap 2 4 8 1 128\ninsns ${RETURN_ZERO}\ndata 0102 03\n\n\nname a/b\r\ninsns ${RETURN_ZERO}`,
    );
    expect(programs).toMatchObject([
      {
        name: 'first',
        line: 2,
        type: 6,
        attach: 37,
        flags: 24,
        license: 'MIT',
        maps: [
          { type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0 },
          { type: 2, keySize: 4, valueSize: 8, maxEntries: 1, flags: 128 },
        ],
        insns: [{ opcode: 0xb7 }, { opcode: 0x95 }],
        data: Uint8Array.of(1, 2, 3),
      },
      { name: 'a_b', type: 1, attach: 0, flags: 0, license: 'GPL', maps: [] },
    ]);
  });

  it('leaves out blocks without instructions', () => {
    expect(read(`name nothing\ntype 1\n\nname real\ninsns ${RETURN_ZERO}\n`).map(({ name }) => name)).toEqual(
      ['real'],
    );
  });

  it.each([
    ['', /^no-raw-program: /],
    ['name only\n', /^no-raw-program: /],
    [`name a\ntipe 3\ninsns ${RETURN_ZERO}`, /^unknown-word: line 2: 'tipe' is none of name, license, type/],
    [`\n\nname a\ntype three`, /^bad-number: line 4: one number from 0 to 4294967295, not 'three'/],
    ['type 4294967296', /^bad-number: line 1/],
    ['flags 0x8', /^bad-number: line 1/],
    ['map 1 4 8 16', /^bad-number: line 1: 5 numbers/],
    ['insns b7000000', /^bad-length: line 1: .*4 bytes/],
    ['insns b70000000000000g', /^bad-hex: line 1: 'g'/],
    [`insns ${RETURN_ZERO}\ninsns ${RETURN_ZERO}`, /^given-twice: line 2/],
  ])('says what is wrong with %j', (text, message) => {
    expect(failure(text)).toMatch(message);
  });

  it('bounds what a block may hold', () => {
    expect(failure(`name ${'x'.repeat(300)}`)).toMatch(/^text-too-long: line 1/);
    expect(failure(`data ${'00'.repeat(4097)}`)).toMatch(/^too-many-bytes: line 1/);
    expect(failure('map 1 4 8 16 0\n'.repeat(65))).toMatch(/^too-many-maps: line 65/);
  });

  it('ends in programs or in one of our errors for any text', () => {
    const word = fc.constantFrom(
      'name',
      'type',
      'attach',
      'flags',
      'license',
      'map',
      'insns',
      'data',
      '',
      '#',
      'x',
    );
    const rest = fc.oneof(
      fc.constantFrom(RETURN_ZERO, '1 4 8 16 0', '7', '0x1f', ''),
      fc.string(),
      fc.nat().map(String),
    );
    const text = fc
      .array(fc.tuple(word, rest, fc.constantFrom('\n', '\r\n', '\n\n')))
      .map((lines) => lines.map(([a, b, end]) => `${a} ${b}${end}`).join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), (source) => {
        try {
          for (const program of read(source)) {
            expect(program.insns.length).toBeGreaterThan(0);
            expect(inputOfRaw(program, () => 0).insns).toHaveLength(program.insns.length);
          }
        } catch (error) {
          if (!(error instanceof BpfError)) throw error;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('inputOfRaw', () => {
  const loads = (maps: string, imm: string, src = '1', errorOf = (): number => 0) => {
    const [program] = read(`${maps}insns 18${src}10000${imm}000000 0000000000000000 ${RETURN_ZERO}\n`);
    return inputOfRaw(program!, errorOf);
  };

  it('puts descriptors in the place of map numbers', () => {
    const input = loads('map 1 4 8 16 0\nmap 2 4 8 1 0\n', '01');
    expect(input.maps.get(input.insns[0]!.imm)).toMatchObject({
      type: 2,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
    });
  });

  it('leaves numbers alone that name no map', () => {
    const input = loads('map 1 4 8 16 0\n', '01');
    expect(input.insns[0]!.imm).toBe(1);
    expect(input.maps.has(1)).toBe(false);
    expect(loads('map 1 4 8 16 0\n', '00', '0').insns[0]!.imm).toBe(0);
  });

  it('leaves the errno of a map that cannot be created where its descriptor would stand', () => {
    const input = loads('map 1 0 8 16 0\n', '00', '1', () => -22);
    expect(input.insns[0]!.imm).toBe(-22);
    expect(input.maps.size).toBe(0);
  });
});

describe('MapTrials', () => {
  it('answers as BPF_MAP_CREATE does', () => {
    const trials = new MapTrials();
    const map = { type: 1, keySize: 4, valueSize: 8, maxEntries: 16, flags: 0 };
    expect(trials.errorOf(map)).toBe(0);
    expect(trials.errorOf({ ...map, keySize: 0 })).toBe(-22);
    expect(trials.errorOf({ ...map, type: 999 })).toBe(-22);
    expect(trials.errorOf({ ...map, valueSize: 0x7fff_ffff })).toBe(-7);
  });
});
