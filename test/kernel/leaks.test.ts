/** Nothing stays behind: after many rounds of load, attach, run and unload the linear memory in use is what it was. */
import { expect, it } from 'vitest';
import { ethernet, ipv4, Kernel, packet, udp } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const ROUNDS = 1000;

it('1,000 rounds of load, attach, run and unload leave the memory as it was', { timeout: 120_000 }, () => {
  const kernel = new Kernel({ cpus: 2 });
  const frame = packet(ethernet(), ipv4(), udp({ dport: 53 }), 'payload');
  const object = openFixture('xdp/count_protocols');
  const round = (): void => {
    kernel.load(object);
    object.programs.count_protocols!.attach({ device: 'eth0' });
    expect(kernel.receive('eth0', frame).verdict).toBe('pass');
    kernel.unload(object);
  };
  round();
  const used = kernel.memory.bytesInUse;
  const size = kernel.memory.size;
  for (let i = 0; i < ROUNDS; i++) round();
  expect(kernel.memory.bytesInUse).toBe(used);
  expect(kernel.memory.size).toBe(size);
});

it.each(['xdp/redirect_maps', 'tracing/task_notes', 'tracing/ringbuf_events', 'tracing/map_in_map'])(
  '%s leaves nothing behind when it is unloaded',
  (name) => {
    const kernel = new Kernel({ cpus: 2 });
    const object = openFixture(name);
    kernel.unload(kernel.load(object));
    const used = kernel.memory.bytesInUse;
    for (let i = 0; i < 5; i++) {
      kernel.load(object);
      kernel.syscall('getpid');
      kernel.unload(object);
    }
    expect(kernel.memory.bytesInUse).toBe(used);
  },
);
