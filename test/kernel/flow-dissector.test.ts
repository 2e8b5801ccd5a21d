/** Flow dissectors: test runs of the library, and the program of the network namespace. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Kernel } from '../../src/index.ts';
import { code } from './syscall/scenario.ts';

const FLOW_DISSECTOR = 22;
const ATTACH_FLOW_DISSECTOR = 17;
const CONTINUE = 129;
const DROP = 2;

const FRAME = Uint8Array.from({ length: 60 }, (_, i) => (i === 12 ? 8 : i === 13 ? 0 : i));

let kernel: Kernel;

/** Attaches a program that says where the transport header is, and answers `verdict`. */
function attach(verdict: number): void {
  const insns = code(`
    r6 = *(u64 *)(r1 + 144)
    *(u16 *)(r6 + 2) = 34
    r0 = ${verdict}
    exit`);
  const attach_bpf_fd = kernel.bpf('BPF_PROG_LOAD', {
    prog_type: FLOW_DISSECTOR,
    insns,
    insn_cnt: insns.length / 8,
    license: 'GPL',
  });
  kernel.bpf('BPF_PROG_ATTACH', { attach_bpf_fd, attach_type: ATTACH_FLOW_DISSECTOR });
}

beforeEach(() => {
  kernel = new Kernel();
});

describe('the flow dissector of the network namespace', () => {
  it("leaves a frame to the kernel's own where there is none, or where it says so", () => {
    expect(kernel.dissect(FRAME)).toEqual({ outcome: 'kernel', runs: [] });
    attach(CONTINUE);
    expect(kernel.dissect(FRAME).outcome).toBe('kernel');
  });

  it('says where the headers are', () => {
    attach(0);
    const { outcome, keys, runs } = kernel.dissect(FRAME, 5);
    expect(outcome).toBe('dissected');
    const view = new DataView(keys!.buffer, keys!.byteOffset);
    expect([view.getUint16(0, true), view.getUint16(2, true)], 'nhoff, thoff').toEqual([14, 34]);
    expect(view.getUint16(10, false), 'n_proto').toBe(0x0800);
    expect(view.getUint32(48, true), 'flags').toBe(5);
    expect(runs).toMatchObject([{ hook: 'netns/flow_dissector', retval: 0 }]);
  });

  it('can fail', () => {
    attach(DROP);
    expect(kernel.dissect(FRAME).outcome).toBe('failed');
    expect(() => kernel.dissect(FRAME.subarray(0, 13))).toThrow(/EINVAL/);
  });

  it('gives its memory back', () => {
    attach(0);
    kernel.dissect(FRAME);
    const used = kernel.memory.bytesInUse;
    kernel.dissect(FRAME);
    expect(kernel.memory.bytesInUse).toBe(used);
  });
});
