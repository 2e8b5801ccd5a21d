/** Test runs of flow dissectors. */
import { code, type Late, Scenario, u32 } from '../scenario.ts';

const FLOW_DISSECTOR = 22;

/** Sets the offsets of the headers and the protocol of the transport, and gives `verdict`. */
const fill = (nhoff: number, thoff: number, verdict: number): string => `
  r6 = *(u64 *)(r1 + 144)
  *(u16 *)(r6 + 0) = ${nhoff}
  *(u16 *)(r6 + 2) = ${thoff}
  *(u8 *)(r6 + 9) = 17
  r0 = ${verdict}
  exit`;

/** Writes what it is given into the keys: the offsets of the headers, the protocol, flags, the length, the first byte. */
const SHOW = `
  r6 = *(u64 *)(r1 + 144)
  r2 = *(u32 *)(r1 + 76)
  r3 = *(u32 *)(r1 + 80)
  r4 = r3
  r4 -= r2
  r5 = *(u32 *)(r6 + 48)
  *(u32 *)(r6 + 16) = r5
  *(u32 *)(r6 + 20) = r4
  r5 = r2
  r5 += 1
  if r5 > r3 goto short
  r5 = *(u8 *)(r2 + 0)
  *(u32 *)(r6 + 24) = r5
short:
  r2 = 14
  r3 = r10
  r3 += -4
  r4 = 4
  call 26
  r5 = *(u32 *)(r10 - 4)
  *(u32 *)(r6 + 28) = r5
  *(u32 *)(r6 + 52) = r0
  r0 = 0
  exit`;

function load(s: Scenario, as: string, source: string): Late {
  const insns = code(source);
  return s.call(
    'BPF_PROG_LOAD',
    { prog_type: FLOW_DISSECTOR, insns, insn_cnt: insns.length / 8, license: 'GPL' },
    { as },
  );
}

function frame(size: number): Uint8Array {
  const bytes = Uint8Array.from({ length: size }, (_, i) => i + 1);
  if (size >= 14) bytes.set([8, 0], 12);
  return bytes;
}

const hide = { hide: ['duration'] };

function runs(): Scenario {
  const s = new Scenario('test runs of flow dissectors');
  const keys = s.buffer('keys', 64);
  const run = (
    prog_fd: Late,
    size: number,
    more: Readonly<Record<string, number | Uint8Array>> = {},
  ): void => {
    s.call(
      'BPF_PROG_TEST_RUN',
      { prog_fd, data_in: frame(Math.max(size, 1)), data_size_in: size, data_out: keys, ...more },
      hide,
    );
    s.show(keys, 0, 64);
  };
  for (const [nhoff, thoff, verdict] of [
    [14, 34, 0],
    [18, 38, 2],
    [13, 10, 129],
    [60, 20, 0],
    [100, 200, 255],
    [0, 65535, 0],
  ])
    run(load(s, `p${nhoff}`, fill(nhoff!, thoff!, verdict!)), 64);
  const show = load(s, 'show', SHOW);
  for (const size of [0, 13, 14, 15, 17, 18, 64, 3500, 4096, 4097]) run(show, size);
  run(show, 64, { data_size_out: 56 });
  run(show, 64, { data_size_out: 20 });
  run(show, 64, { repeat: 3 });
  for (const member of ['flags', 'cpu', 'batch_size']) run(show, 64, { [member]: 1 });
  const flags = new Uint8Array(56);
  flags.set(u32(7), 48);
  run(show, 64, { ctx_in: flags, ctx_size_in: 56 });
  run(show, 64, { ctx_in: flags.subarray(0, 49), ctx_size_in: 49 });
  run(show, 64, { ctx_in: Uint8Array.of(1), ctx_size_in: 1 });
  run(show, 64, { ctx_in: new Uint8Array(57).fill(1, 52, 53), ctx_size_in: 57 });
  run(show, 64, { ctx_in: new Uint8Array(57).fill(1, 56), ctx_size_in: 57 });
  const out = s.buffer('out', 60);
  s.call(
    'BPF_PROG_TEST_RUN',
    {
      prog_fd: show,
      data_in: frame(64),
      data_size_in: 64,
      ctx_in: flags,
      ctx_size_in: 56,
      ctx_out: out,
      ctx_size_out: 60,
    },
    hide,
  );
  s.show(out, 0, 60);
  return s;
}

export const FLOWS: readonly Scenario[] = [runs()];
