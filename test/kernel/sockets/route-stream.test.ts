/**
 * SK_SKB programs of socket maps: what arrives at a socket passes, is dropped, or goes to another. What is expected here is what Linux 6.12 did with
 * the same object and real sockets.
 */
import { describe, expect, it } from 'vitest';
import { type BpfObject, Kernel, type MapHandle } from '../../../src/index.ts';
import { BpfAttachType } from '../../../src/spec/index.ts';
import { openFixture } from '../../fixtures.ts';
import { hear, say } from './helpers.ts';

interface World {
  readonly kernel: Kernel;
  readonly object: BpfObject;
  readonly sockets: MapHandle;
}

function world(): World {
  const kernel = new Kernel();
  const object = kernel.load(openFixture('sockets/route_stream'));
  return { kernel, object, sockets: object.maps.sockets! };
}

describe.each(['inet', 'inet6'] as const)('a verdict program on TCP over %s', (family) => {
  it('lets data pass, drops it, and redirects it into or out of another socket', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair({ family });
    const [other, far] = kernel.sockets.pair({ family });
    sockets.update(0, server);
    sockets.update(1, other);

    expect(say(client, 'Phello')).toBe(6);
    expect(hear(server)).toBe('Phello');
    say(client, 'Dropped');
    expect(hear(server)).toBeUndefined();
    say(client, 'Into');
    expect(hear(other)).toBe('Into');
    say(client, 'Egress');
    expect(hear(far)).toBe('Egress');
    expect(hear(server)).toBeUndefined();
    expect(object.bss).toMatchObject({ runs: 4, length: 6, family: family === 'inet' ? 2 : 10 });
    expect(object.bss).toMatchObject({ local_port: server.local.port, remote_port: client.local.port });
  });
});

describe('a verdict program on TCP', () => {
  it('has none of the data in reach before it pulls it', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    say(client, 'Phello');
    expect(object.bss).toMatchObject({ length: 6, reach: 0, reach_pulled: 1 });
  });

  it('gets what arrived before it came when the process reads, in one piece', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    say(client, 'Pone');
    say(client, 'Ptwo');
    sockets.update(0, server);
    expect(object.bss.runs).toBe(0);
    expect(hear(server)).toBe('PonePtwo');
    expect(object.bss).toMatchObject({ runs: 1, length: 8 });
  });

  it('gets much at once in pieces of 64 KiB', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    expect(say(client, 'P'.repeat(100_000))).toBe(100_000);
    expect(object.bss).toMatchObject({ runs: 2, length: 34_464 });
    expect(hear(server)).toHaveLength(100_000);
  });

  it('is asked about the end of the connection, which is a segment without data', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    client.close();
    expect(object.bss).toMatchObject({ runs: 1, length: 0 });
    expect(hear(server)).toBe('');
    expect(say(server, 'anyone?')).toBe(7);
    expect(() => say(server, 'anyone?')).toThrow(/EPIPE/);
  });

  it('reads no more once the socket has left the map', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    sockets.delete(0);
    say(client, 'Dstays');
    expect(hear(server)).toBe('Dstays');
    expect(object.bss.runs).toBe(0);
  });

  it('drops what goes to a socket that listens, or to an empty slot', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    say(client, 'Inowhere');
    const listener = kernel.sockets.open();
    listener.listen();
    sockets.update(1, listener);
    say(client, 'Ilistener');
    expect([hear(server), object.bss.runs]).toEqual([undefined, 2]);
  });
});

describe('a verdict program on UDP', () => {
  it('has all of a datagram in reach, and what it lets pass is read as a stream', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [here, there] = kernel.sockets.pair({ type: 'dgram' });
    const [other, far] = kernel.sockets.pair({ type: 'dgram' });
    sockets.update(0, there);
    sockets.update(1, other);
    say(here, 'Pab');
    say(here, 'Pcd');
    expect(hear(there)).toBe('PabPcd');
    expect(object.bss).toMatchObject({ runs: 2, length: 3, reach: 3, reach_pulled: 3 });
    say(here, 'Iab');
    expect(hear(other)).toBe('Iab');
    say(here, 'Eab');
    expect(hear(far)).toBe('Eab');
  });

  it('cannot be helped by a parser', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    object.programs.cut!.attach({ map: sockets });
    const [, there] = kernel.sockets.pair({ type: 'dgram' });
    expect(() => {
      sockets.update(0, there);
    }).toThrow(/EOPNOTSUPP/);
  });
});

describe('a connected UDP socket', () => {
  it('hears by its next call that nobody got what it sent', () => {
    const { kernel } = world();
    const [here, there] = kernel.sockets.pair({ type: 'dgram' });
    there.close();
    expect(say(here, 'x')).toBe(1);
    expect(() => say(here, 'x')).toThrow(/ECONNREFUSED/);
    expect(say(here, 'x')).toBe(1);
  });
});

describe('a verdict program on UNIX sockets', () => {
  it.each(['stream', 'dgram'] as const)('passes and redirects data of type %s', (type) => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [here, there] = kernel.sockets.pair({ family: 'unix', type });
    const [other] = kernel.sockets.pair();
    sockets.update(0, there);
    sockets.update(1, other);
    say(here, 'Pab');
    say(here, 'Pcd');
    expect(hear(there)).toBe('PabPcd');
    say(here, 'Iab');
    expect(hear(other)).toBe('Iab');
    expect(object.bss).toMatchObject({ runs: 3, length: 3, reach: 3, family: 1 });
  });

  it('has the first part of a large message in reach', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [here, there] = kernel.sockets.pair({ family: 'unix' });
    sockets.update(0, there);
    say(here, 'P'.repeat(10_000));
    expect(object.bss).toMatchObject({ length: 10_000, reach: 1808 });
  });
});

/** What a client sends goes to another socket, by the client's port. */
function routedByPort() {
  const { kernel, object } = world();
  const { by_port: byPort } = object.maps;
  object.programs.route_by_port!.attach({ map: byPort! });
  const [client, server] = kernel.sockets.pair();
  const [other] = kernel.sockets.pair();
  byPort!.update(client.local.port!, other);
  byPort!.update(1, server);
  return { client, other };
}

describe('the end of a connection, redirected into another socket', () => {
  it('is the end for what reads there, and for what would be redirected later', () => {
    const { client, other } = routedByPort();
    say(client, 'one');
    client.close();
    expect([hear(other), hear(other)]).toEqual(['one', '']);
    expect(other.error).toBe(32);
  });
});

describe('a SOCKHASH', () => {
  it('redirects by key', () => {
    const { client, other } = routedByPort();
    say(client, 'any');
    expect(hear(other)).toBe('any');
  });
});

describe('a parser program', () => {
  it('cuts the stream into messages, however it arrives', () => {
    const { kernel, object, sockets } = world();
    object.programs.cut!.attach({ map: sockets });
    object.programs.count!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    say(client, '\x03abc');
    expect([hear(server), object.bss.runs]).toEqual(['\x03abc', 1]);
    say(client, '\x03a');
    expect([hear(server), object.bss.runs]).toEqual([undefined, 1]);
    say(client, 'bc');
    expect([hear(server), object.bss.runs]).toEqual(['\x03abc', 2]);
  });

  it('sees the start of a piece, not that of the second message in it', () => {
    const { kernel, object, sockets } = world();
    object.programs.cut!.attach({ map: sockets });
    object.programs.count!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    say(client, '\x03abc\x02de');
    expect(hear(server)).toBe('\x03abc');
    // It read the 3 again: one byte is missing.
    say(client, '\x03a');
    expect(hear(server)).toBe('\x02de\x03');
    expect(object.bss).toMatchObject({ runs: 2, length: 9 });
  });

  it('keeps the process from reading while a message is incomplete', () => {
    const { kernel, object, sockets } = world();
    object.programs.cut!.attach({ map: sockets });
    object.programs.count!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    say(client, '\x03abc\x02de');
    say(client, '\x03a');
    hear(server);
    say(client, 'bc\x02d');
    say(client, 'e\x01x');
    expect(object.bss).toMatchObject({ runs: 3, length: 6 });
    expect(hear(server)).toBeUndefined();
  });
});

describe('which programs a socket takes', () => {
  it('a socket is in one map with verdicts, once', () => {
    const { kernel, object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    expect(() => {
      sockets.update(0, server);
    }).toThrow(/EBUSY/);
    expect(() => {
      sockets.update(2, server);
    }).toThrow(/EBUSY/);
    sockets.update(3, client);
    expect(() => {
      sockets.update(3, client, 1);
    }).toThrow(/EBUSY/);
  });

  it('those that are attached when it is put in, not later ones', () => {
    const { kernel, object, sockets } = world();
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    expect(() => {
      sockets.update(0, server, 1);
    }).toThrow(/EEXIST/);
    object.programs.route!.attach({ map: sockets });
    say(client, 'Dropped?');
    expect(hear(server)).toBe('Dropped?');
    const [another, end] = kernel.sockets.pair();
    sockets.update(2, end);
    say(another, 'Dropped');
    expect(hear(end)).toBeUndefined();
  });

  it('and keeps them when they are detached from the map', () => {
    const { kernel, object, sockets } = world();
    const link = object.programs.route!.attach({ map: sockets });
    const [client, server] = kernel.sockets.pair();
    sockets.update(0, server);
    link.detach();
    say(client, 'Dropped');
    expect([hear(server), object.bss.runs]).toEqual([undefined, 1]);
  });
});

describe('attaching to a socket map', () => {
  const { BPF_SK_SKB_STREAM_PARSER, BPF_SK_SKB_STREAM_VERDICT, BPF_SK_SKB_VERDICT } = BpfAttachType;

  it('needs a map, and one that holds sockets', () => {
    const { object } = world();
    const { route } = object.programs;
    expect(() => route!.attach()).toThrow(/name the SOCKMAP or SOCKHASH/);
    expect(() => route!.attach({ map: object.maps['.bss']! })).toThrow(/EINVAL/);
  });

  it('allows one verdict program, of either kind', () => {
    const { object, sockets } = world();
    object.programs.route!.attach({ map: sockets });
    expect(() => object.programs.count!.attach({ map: sockets })).toThrow(/EBUSY/);
    expect(() => object.programs.route_by_port!.attach({ map: sockets })).toThrow(/EBUSY/);
  });

  it('works through bpf(2), where a program replaces another', () => {
    const { kernel, object, sockets } = world();
    const map = kernel.process.openMap(sockets);
    const [route, count, cut] = ['route', 'count', 'cut'].map((name) =>
      kernel.process.openProgram(object.programs[name]!),
    );
    const attach = (program: number | undefined, type: number): number =>
      kernel.bpf('BPF_PROG_ATTACH', { target_fd: map, attach_bpf_fd: program!, attach_type: type });
    const query = (type: number): number => {
      const attr = { target_fd: map, attach_type: type, prog_cnt: 0 };
      kernel.bpf('BPF_PROG_QUERY', attr);
      return attr.prog_cnt;
    };
    attach(route, BPF_SK_SKB_STREAM_VERDICT);
    attach(count, BPF_SK_SKB_STREAM_VERDICT);
    attach(cut, BPF_SK_SKB_STREAM_PARSER);
    expect([query(BPF_SK_SKB_STREAM_VERDICT), query(BPF_SK_SKB_STREAM_PARSER)]).toEqual([1, 1]);
    expect(() => query(BPF_SK_SKB_VERDICT)).toThrow(/EBUSY/);
    expect(() =>
      kernel.bpf('BPF_PROG_DETACH', {
        target_fd: map,
        attach_bpf_fd: route!,
        attach_type: BPF_SK_SKB_STREAM_VERDICT,
      }),
    ).toThrow(/ENOENT/);
    kernel.bpf('BPF_PROG_DETACH', {
      target_fd: map,
      attach_bpf_fd: count!,
      attach_type: BPF_SK_SKB_STREAM_VERDICT,
    });
    expect(query(BPF_SK_SKB_STREAM_VERDICT)).toBe(0);
  });

  it('keeps the place for a link until that is closed', () => {
    const { kernel, object, sockets } = world();
    const map = kernel.process.openMap(sockets);
    const program = kernel.process.openProgram(object.programs.route!);
    const attr = { attach_bpf_fd: program, target_fd: map, attach_type: BPF_SK_SKB_STREAM_VERDICT };
    const link = kernel.bpf('BPF_LINK_CREATE', {
      prog_fd: program,
      target_fd: map,
      attach_type: BPF_SK_SKB_STREAM_VERDICT,
    });
    expect(() => kernel.bpf('BPF_PROG_ATTACH', attr)).toThrow(/EBUSY/);
    kernel.process.close(link);
    expect(kernel.bpf('BPF_PROG_ATTACH', attr)).toBe(0);
  });
});
