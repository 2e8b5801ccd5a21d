import { describe, expect, it } from 'vitest';
import { BtfError } from '../../src/base/errors.ts';
import { type Btf, CORE_RELOC_KINDS, parseBtfExt } from '../../src/btf/index.ts';
import { buildExt, type ExtTables, TestBtf } from './btf-builder.ts';

const b = new TestBtf();
const int = b.int('int', 4);
const func = b.func('handler', b.proto(int, []));
const struct = b.struct('s', 4, [['a', int, 0]]);
const file = b.string('/src/a.c');
const text = b.string('\treturn s->a;');
const access = b.string('0:0');

const TABLES: ExtTables = {
  funcInfo: { xdp: [[0, func]], tc: [[16, func]] },
  lineInfo: {
    xdp: [
      [0, file, text, (12 << 10) | 3],
      [24, file, text, (4_000_000 << 10) | 1023],
    ],
  },
  coreRelo: { xdp: [[8, struct, access, 0]] },
};

/** A section of these tables, after its words were changed by byte offset. */
function broken(tables: ExtTables, changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = buildExt(b, tables);
  const view = new DataView(bytes.buffer);
  for (const [offset, word] of Object.entries(changes)) view.setUint32(Number(offset), word, true);
  return bytes;
}

function failure(bytes: Uint8Array, btf: Btf): BtfError {
  try {
    parseBtfExt(bytes, btf);
  } catch (error) {
    if (error instanceof BtfError) return error;
    throw error;
  }
  throw new Error('the bytes were accepted');
}

describe('parseBtfExt', () => {
  const bytes = buildExt(b, TABLES);
  const btf = b.parse();

  it('sorts records by section and counts in slots', () => {
    expect(Object.fromEntries(parseBtfExt(bytes, btf))).toEqual({
      xdp: {
        funcInfo: [{ insn: 0, typeId: func }],
        lineInfo: [
          { insn: 0, file: '/src/a.c', text: '\treturn s->a;', line: 12, column: 3 },
          { insn: 3, file: '/src/a.c', text: '\treturn s->a;', line: 4_000_000, column: 1023 },
        ],
        coreRelocs: [{ insn: 1, typeId: struct, access: '0:0', kind: 'byte_off' }],
      },
      tc: { funcInfo: [{ insn: 2, typeId: func }], lineInfo: [], coreRelocs: [] },
    });
  });

  it('reads big-endian sections', () => {
    const big = new TestBtf({ order: 'big' });
    const id = big.func('f', big.proto(big.int('int', 4), []));
    const ext = buildExt(big, { funcInfo: { xdp: [[8, id]] } }, 'big');
    expect(parseBtfExt(ext, big.parse()).get('xdp')?.funcInfo).toEqual([{ insn: 1, typeId: id }]);
  });

  it('accepts longer records and skips what it does not know', () => {
    const longer = buildExt(b, { ...TABLES, extraWords: 3 });
    expect(parseBtfExt(longer, btf)).toEqual(parseBtfExt(bytes, btf));
  });

  it('accepts the old header that knows no CO-RE', () => {
    const old = buildExt(b, { funcInfo: { xdp: [[0, func]] } });
    const cut = new Uint8Array([...old.subarray(0, 24), ...old.subarray(32)]);
    new DataView(cut.buffer).setUint32(4, 24, true);
    expect(parseBtfExt(cut, btf).get('xdp')?.funcInfo).toHaveLength(1);
  });

  it('knows every kind of CO-RE record', () => {
    const records = CORE_RELOC_KINDS.map((_, i) => [8 * i, struct, access, i]);
    const found = parseBtfExt(buildExt(b, { coreRelo: { xdp: records } }), btf).get('xdp')?.coreRelocs;
    expect(found?.map((record) => record.kind)).toEqual(CORE_RELOC_KINDS);
  });

  // In a section of one func_info record: record size at 32, section name at 36, count at 40, instruction at 44, type at 48.
  const one: ExtTables = { funcInfo: { xdp: [[0, func]] } };
  it.each([
    ['a record size too small', { 32: 4 }, 'btf-ext-layout'],
    ['an odd record size', { 32: 10 }, 'btf-ext-layout'],
    ['a section name outside the strings', { 36: 99999 }, 'btf-string'],
    ['no records in a block', { 40: 0 }, 'btf-ext-layout'],
    ['more records than there is room for', { 40: 0x20000000 }, 'btf-ext-layout'],
    ['half an instruction', { 44: 4 }, 'btf-ext-insn'],
    ['a type that does not exist', { 48: 1000 }, 'btf-type-id'],
    ['an unaligned table', { 8: 2 }, 'btf-ext-layout'],
    ['a table past the end', { 8: 0xfffffffc }, 'btf-truncated'],
    ['a table of nothing but its record size', { 12: 4 }, 'btf-ext-layout'],
    ['a header too short', { 4: 16 }, 'btf-header'],
    ['flags', { 0: 0x0101eb9f }, 'btf-version'],
  ])('refuses %s', (_, changes, code) => {
    const error = failure(broken(one, changes), btf);
    expect(error.code).toBe(code);
    expect(error.place.section).toBe('.BTF.ext');
  });

  it('refuses CO-RE kinds it does not know', () => {
    const unknown = buildExt(b, { coreRelo: { xdp: [[0, struct, access, 13]] } });
    expect(() => parseBtfExt(unknown, btf)).toThrow('CO-RE relocation kind 13 is not known');
  });

  it('refuses the other byte order', () => {
    expect(() => parseBtfExt(buildExt(b, TABLES, 'big'), btf)).toThrow(BtfError);
  });
});
