/** The typed form of bpf(2): attributes by name, results written back, errors thrown. */
import { describe, expect, it } from 'vitest';
import { Errno } from '../../../src/base/errno.ts';
import { assemble, rawToBytes } from '../../../src/isa/index.ts';
import { Kernel } from '../../../src/kernel/index.ts';

const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

describe('kernel.bpf', () => {
  it('creates a map, stores and reads a value', () => {
    const kernel = new Kernel();
    const map_fd = kernel.bpf('BPF_MAP_CREATE', {
      map_type: 2,
      key_size: 4,
      value_size: 4,
      max_entries: 2,
      map_name: 'numbers',
    });
    expect(map_fd).toBe(3);
    expect(kernel.bpf('BPF_MAP_UPDATE_ELEM', { map_fd, key: u32(1), value: u32(77) })).toBe(0);
    const value = u32(0);
    kernel.bpf('BPF_MAP_LOOKUP_ELEM', { map_fd, key: u32(1), value });
    expect(value).toEqual(u32(77));
  });

  it('loads a program through the verifier and runs it', () => {
    const kernel = new Kernel();
    const insns = rawToBytes(assemble('r0 = 2\nexit'), 'little');
    const prog_fd = kernel.bpf('BPF_PROG_LOAD', {
      prog_type: 6,
      insn_cnt: insns.length / 8,
      insns,
      license: 'GPL',
      prog_name: 'pass',
    });
    const run = { prog_fd, data_in: new Uint8Array(64), data_size_in: 64, retval: 0 };
    kernel.bpf('BPF_PROG_TEST_RUN', run);
    expect(run.retval).toBe(2);
  });
  it('throws the errno with what was wrong', () => {
    const kernel = new Kernel();
    expect(() => kernel.bpf('BPF_MAP_FREEZE', { map_fd: 9 })).toThrow(
      expect.objectContaining({ errno: Errno.EBADF }),
    );
  });
});
