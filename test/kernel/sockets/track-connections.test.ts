/**
 * SOCK_OPS programs: what they are told of connections, in which order, and sockets that they put in maps. Events, states and answers are those
 * that Linux 6.12 gave to the same object.
 */
import { describe, expect, it } from 'vitest';
import { type BpfObject, Kernel, type Socket } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';
import { hear, say } from './helpers.ts';

const PORT = 5000;

interface Note {
  readonly op: number;
  readonly state: number;
  readonly is_fullsock: number;
  readonly local_port: number;
  readonly remote_port: number;
  readonly args: readonly number[];
  readonly answer: number;
}

interface World {
  readonly kernel: Kernel;
  readonly object: BpfObject;
  /** The notes since the last call: `op state answer`, and `from>to` for changes of state. */
  readonly noted: () => string[];
}

function world(): World {
  const kernel = new Kernel();
  const object = kernel.load(openFixture('sockets/track_connections'));
  object.programs.track!.attach();
  let seen = 0;
  const noted = (): string[] => {
    const lines: string[] = [];
    for (; seen < Number(object.bss.count); seen++) {
      const { op, state, args, answer } = object.maps.notes!.lookup(seen) as unknown as Note;
      lines.push(op === 10 ? `10: ${args[0]}>${args[1]}` : `${op} ${state} ${answer}`);
    }
    return lines;
  };
  return { kernel, object, noted };
}

function listener(kernel: Kernel): Socket {
  const socket = kernel.sockets.open();
  socket.bind({ port: PORT });
  socket.listen();
  return socket;
}

describe('a SOCK_OPS program', () => {
  it('is told of a listener, and of a connection at both ends', () => {
    const { kernel, object, noted } = world();
    listener(kernel);
    expect(noted()).toEqual(['11 10 0']);
    const client = kernel.sockets.open();
    client.connect({ port: PORT });
    expect(noted()).toEqual([
      '3 2 -95',
      '2 2 1',
      '1 2 1',
      '6 2 1',
      '2 12 1',
      '1 12 1',
      '6 12 1',
      '4 1 0',
      // The listener is there under this port.
      '5 3 -17',
    ]);
    expect(object.maps.notes!.lookup(5)).toMatchObject({ is_fullsock: 0, local_port: PORT });
    expect(object.maps.notes!.lookup(8)).toMatchObject({ is_fullsock: 1, remote_port: PORT });
    expect(object.data.not_known).toBe(0);
  });

  it('is told of a connection that is refused only by the one who asked', () => {
    const { kernel, noted } = world();
    const client = kernel.sockets.open();
    expect(() => {
      client.connect({ port: 1 });
    }).toThrow(/ECONNREFUSED/);
    expect(noted()).toEqual(['3 2 -95', '2 2 1', '1 2 1', '6 2 1']);
  });

  it('is told of changes of state where it asks to be', () => {
    const { kernel, object, noted } = world();
    const server = listener(kernel);
    object.bss.wanted = 4;
    const client = kernel.sockets.open();
    client.connect({ port: PORT });
    expect(noted().at(-1)).toBe('10: 3>1');
    const accepted = server.accept();
    client.close();
    expect(noted()).toEqual(['10: 1>4', '10: 1>8', '10: 4>5', '10: 5>7']);
    accepted?.close();
    expect(noted()).toEqual(['10: 8>9', '10: 9>7']);
  });

  it('hears which flags are not known', () => {
    const { kernel, object } = world();
    listener(kernel);
    object.bss.wanted = 0x81;
    kernel.sockets.open().connect({ port: PORT });
    expect(object.data.not_known).toBe(0x80);
  });

  it('puts connected sockets in a map, in which their cookies are, and keeps values with them', () => {
    const { kernel, object } = world();
    const [client, server] = kernel.sockets.pair();
    const { sockets, events_of: events } = object.maps;
    expect(sockets!.lookup(client.local.port!)).toBe(BigInt(client.cookie));
    expect(object.bss.last_cookie).toBe(BigInt(server.cookie));
    expect([events!.lookup(client), events!.lookup(server)]).toEqual([5, 1]);
    client.close();
    expect(sockets!.lookup(client.local.port!)).toBeUndefined();
  });

  it('says nothing of sockets in other cgroups, of UDP and of UNIX sockets', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('sockets/track_connections'));
    const cgroup = kernel.cgroups.make('/sys/fs/cgroup/web');
    object.programs.track!.attach({ cgroup });
    kernel.sockets.pair();
    kernel.sockets.pair({ type: 'dgram' });
    kernel.sockets.pair({ family: 'unix', cgroup });
    expect(object.bss.count).toBe(0);
    kernel.sockets.pair({ cgroup });
    expect(object.bss.count).toBe(10);
  });
});

describe('a socket that a SOCK_OPS program put in a map', () => {
  it('takes the verdict program of the map along', () => {
    const kernel = new Kernel();
    const tracker = kernel.load(openFixture('sockets/track_connections'));
    const router = kernel.load(openFixture('sockets/route_stream'));
    tracker.programs.track!.attach();
    router.programs.count!.attach({ map: tracker.maps.sockets! });
    const [client, server] = kernel.sockets.pair();
    say(server, 'to the client');
    expect([hear(client), router.bss.runs]).toEqual(['to the client', 1]);
  });
});
