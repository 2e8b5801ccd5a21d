/** The socket that a test run's packet has: what Linux 6.12 answered to the same programs and packets. */
import { describe, expect, it } from 'vitest';
import { MapLab, words } from './map-lab.ts';

const GET = 'r1 = *(u64 *)(r1 + 168)\nif r1 == 0 goto none\ncall 95\nif r0 == 0 goto none\n';
const END = '\nexit\nnone:\nr0 = -1\nexit';

function frame(edits: Readonly<Record<number, readonly number[]>>): Uint8Array {
  const bytes = new Uint8Array(64);
  for (const [at, part] of Object.entries(edits)) bytes.set(part, Number(at));
  return bytes;
}
const NO_IP = frame({});
const IPV4 = frame({ 12: [8, 0, 0x45], 26: [1, 2, 3, 4, 5, 6, 7, 8] });
const IPV6 = frame({ 12: [0x86, 0xdd, 0x60], 22: Array.from({ length: 32 }, (_, i) => i + 1) });

function answers(lab: MapLab, source: string): number[] {
  const prog_fd = lab.load(source);
  return [NO_IP, IPV4, IPV6].map((data_in) => {
    const attr = { prog_fd, data_in, data_size_in: data_in.length, retval: 0 };
    lab.kernel.bpf('BPF_PROG_TEST_RUN', attr);
    return attr.retval >>> 0;
  });
}

describe('the socket of a packet in a test run', () => {
  it.each([
    ['family', 4, [0, 2, 10]],
    ['type', 8, [0, 0, 0]],
    ['protocol', 12, [0, 0, 0]],
    ['src_ip4', 24, [0, 0x04030201, 0]],
    ['src_ip6', 28, [0, 0, 0x04030201]],
    ['src_port', 44, [0, 0, 0]],
    ['dst_ip4', 52, [0, 0x08070605, 0]],
    ['dst_ip6', 56, [0, 0, 0x14131211]],
    ['state', 72, [7, 7, 7]],
  ])('has the %s of its packet', (_, offset, expected) => {
    expect(answers(new MapLab(), `${GET}r0 = *(u32 *)(r0 + ${offset})${END}`)).toEqual(expected);
  });

  it('gets its cookie when a program asks', () => {
    const lab = new MapLab();
    expect(answers(lab, 'r0 = 0\nexit')).toEqual([0, 0, 0]);
    expect(answers(lab, 'call 46\nexit')).toEqual([1, 2, 3]);
    expect(lab.kernel.sockets.open().cookie).toBe(4);
  });

  it('is in the cgroup of the current task', () => {
    const lab = new MapLab();
    const groups = lab.map('CGROUP_ARRAY', { value_size: 4, max_entries: 2 });
    lab.update(groups, words(0), words(lab.kernel.process.open('/sys/fs/cgroup')));
    const under = (index: number): number =>
      lab.once(`r2 = map[fd:${groups}] ll\nr3 = ${index}\ncall 33\nexit`);
    expect([0, 1, 2].map(under)).toEqual([1, -11, -7]);
  });

  it('is gone after the run', () => {
    const lab = new MapLab();
    const program = lab.load('r0 = 0\nexit');
    // The engine compiles it meanwhile.
    for (let i = 0; i < 10; i++) lab.run(program);
    const used = lab.kernel.memory.bytesInUse;
    for (let i = 0; i < 10; i++) lab.run(program);
    expect(lab.kernel.memory.bytesInUse).toBe(used);
  });
});

describe('the context that comes back', () => {
  it('holds what can be set, and zeros', () => {
    const lab = new MapLab();
    const prog_fd = lab.load('r2 = 9\n*(u32 *)(r1 + 8) = r2\nr0 = 0\nexit');
    const ctx_out = new Uint8Array(192);
    const attr = { prog_fd, data_in: IPV4, data_size_in: 64, ctx_out, ctx_size_out: 192 };
    lab.kernel.bpf('BPF_PROG_TEST_RUN', attr);
    const shown = new Uint32Array(ctx_out.buffer);
    const set = [...shown.entries()].filter(([, value]) => value !== 0).map(([i, value]) => [4 * i, value]);
    expect(set).toEqual([
      [8, 9],
      [40, 1],
      [160, 64],
    ]);
  });
});
