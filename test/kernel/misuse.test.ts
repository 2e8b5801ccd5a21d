/** What callers get wrong at run time, without types to stop them: each is told at once, and nothing is taken for something else. */
import { describe, expect, it } from 'vitest';
import { BpfObject, Kernel, openObject, readElf, UsageError } from '../../src/index.ts';
import { fixture, openFixture } from '../fixtures.ts';

const PATH: unknown = 'prog.bpf.o';

function loaded(kernel = new Kernel({ cpus: 2 })) {
  const object = kernel.load(openFixture('xdp/count_protocols'));
  return { kernel, object, program: object.programs.count_protocols!, map: object.maps.packets_by_protocol! };
}

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof UsageError) return error.code;
    throw error;
  }
  return undefined;
}

describe('what is no array of bytes', () => {
  const { kernel, program } = loaded();
  it.each<[string, (bytes: Uint8Array) => unknown]>([
    ['BpfObject.open', (bytes) => BpfObject.open(bytes)],
    ['openObject', (bytes) => openObject(bytes)],
    ['readElf', (bytes) => readElf(bytes)],
    ['kernel.load', (bytes) => kernel.load(bytes)],
    ['kernel.receive', (bytes) => kernel.receive('eth0', bytes)],
    ['kernel.transmit', (bytes) => kernel.transmit('eth0', bytes)],
    ['program.testRun', (bytes) => program.testRun({ data: bytes })],
  ])('is refused by %s', (_, action) => {
    for (const value of [PATH, 5, null, [1, 2, 3], new ArrayBuffer(64)])
      expect(codeOf(() => action(value as Uint8Array))).toBe('not-bytes');
  });

  it('is told to be read first when it is a path', () => {
    expect(() => BpfObject.open(PATH as Uint8Array)).toThrow(
      /an object file is given as bytes.*read the file/,
    );
  });

  it('may come from another realm', () => {
    class Foreign extends Uint8Array {}
    expect(BpfObject.open(Foreign.from(fixture('xdp/count_protocols'))).programList).toHaveLength(1);
  });
});

describe('types of a kernel', () => {
  it.each<[string, unknown]>([
    ['bytes', new Uint8Array(24)],
    ['a list of bytes', [new Uint8Array(24)]],
    ['a path', '/sys/kernel/btf/vmlinux'],
  ])('are not %s', (_, btf) => {
    expect(codeOf(() => new Kernel({ btf: btf as [] }))).toBe('bad-types');
  });
});

describe('a device that there is not', () => {
  it('has nothing attached to it', () => {
    const { kernel, program } = loaded();
    expect(codeOf(() => program.attach({ device: 'eth7' }))).toBe('no-such-device');
    kernel.devices.add('eth7');
    expect(codeOf(() => program.attach({ device: 'eth7' }))).toBeUndefined();
  });
});

describe('a time that is none', () => {
  it.each([-1, -1n, 1.5, Number.NaN, '5'])('is not advanced by: %s', (time) => {
    const { clock } = new Kernel();
    const before = clock.now();
    expect(
      codeOf(() => {
        clock.advance(time as number);
      }),
    ).toBe('bad-time');
    expect(clock.now()).toBe(before);
  });
});

describe('an object that is loaded into a second kernel', () => {
  it('leaves the first one', () => {
    const first = new Kernel({ cpus: 2 });
    const { object, program, map } = loaded(first);
    program.attach({ device: 'eth0' });
    const frame = new Uint8Array(64);
    expect(first.receive('eth0', frame).runs).toHaveLength(1);

    const second = new Kernel({ cpus: 3 });
    second.load(object);
    expect(first.receive('eth0', frame).runs).toHaveLength(0);
    expect(map.lookup(255)).toEqual([0n, 0n, 0n]);

    first.unload(object);
    expect(program.isLoaded).toBe(true);
    second.unload(object);
    expect(program.isLoaded).toBe(false);
  });
});
