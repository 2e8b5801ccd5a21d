/**
 * Mutated type information: whatever the bytes are, reading, printing and using them gives a result or one of our errors, soon.
 * FUZZ_RUNS sets how many mutants are tried.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { BpfError } from '../../src/base/errors.ts';
import {
  applyCoreRelocs,
  type Btf,
  CORE_RELOC_KINDS,
  decodeValue,
  dumpC,
  dumpRaw,
  encodeValue,
  formatValue,
  parseBtf,
  parseBtfExt,
  printType,
} from '../../src/btf/index.ts';
import { buildExt, TestBtf } from '../btf/btf-builder.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 500);

/** A little of everything, with references in all directions. */
function seed(): { btf: Uint8Array; ext: Uint8Array } {
  const b = new TestBtf();
  const int = b.int('int', 4);
  const char = b.int('char', 1);
  const node = b.nextId + 1;
  const ptr = b.ptr(node);
  b.struct('node', 40, [
    ['next', ptr, 0],
    ['name', b.array(char, 16), 64],
    ['flag', int, 192, 3],
    ['', b.union('', 8, [['n', int, 0]]), 256],
  ]);
  const proto = b.proto(b.typedef('num', b.ref('const', int)), [['ctx', ptr]]);
  const func = b.func('handler', proto);
  b.enum('verdict', { PASS: 1, DROP: 2 });
  b.enum64('wide', { BIG: 1n << 40n });
  b.add({ kind: 'float', name: 'double', size: 8 });
  b.add({ kind: 'fwd', name: 'later', of: 'struct' });
  b.add({ kind: 'decl_tag', name: 'bpf_kfunc', type: func, componentIndex: -1 });
  b.add({ kind: 'type_tag', name: 'user', type: int });
  const variable = b.variable('list', node);
  b.add({ kind: 'datasec', name: '.bss', size: 40, vars: [{ type: variable, offset: 0, size: 40 }] });
  const ext = buildExt(b, {
    funcInfo: { xdp: [[0, func]] },
    lineInfo: { xdp: [[0, b.string('a.c'), b.string('int x;'), 1 << 10]] },
    coreRelo: { xdp: [[8, node, b.string('0:1'), 0]] },
  });
  return { btf: b.bytes(), ext };
}

const SEED = seed();

/** Some bytes or words overwritten, and sometimes the end cut off. */
function mutants(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const at = fc.nat({ max: bytes.length - 4 });
  const small = fc.nat({ max: 40 });
  const byte = fc.record({ at, value: fc.nat({ max: 255 }), wide: fc.constant(false) });
  const word = fc.record({
    at: at.map((offset) => offset & ~3),
    value: fc.oneof(small, fc.constantFrom(0xffffffff, 0x7fffffff, 0x01000000), fc.nat({ max: 0xffffffff })),
    wide: fc.constant(true),
  });
  const cut = fc.option(fc.nat({ max: bytes.length }), { nil: bytes.length, freq: 10 });
  const changes = fc.array(fc.oneof(byte, word), { minLength: 1, maxLength: 6 });
  return fc.tuple(changes, cut).map(([list, end]) => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    for (const change of list) {
      if (change.wide) view.setUint32(change.at, change.value, true);
      else copy[change.at] = change.value;
    }
    return copy.subarray(0, end);
  });
}

/** Runs what may refuse its input, but in no other way than by an error of ours. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof BpfError) return undefined;
    throw error;
  }
}

/** The mutant as the program's types and as the kernel's. */
function relocateAgainst(mutant: Btf): void {
  const whole = parseBtf(SEED.btf);
  const node = whole.findByName('node')?.id ?? 0;
  const insn = { opcode: 0xb7, dst: 1, src: 0, offset: 0, imm: 0 };
  for (const kind of CORE_RELOC_KINDS) {
    for (const access of ['0', '0:1:3', '0:3:0']) {
      const reloc = { insn: 0, typeId: node, access, kind };
      attempt(() => applyCoreRelocs([insn], [reloc], whole, [mutant]));
      attempt(() => applyCoreRelocs([insn], [reloc], mutant, [whole]));
    }
  }
}

function useEverything(btf: Btf, ext: Uint8Array): void {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i * 37);
  attempt(() => dumpRaw(btf));
  attempt(() => dumpC(btf));
  attempt(() => dumpC(btf, { sorted: true }));
  attempt(() => parseBtfExt(ext, btf));
  attempt(() => btf.findByName('node'));
  relocateAgainst(btf);
  for (let id = 0; id < btf.typeCount; id++) {
    attempt(() => btf.resolve(id));
    attempt(() => btf.alignOf(id));
    attempt(() => printType(btf, id, { offsets: true }));
    attempt(() => formatValue(btf, id, bytes));
    const value = attempt(() => decodeValue(btf, id, bytes));
    if (value !== undefined) attempt(() => encodeValue(btf, id, value));
  }
}

describe('mutated type information', () => {
  it('is read and used, or refused', () => {
    fc.assert(
      fc.property(mutants(SEED.btf), (bytes) => {
        const btf = attempt(() => parseBtf(bytes));
        if (btf) useEverything(btf, SEED.ext);
      }),
      { numRuns: RUNS },
    );
  });

  it('is refused in .BTF.ext as well', () => {
    const btf = parseBtf(SEED.btf);
    fc.assert(
      fc.property(mutants(SEED.ext), (bytes) => {
        attempt(() => parseBtfExt(bytes, btf));
      }),
      { numRuns: RUNS },
    );
  });
});
