// Time is the test's: samples carry the clock's value, and nothing moves it but the test.
import { readFileSync } from 'node:fs';
import { Kernel, type PerfSample } from 'bpflab';
import { expect, test } from 'vitest';

test('samples carry the time of the call', () => {
  const kernel = new Kernel({ clock: { start: 1_000 } });
  const object = kernel.load(readFileSync('fixtures/programs/tracing/perf_sample.bpf.o'));
  object.programs.sample_syscall!.attach();
  const samples: PerfSample[] = [];
  object.maps.samples!.perfBuffer({ type: 'sample' }).onRecord((sample) => samples.push(sample));

  kernel.syscall('read', [0]);
  kernel.clock.advance(500);
  kernel.syscall('write', [1]);

  expect(samples.map(({ data }) => data)).toMatchObject([
    { time: 1_000n, syscall: 0n },
    { time: 1_500n, syscall: 1n },
  ]);
});
