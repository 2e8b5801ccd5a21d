/** References of instructions to maps, data and the kernel, and the relocations that cannot be meant. */
import { describe, expect, it } from 'vitest';
import { STB_WEAK, STT_OBJECT } from '../../src/elf/index.ts';
import { call, EXIT, load, ObjectBuilder, refusal, setR0 } from './object-builder.ts';

/** An object with one program of a load and a call, two maps, data and externs. */
function sample(): ObjectBuilder {
  const builder = new ObjectBuilder()
    .map('first', { uints: { type: 2 } })
    .map('second', { uints: { type: 1 } })
    .finishMaps()
    .data('.rodata', new Uint8Array(16), [{ name: 'limit', size: 4, offset: 8 }])
    .data('.bss', 32, [{ name: 'counter', size: 8, offset: 16 }])
    .code('.text', [{ name: 'helper', insns: [EXIT] }])
    .code('xdp', [{ name: 'main', insns: [...load(4), call(), EXIT] }]);
  const { btf } = builder;
  const proto = btf.proto(builder.int('int', 4), []);
  builder.externs('.ksyms', {
    kernel_function: btf.func('kernel_function', proto, 'extern'),
    kernel_variable: btf.variable('kernel_variable', builder.int('int', 4), 'extern'),
  });
  builder.externs(
    '.kconfig',
    {
      CONFIG_HZ: btf.variable('CONFIG_HZ', builder.int('int', 4), 'extern'),
      CONFIG_A: btf.variable('CONFIG_A', builder.int('u64', 8), 'extern'),
    },
    { binding: STB_WEAK },
  );
  return builder;
}

/** The program's references, and the slots that they patch. */
function referring(symbol: string, slot = 0) {
  const builder = sample().refer('xdp', slot, symbol);
  if (slot !== 2) builder.refer('xdp', 2, 'helper');
  const [program] = builder.open().programs;
  return { references: program?.references, insns: program?.insns.slice(slot, slot + 2) };
}

describe('a reference', () => {
  it('to a map names it, and the load says that it is a map', () => {
    const { references, insns } = referring('second');
    expect(references).toEqual([{ kind: 'map', insn: 0, map: 'second', mapIndex: 1 }]);
    expect(insns).toMatchObject([
      { src: 1, imm: 0 },
      { src: 0, imm: 0 },
    ]);
  });

  it('to a global variable is the place of its symbol plus what stands in the load', () => {
    const { references, insns } = referring('counter');
    expect(references).toEqual([{ kind: 'map-value', insn: 0, map: 'test.bss', mapIndex: 3, offset: 20 }]);
    expect(insns).toMatchObject([
      { src: 2, imm: 0 },
      { src: 0, imm: 20 },
    ]);
  });

  it('to a static variable is the place in its section that stands in the load', () => {
    expect(referring('.rodata').references).toEqual([
      { kind: 'map-value', insn: 0, map: 'test.rodata', mapIndex: 2, offset: 4 },
    ]);
  });

  it('to a kconfig option is its place in the .kconfig map, whatever stands in the load', () => {
    const { references, insns } = referring('CONFIG_HZ');
    expect(references).toEqual([{ kind: 'map-value', insn: 0, map: 'test.kconfig', mapIndex: 4, offset: 8 }]);
    expect(insns?.[1]).toMatchObject({ imm: 8 });
  });

  it('to a kernel variable waits for the kernel', () => {
    const { references, insns } = referring('kernel_variable');
    expect(references).toEqual([{ kind: 'extern', insn: 0, name: 'kernel_variable' }]);
    expect(insns).toMatchObject([{ src: 0, imm: 0 }, { imm: 0 }]);
  });

  it('to a kernel function is a call of that kind', () => {
    const { references, insns } = referring('kernel_function', 2);
    expect(references).toEqual([{ kind: 'extern', insn: 2, name: 'kernel_function' }]);
    expect(insns?.[0]).toMatchObject({ opcode: 0x85, src: 2, imm: 0 });
  });

  it('moves with the function that holds it', () => {
    const object = new ObjectBuilder()
      .map('only', { uints: { type: 2 } })
      .finishMaps()
      .code('.text', [{ name: 'helper', insns: [...load(), EXIT] }])
      .code('xdp', [{ name: 'main', insns: [setR0(0), call(), EXIT] }])
      .refer('.text', 0, 'only')
      .refer('xdp', 1, 'helper')
      .open();
    expect(object.programs[0]?.references).toEqual([{ kind: 'map', insn: 3, map: 'only', mapIndex: 0 }]);
  });

  it('in big-endian code is the same', () => {
    const object = new ObjectBuilder('big')
      .data('.bss', 32, [{ name: 'counter', size: 8, offset: 16 }])
      .code('xdp', [{ name: 'main', insns: [...load(4), EXIT] }])
      .refer('xdp', 0, 'counter')
      .open();
    expect(object.programs[0]?.references).toEqual([
      { kind: 'map-value', insn: 0, map: 'test.bss', mapIndex: 0, offset: 20 },
    ]);
  });

  it('of a weak function that another object replaced belongs to no program', () => {
    const builder = sample();
    builder.section('socket', { flags: 4, data: new Uint8Array(16) });
    expect(builder.refer('socket', 0, 'first').open().programs).toHaveLength(1);
  });
});

describe('relocations are refused', () => {
  it.each<readonly [string, string, (builder: ObjectBuilder) => unknown]>([
    ['of an instruction that refers to nothing', 'relocation-insn', (b) => b.refer('xdp', 3, 'first')],
    ['of the second half of a load', 'relocation-insn', (b) => b.refer('xdp', 1, 'first')],
    ['outside the section', 'relocation-offset', (b) => b.refer('xdp', 4, 'first')],
    ['between instructions', 'relocation-offset', (b) => b.pointer('xdp', 4, 'first')],
    [
      'twice for one instruction',
      'relocation-twice',
      (b) => b.refer('xdp', 0, 'first').refer('xdp', 0, 'second'),
    ],
    ['to a place in .maps where no map is', 'relocation-without-map', (b) => placed(b, '.maps', 4)],
    ['to a section that is no data', 'relocation-target', (b) => placed(b, 'xdp', 0)],
    ['to a variable that was never given a place', 'relocation-symbol', (b) => numbered(b, 0xfff2)],
    ['to a section that does not exist', 'relocation-symbol', (b) => numbered(b, 99)],
    ['of a call to something outside .text', 'bad-call', (b) => b.refer('xdp', 2, 'main')],
    ['of a call to half an instruction', 'bad-call', (b) => placed(b, '.text', 4, 2)],
  ])('%s', (_, code, change) => {
    const builder = sample();
    change(builder);
    expect(refusal(builder)).toBe(code);
  });

  /** Refers to a new symbol at a place in a section. */
  function placed(builder: ObjectBuilder, section: string, value: number, slot = 0): ObjectBuilder {
    builder.symbol('odd', { type: STT_OBJECT, section: builder.sections.get(section) ?? 0, value });
    return builder.refer('xdp', slot, 'odd');
  }

  /** Refers to a new symbol in a section of that number. */
  function numbered(builder: ObjectBuilder, section: number): ObjectBuilder {
    builder.symbol('odd', { type: STT_OBJECT, section });
    return builder.refer('xdp', 0, 'odd');
  }

  it('of a helper call, and says what the program may have meant', () => {
    const builder = new ObjectBuilder()
      .code('.text', [{ name: 'f', insns: [EXIT] }])
      .code('xdp', [{ name: 'main', insns: [{ ...call(), src: 0 }, EXIT] }])
      .refer('xdp', 0, 'f');
    expect(() => builder.open()).toThrow('declared but not defined');
  });

  it('with explicit addends, where they matter', () => {
    const builder = sample();
    const target = builder.sections.get('xdp') ?? 0;
    builder.elf.section('.relaxdp', { type: 4, info: target, entrySize: 24, data: new Uint8Array(24) });
    expect(refusal(builder)).toBe('rela-not-supported');
    const debug = sample();
    debug.elf.section('.rela.debug_info', { type: 4, info: target, entrySize: 24, data: new Uint8Array(24) });
    expect(debug.open().programs).toHaveLength(1);
  });

  it('in records of another size', () => {
    const builder = sample();
    builder.elf.section('.relxdp', { type: 9, info: 1, entrySize: 24, data: new Uint8Array(24) });
    expect(refusal(builder)).toBe('bad-relocation-section');
  });

  it('with the place: section, symbol, program, instruction and offset in the file', () => {
    const builder = sample().refer('xdp', 3, 'first');
    expect(() => builder.open()).toThrow(
      expect.objectContaining({
        place: expect.objectContaining({
          section: 'xdp',
          symbol: 'first',
          program: 'main',
          insn: 3,
        }) as unknown,
      }) as Error,
    );
  });
});
