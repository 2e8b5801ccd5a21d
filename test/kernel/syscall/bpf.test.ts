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

  it.each([
    [
      'an attribute that the command does not have',
      { map_typ: 2 },
      /no attribute 'map_typ'; did you mean 'map_type'/,
    ],
    ['bytes for a number', { key_size: new Uint8Array(4) }, /'key_size' takes a number/],
    [
      'a name that is too long',
      { map_name: 'x'.repeat(17) },
      /'map_name' takes a string of at most 15 bytes/,
    ],
  ])('refuses %s', (_, attr, message) => {
    const kernel = new Kernel();
    expect(() => kernel.bpf('BPF_MAP_CREATE', attr as object)).toThrow(message);
    expect(kernel.memory.regions().filter(({ kind }) => kind === 'user')).toEqual([]);
  });

  it('gives the log of a refused program with the error and in its buffer', () => {
    const kernel = new Kernel();
    const log_buf = new Uint8Array(1024);
    const insns = rawToBytes(assemble('r0 = r7\nexit'), 'little');
    const attr = {
      prog_type: 1,
      insns,
      insn_cnt: 2,
      license: 'GPL',
      log_buf,
      log_size: 1024,
      log_level: 1,
      log_true_size: 0,
    };
    expect(() => kernel.bpf('BPF_PROG_LOAD', attr)).toThrow(/BPF_PROG_LOAD: .*R7 !read_ok/s);
    const text = String.fromCharCode(...log_buf.subarray(0, attr.log_true_size - 1));
    expect(text).toMatch(/^0: R1=ctx\(\) R10=fp0\n0: \(bf\) r0 = r7\nR7 !read_ok\nprocessed 1 insns/);
  });

  it('writes numbers and buffers back', () => {
    const kernel = new Kernel();
    const map_fd = kernel.bpf('BPF_MAP_CREATE', { map_type: 2, key_size: 4, value_size: 4, max_entries: 3 });
    const [keys, values, out_batch] = [new Uint8Array(40), new Uint8Array(40), new Uint8Array(4)];
    const attr = { map_fd, keys, values, out_batch, count: 10 };
    expect(() => kernel.bpf('BPF_MAP_LOOKUP_BATCH', attr)).toThrow(/ENOENT/);
    expect([attr.count, keys.subarray(0, 12)]).toEqual([3, u32(0, 1, 2)]);
  });
});
