/** What holds of sockets whatever is sent: nothing is lost, doubled or out of order, and nothing stays behind. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../src/base/bytes.ts';
import { Kernel, type Socket } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';

/** What the message verdict lets pass begins so. */
const PASS = Uint8Array.of('P'.charCodeAt(0), '-'.charCodeAt(0));

/** Everything that there is to read, in reads of at most so many bytes. */
function drain(socket: Socket, limit: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let part = socket.receive(limit); part !== undefined && part.length > 0; part = socket.receive(limit))
    parts.push(part);
  return concatBytes(parts);
}

const piece = fc.uint8Array({ minLength: 1, maxLength: 40 });
/** What happens to a connection: bytes are sent, or so many are read. */
const steps = fc.array(fc.oneof(piece, fc.integer({ min: 1, max: 60 })), { minLength: 1, maxLength: 30 });

describe('a stream', () => {
  it.each(['no map', 'a map', 'a verdict that passes', 'a message verdict that passes'])(
    'comes out as it went in, with %s',
    (how) => {
      fc.assert(
        fc.property(steps, (taken) => {
          const kernel = new Kernel();
          const router = kernel.load(openFixture('sockets/route_stream'));
          const [client, server] = kernel.sockets.pair();
          if (how === 'a verdict that passes') router.programs.count!.attach({ map: router.maps.sockets! });
          if (how !== 'no map') router.maps.sockets!.update(0, server);
          if (how === 'a message verdict that passes') {
            const filter = kernel.load(openFixture('sockets/filter_messages'));
            filter.programs.decide!.attach({ map: filter.maps.sockets! });
            filter.maps.sockets!.update(0, client);
          }
          const [sent, heard]: [Uint8Array[], Uint8Array[]] = [[], []];
          for (const step of taken) {
            if (typeof step === 'number') {
              heard.push(server.receive(step) ?? new Uint8Array(0));
              continue;
            }
            const bytes = concatBytes([PASS, step]);
            expect(client.send(bytes)).toBe(bytes.length);
            sent.push(bytes);
          }
          client.close();
          heard.push(drain(server, 7));
          expect(concatBytes(heard)).toEqual(concatBytes(sent));
        }),
        { numRuns: 25 },
      );
    },
  );

  it('is cut into its messages, however they arrive', () => {
    const message = fc.uint8Array({ maxLength: 20 }).map((rest) => Uint8Array.of(rest.length, ...rest));
    const cuts = fc.array(fc.integer({ min: 1, max: 21 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(fc.tuple(message, cuts), { minLength: 1, maxLength: 8 }), (messages) => {
        const kernel = new Kernel();
        const object = kernel.load(openFixture('sockets/route_stream'));
        const { cut, count } = object.programs;
        cut!.attach({ map: object.maps.sockets! });
        count!.attach({ map: object.maps.sockets! });
        const [client, server] = kernel.sockets.pair();
        object.maps.sockets!.update(0, server);
        for (const [bytes, sizes] of messages) {
          let at = 0;
          for (const size of sizes) {
            client.send(bytes.subarray(at, at + size));
            at = Math.min(at + size, bytes.length);
          }
          client.send(bytes.subarray(at));
        }
        expect(object.bss.runs).toBe(messages.length);
        expect(drain(server, 9)).toEqual(concatBytes(messages.map(([bytes]) => bytes)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('redirection', () => {
  it('brings each piece where its first byte says, in order', () => {
    const routed = fc.tuple(fc.constantFrom('P', 'D', 'I', 'E'), fc.uint8Array({ maxLength: 12 }));
    fc.assert(
      fc.property(fc.array(routed, { maxLength: 30 }), (pieces) => {
        const kernel = new Kernel();
        const object = kernel.load(openFixture('sockets/route_stream'));
        object.programs.route!.attach({ map: object.maps.sockets! });
        const [client, server] = kernel.sockets.pair();
        const [other, far] = kernel.sockets.pair();
        object.maps.sockets!.update(0, server);
        object.maps.sockets!.update(1, other);
        const expected: Record<string, Uint8Array[]> = { P: [], D: [], I: [], E: [] };
        for (const [way, rest] of pieces) {
          const bytes = Uint8Array.of(way.charCodeAt(0), ...rest);
          client.send(bytes);
          expected[way]!.push(bytes);
        }
        for (const [socket, way] of [
          [server, 'P'],
          [other, 'I'],
          [far, 'E'],
        ] as const)
          expect(drain(socket, 1000)).toEqual(concatBytes(expected[way]!));
      }),
      { numRuns: 25 },
    );
  });

  it('in a circle is stopped', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('sockets/route_stream'));
    object.programs.route!.attach({ map: object.maps.sockets! });
    const [client, server] = kernel.sockets.pair();
    // What comes to one end goes out of the other, and so comes back.
    object.maps.sockets!.update(0, client);
    object.maps.sockets!.update(1, server);
    expect(() => client.send(Uint8Array.of('E'.charCodeAt(0)))).toThrow(/redirect data in a circle.*ELOOP/);
    expect(client.send(Uint8Array.of('D'.charCodeAt(0)))).toBe(1);
  });
});

describe('memory', () => {
  it('is what it was after many connections, messages and programs', () => {
    const kernel = new Kernel();
    const router = openFixture('sockets/route_stream');
    const filter = openFixture('sockets/filter_messages');
    const chooser = openFixture('sockets/choose_socket');
    const round = (): void => {
      kernel.load(router).programs.route!.attach({ map: router.maps.sockets! });
      kernel.load(filter).programs.decide!.attach({ map: filter.maps.sockets! });
      kernel.load(chooser).programs.steer!.attach();
      const ends = [...kernel.sockets.pair(), ...kernel.sockets.pair({ type: 'dgram' })] as const;
      router.maps.sockets!.update(0, ends[1]);
      filter.maps.sockets!.update(0, ends[0]);
      const shared = kernel.sockets.open({ type: 'dgram', reuseport: true });
      shared.bind({ port: 9000 });
      chooser.programs.pick!.attach({ socket: shared });
      for (const text of ['P-go', 'Phead', 'Pcut', 'Dropped']) {
        try {
          ends[0].send(new TextEncoder().encode(text));
        } catch {
          // What is dropped is said to the process.
        }
      }
      ends[2].send(Uint8Array.of(1));
      ends[2].send(Uint8Array.of('0'.charCodeAt(0)), { port: 9000 });
      for (const socket of [...ends, shared]) socket.close();
      for (const object of [router, filter, chooser]) kernel.unload(object);
    };
    round();
    const used = kernel.memory.bytesInUse;
    for (let i = 0; i < 20; i++) round();
    expect(kernel.memory.bytesInUse).toBe(used);
    expect(kernel.attachedHooks()).toEqual([]);
  });
});
