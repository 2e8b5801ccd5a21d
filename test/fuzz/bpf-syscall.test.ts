/** Hostile attributes: whatever bytes bpf(2) is given, it answers with a descriptor, 0 or an errno, and breaks nothing. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../src/kernel/index.ts';
import {
  type AttrField,
  BPF_ATTR_BYTES,
  BPF_COMMANDS,
  type BpfCommand,
  commandSpec,
} from '../../src/spec/index.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 60);
const commands = Object.keys(BPF_COMMANDS) as BpfCommand[];

/** A member's value: often one that means something. */
const word = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 12 }) },
  { weight: 2, arbitrary: fc.constantFrom(16, 37, 46, 64, 152, 4096, 1 << 14, 1 << 16, 0x7fffffff) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
);

/** Some members set; pointers are given as the number of a buffer. */
const call = fc.constantFrom(...commands).chain((command) => {
  const fields: readonly (readonly [string, AttrField])[] = Object.entries(commandSpec(command).fields);
  return fc.record({
    command: fc.constant(command),
    members: fc.array(fc.tuple(fc.constantFrom(...fields), word), { maxLength: 8 }),
    size: fc.oneof(fc.constant(BPF_ATTR_BYTES), fc.integer({ min: 0, max: 200 })),
    noise: fc.option(fc.tuple(fc.integer({ min: 0, max: 199 }), fc.integer({ min: 0, max: 255 })), {
      freq: 8,
      nil: undefined,
    }),
  });
});

/** Content of the buffers that pointers lead to: a program, paths, numbers. */
function buffers(kernel: Kernel): number[] {
  const program = Uint8Array.of(0xb7, 0, 0, 0, 1, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);
  const path = Uint8Array.from('/sys/fs/bpf/pin\0', (char) => char.charCodeAt(0));
  const license = Uint8Array.of(0x47, 0x50, 0x4c, 0);
  const contents = [
    program,
    path,
    license,
    new Uint8Array(256),
    new Uint8Array(4),
    Uint8Array.of(3, 0, 0, 0),
  ];
  return contents.map((content) => kernel.process.allocate(content));
}

describe('bpf(2) on arbitrary attributes', () => {
  it('answers every sequence of calls with numbers and frees all it was made to make', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 5, maxLength: 60 }), (calls) => {
        const kernel = new Kernel({ memoryLimit: 64 << 20 });
        const pointers = [0, ...buffers(kernel)];
        for (const { command, members, size, noise } of calls) {
          const attr = new Uint8Array(Math.max(size, BPF_ATTR_BYTES));
          const view = new DataView(attr.buffer);
          for (const [[, { offset, size: bytes, kind }], value] of members) {
            const pointer = (kind === 'buffer' || kind === 'string') && value < pointers.length;
            const content = pointer ? pointers[value]! : value;
            if (bytes === 8) view.setBigUint64(offset, BigInt(content), true);
            else view.setUint32(offset, content, true);
          }
          if (noise !== undefined && noise[0] < attr.length) attr[noise[0]] = noise[1];
          const result = kernel.bpf(BPF_COMMANDS[command].number, attr, size);
          expect(Number.isInteger(result) && result >= -4095 && result < 1 << 20).toBe(true);
        }
        for (let fd = 3; fd < 64; fd++)
          try {
            kernel.process.close(fd);
          } catch {
            // It was not open.
          }
        expect(kernel.process.openFiles).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  it('answers any bytes of any size with an errno or a descriptor', () => {
    const kernel = new Kernel({ memoryLimit: 64 << 20 });
    fc.assert(
      fc.property(
        fc.integer({ min: -2, max: 40 }),
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: -1, max: 5000 }),
        (command, bytes, size) => {
          const result = kernel.bpf(command, bytes, size);
          expect(Number.isInteger(result) && result >= -4095).toBe(true);
        },
      ),
      { numRuns: 20 * RUNS },
    );
  });
});
