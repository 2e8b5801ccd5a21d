// A tracing program reports file names through a ring buffer; the test reads them as typed records.
import { readFileSync } from 'node:fs';
import { Kernel } from 'bpflab';
import { expect, test } from 'vitest';

test('reports who opens what', async () => {
  const kernel = new Kernel({ cpus: 2 });
  const object = kernel.load(readFileSync('fixtures/programs/tracing/ringbuf_events.bpf.o'));
  object.programs.report_open!.attach();
  const events = object.maps.events!.ringBuffer({ type: 'event' });

  const cat = kernel.spawn({ comm: 'cat', uid: 1000 });
  kernel.syscall('openat', [-100, '/etc/passwd', 0], { pid: cat.pid, cpu: 1 });

  for await (const event of events) {
    expect(event).toEqual({ pid: cat.pid, uid: 1000, comm: 'cat', file: '/etc/passwd' });
    break;
  }
  expect(object.bss.dropped).toBe(0n);
});
