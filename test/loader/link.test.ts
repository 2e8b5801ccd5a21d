/** Linking: which subprograms follow a program, where its calls, references and records then point. */
import { describe, expect, it } from 'vitest';
import { STB_LOCAL, STB_WEAK, STV_HIDDEN } from '../../src/elf/index.ts';
import type { RawInsn } from '../../src/isa/index.ts';
import type { ProgramSpec } from '../../src/loader/index.ts';
import { call, EXIT, load, ObjectBuilder, refusal, setR0, simpleObject } from './object-builder.ts';

const STATIC = { binding: STB_LOCAL };

/** Instructions in short: `exit`, `r0 = N`, `call +N`, `func +N`. */
function listing(insns: readonly RawInsn[]): string[] {
  return insns.map(({ opcode, src, imm }) => {
    if (opcode === 0x95) return 'exit';
    if (opcode === 0xb7) return `r0 = ${imm}`;
    if (opcode === 0x85) return src === 1 ? `call +${imm}` : `call ${src}:${imm}`;
    return opcode === 0x18 ? (src === 4 ? `func +${imm}` : `load ${src}:${imm}`) : `${imm}`;
  });
}

function functionsOf(program: ProgramSpec | undefined): string[] {
  return program?.subprogs.map(({ name, start }) => `${name}@${start}`) ?? [];
}

/** A program that calls `first` and `second`, global functions of .text; `second` calls a static one, which calls itself. */
function calling(): ObjectBuilder {
  return new ObjectBuilder()
    .code('.text', [
      { name: 'unused', insns: [setR0(9), EXIT] },
      { name: 'deep', insns: [setR0(3), call(-2), EXIT], ...STATIC },
      { name: 'second', insns: [call(-4), EXIT] },
      { name: 'first', insns: [setR0(1), call(-4), EXIT] },
    ])
    .code('xdp', [{ name: 'main', insns: [call(), call(), call(), EXIT] }])
    .refer('xdp', 0, 'first')
    .refer('xdp', 1, 'second')
    .refer('xdp', 2, 'first');
}

describe('a program', () => {
  it('that calls nothing is its own instructions', () => {
    const [program] = simpleObject().open().programs;
    expect(listing(program?.insns ?? [])).toEqual(['r0 = 1', 'exit']);
    expect(program?.subprogs).toEqual([{ name: 'drop', start: 0, global: true }]);
  });

  it('is followed by the functions that it reaches, each where the first call of it is met, depth first', () => {
    const [program] = calling().open().programs;
    expect(functionsOf(program)).toEqual(['main@0', 'first@4', 'second@7', 'deep@9']);
    expect(listing(program?.insns ?? [])).toEqual([
      'call +3',
      'call +5',
      'call +1',
      'exit',
      'r0 = 1',
      'call +1',
      'exit',
      'call +1',
      'exit',
      'r0 = 3',
      'call +-2',
      'exit',
    ]);
  });

  it('gets its own copy of a function that another program calls too', () => {
    const object = calling()
      .code('tc', [{ name: 'other', insns: [setR0(0), setR0(0), call(), EXIT] }])
      .refer('tc', 2, 'second')
      .open();
    const [main, other] = object.programs;
    expect(functionsOf(other)).toEqual(['other@0', 'second@4', 'deep@6']);
    expect(listing(other?.insns ?? [])[2]).toBe('call +1');
    expect(functionsOf(main)).toHaveLength(4);
  });

  it('reaches static functions through the symbol of .text and the place in the call', () => {
    const object = new ObjectBuilder()
      .code('.text', [
        { name: 'a', insns: [setR0(1), EXIT], ...STATIC },
        { name: 'b', insns: [setR0(2), EXIT], ...STATIC },
      ])
      .code('xdp', [{ name: 'main', insns: [call(1), call(-1), EXIT] }])
      .refer('xdp', 0, '.text')
      .refer('xdp', 1, '.text')
      .open();
    expect(functionsOf(object.programs[0])).toEqual(['main@0', 'b@3', 'a@5']);
  });

  it('holds distances to the functions whose addresses it loads', () => {
    const object = new ObjectBuilder()
      .code('.text', [
        { name: 'hidden', insns: [setR0(1), EXIT], ...STATIC },
        { name: 'callback', insns: [setR0(2), EXIT] },
      ])
      .code('xdp', [{ name: 'main', insns: [...load(), ...load(0), EXIT] }])
      .refer('xdp', 0, 'callback')
      .refer('xdp', 2, '.text')
      .open();
    const [program] = object.programs;
    expect(functionsOf(program)).toEqual(['main@0', 'callback@5', 'hidden@7']);
    // From the slot after the load: 0 + 1 + 4 and 2 + 1 + 4.
    expect(listing(program?.insns ?? []).slice(0, 4)).toEqual(['func +4', '0', 'func +4', '0']);
    expect(program?.references).toEqual([]);
  });

  it('does not move: instructions of the file are the same objects in every program', () => {
    const [main] = calling().open().programs;
    const [again] = calling().open().programs;
    expect(main).toEqual(again);
  });

  it('says which of its functions the verifier checks on their own', () => {
    const object = new ObjectBuilder()
      .code('.text', [
        { name: 'quiet', insns: [EXIT], visibility: STV_HIDDEN },
        { name: 'loud', insns: [EXIT], binding: STB_WEAK },
        { name: 'local', insns: [EXIT], ...STATIC },
      ])
      .code('xdp', [{ name: 'main', insns: [call(), call(), call(1), EXIT], visibility: STV_HIDDEN }])
      .refer('xdp', 0, 'quiet')
      .refer('xdp', 1, 'loud')
      .refer('xdp', 2, '.text')
      .open();
    expect(object.programs[0]?.subprogs.map(({ name, global }) => [name, global])).toEqual([
      ['main', true],
      ['quiet', false],
      ['loud', true],
      ['local', false],
    ]);
  });

  it('links a chain of functions deeper than any stack', () => {
    const count = 20_000;
    const chain = Array.from({ length: count }, (_, i) => ({
      name: `f${i}`,
      insns: [i < count - 1 ? call(0) : EXIT],
      ...STATIC,
    }));
    const object = new ObjectBuilder()
      .code('.text', chain)
      .code('xdp', [{ name: 'main', insns: [call(-1), EXIT] }])
      .refer('xdp', 0, '.text')
      .open();
    expect(object.programs[0]?.insns).toHaveLength(count + 2);
  });
});

describe('linking errors', () => {
  /** The link error of the only program of an object that can be opened. */
  function linkError(builder: ObjectBuilder): string {
    const [program] = builder.open().programs;
    expect(program?.subprogs).toHaveLength(1);
    return `${program?.linkError?.code ?? 'linked'}: ${program?.linkError?.message ?? ''}`;
  }

  it('wait until the program is loaded: the object opens, the program keeps its own instructions', () => {
    const object = simpleObject()
      .code('tc', [{ name: 'lost', insns: [call(7), EXIT] }])
      .open();
    expect(object.programs.map((program) => [program.name, program.linkError?.code])).toEqual([
      ['drop', undefined],
      ['lost', 'link-target'],
    ]);
    expect(object.programs[1]).toMatchObject({
      insns: [call(7), EXIT],
      linkError: { place: { program: 'lost', section: 'tc', insn: 0 } },
    });
  });

  it('name a call into the middle of a function', () => {
    const builder = new ObjectBuilder()
      .code('.text', [{ name: 'f', insns: [setR0(1), EXIT] }])
      .code('xdp', [{ name: 'main', insns: [call(0), EXIT] }])
      .refer('xdp', 0, '.text');
    expect(linkError(builder)).toBe("link-target: instruction 1 of .text lies inside of 'f'");
  });

  it('name the load of a function address that no relocation explains', () => {
    const [first, second] = load();
    const insns = [{ ...first!, src: 4 }, second!, EXIT];
    expect(linkError(new ObjectBuilder().code('xdp', [{ name: 'main', insns }]))).toContain(
      'no relocation says',
    );
  });

  it('name a call of data', () => {
    const [first, second] = load();
    const builder = new ObjectBuilder()
      .data('.bss', 8)
      .code('xdp', [{ name: 'main', insns: [{ ...first!, src: 4 }, second!, EXIT] }])
      .refer('xdp', 0, '.bss');
    expect(linkError(builder)).toBe('link-reference: a function is expected here, not a data');
  });

  it('refuse an object whose programs together are too large for any machine', () => {
    const big = Array<RawInsn>(20_000).fill(EXIT);
    const programs = Array.from({ length: 100 }, (_, i) => ({ name: `p${i}`, insns: [call(), EXIT] }));
    const builder = new ObjectBuilder().code('.text', [{ name: 'big', insns: big }]).code('xdp', programs);
    for (let i = 0; i < programs.length; i++) builder.refer('xdp', 2 * i, 'big');
    expect(refusal(builder)).toBe('too-much-code');
  });
});

describe('records of .BTF.ext', () => {
  /** `calling` with the slots of `.text` and `xdp` that have records. */
  function recorded(text: readonly number[], xdp: readonly number[]): ObjectBuilder {
    const builder = calling();
    const string = builder.btf.string('f.c');
    const int = builder.int('int', 4);
    /** A table with the sections that have records: compilers write no empty ones. */
    const table = (
      words: (section: string) => readonly number[],
      inText: readonly number[],
      inXdp: readonly number[],
    ) =>
      Object.fromEntries(
        (
          [
            ['.text', inText],
            ['xdp', inXdp],
          ] as const
        )
          .filter(([, slots]) => slots.length > 0)
          .map(([section, slots]) => [section, slots.map((slot) => [8 * slot, ...words(section)])]),
      );
    return builder.records({
      funcInfo: table(() => [int], text, xdp),
      lineInfo: table((section) => [string, string, (section === 'xdp' ? 8 : 7) << 10], text, xdp),
      coreRelo: table(() => [int, string, 0], [7], [3]),
    });
  }

  it('move with their functions', () => {
    // In .text: unused at 0, deep at 2, second at 5, first at 7.
    const [program] = recorded([0, 2, 5, 7, 8], [0, 2]).open().programs;
    expect(program?.lineInfo.map(({ insn, line }) => [insn, line])).toEqual([
      [0, 8],
      [2, 8],
      [4, 7],
      [5, 7],
      [7, 7],
      [9, 7],
    ]);
    expect(program?.funcInfo.map((record) => record.insn)).toEqual([0, 2, 4, 5, 7, 9]);
    expect(program?.coreRelocs.map((record) => record.insn)).toEqual([3, 4]);
  });

  it('are left out when the entry function has none', () => {
    const [program] = recorded([0, 2, 5, 7], []).open().programs;
    expect(program).toMatchObject({ funcInfo: [], lineInfo: [] });
    expect(program?.coreRelocs).toHaveLength(2);
  });

  it('must be there for every function when the entry function has some', () => {
    const [program] = recorded([2, 7], [0]).open().programs;
    expect(program?.linkError).toMatchObject({ code: 'link-records', place: { symbol: 'second' } });
  });

  it('are found when the file does not have them in order', () => {
    const [program] = recorded([8, 2, 7, 5], [2, 0]).open().programs;
    expect(program?.lineInfo.map((record) => record.insn)).toEqual([0, 2, 4, 5, 7, 9]);
  });
});

describe('exception callbacks', () => {
  /** A program tagged with the name of its callback, and functions in .text. */
  function throwing(callback: string, symbol = {}, tagged: 'global' | 'static' = 'global'): ObjectBuilder {
    const builder = new ObjectBuilder()
      .code('.text', [{ name: 'on_throw', insns: [setR0(5), EXIT], ...symbol }])
      .code('xdp', [{ name: 'main', insns: [setR0(0), EXIT] }]);
    const func = builder.btf.func('main', builder.btf.proto(builder.int('int', 4), []), tagged);
    builder.btf.add({
      kind: 'decl_tag',
      name: `exception_callback:${callback}`,
      type: func,
      componentIndex: -1,
    });
    return builder;
  }

  it('follow the program though nothing calls them', () => {
    const [program] = throwing('on_throw').open().programs;
    expect(functionsOf(program)).toEqual(['main@0', 'on_throw@2']);
  });

  it('are left out when a program names two, which the verifier refuses', () => {
    const builder = throwing('on_throw');
    builder.btf.add({
      kind: 'decl_tag',
      name: 'exception_callback:on_throw',
      type: builder.btf.nextId - 2,
      componentIndex: -1,
    });
    expect(functionsOf(builder.open().programs[0])).toEqual(['main@0']);
  });

  it.each([
    ['no function', throwing('')],
    ['a function that does not exist', throwing('other')],
    ['a static function', throwing('on_throw', STATIC)],
    ['a hidden function', throwing('on_throw', { visibility: STV_HIDDEN })],
    ['a function, from a program that is static', throwing('on_throw', {}, 'static')],
  ])('cannot be %s', (_, builder) => {
    expect(builder.open().programs[0]?.linkError?.code).toBe('exception-callback');
  });
});
