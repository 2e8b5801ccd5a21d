// An XDP program on a simulated device: packets are built layer by layer, counters read by CPU.
import { readFileSync } from 'node:fs';
import { ethernet, ipv4, Kernel, packet, tcp, udp } from 'bpflab';
import { expect, test } from 'vitest';

test('counts packets by protocol', () => {
  const kernel = new Kernel({ cpus: 2 });
  const object = kernel.load(readFileSync('fixtures/programs/xdp/count_protocols.bpf.o'));
  object.programs.count_protocols!.attach({ device: 'eth0' });

  const dns = packet(ethernet(), ipv4({ dst: '192.0.2.53' }), udp({ dport: 53 }), 'query');
  kernel.receive('eth0', dns, { cpu: 0 });
  kernel.receive('eth0', dns, { cpu: 1 });
  const { verdict } = kernel.receive('eth0', packet(ethernet(), ipv4(), tcp({ flags: ['syn'] })), { cpu: 1 });

  expect(verdict).toBe('pass');
  expect(object.maps.packets_by_protocol!.lookup(17)).toEqual([1n, 1n]);
  expect(object.maps.packets_by_protocol!.lookup(6)).toEqual([0n, 1n]);
});
