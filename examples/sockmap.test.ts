// A program between two connections: what arrives at one socket goes out of another, or is dropped.
import { readFileSync } from 'node:fs';
import { Kernel } from 'bpflab';
import { expect, test } from 'vitest';

test('a sockmap forwards what begins with E', () => {
  const kernel = new Kernel();
  const object = kernel.load(readFileSync('fixtures/programs/sockets/route_stream.bpf.o'));
  const { sockets } = object.maps;
  object.programs.route!.attach({ map: sockets! });

  const [client, server] = kernel.sockets.pair();
  const [upstream, backend] = kernel.sockets.pair();
  sockets!.update(0, server);
  sockets!.update(1, upstream);

  client.send(new TextEncoder().encode('Egress'));
  client.send(new TextEncoder().encode('Dropped'));

  expect(new TextDecoder().decode(backend.receive())).toBe('Egress');
  expect(server.receive()).toBeUndefined();
});
