/**
 * SK_LOOKUP and SK_REUSEPORT programs: who gets a datagram or a connection. What is expected here is what Linux 6.12 did with the same object and
 * real sockets.
 */
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/base/text.ts';
import { type BpfObject, Kernel, type Socket, type SocketOptions } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';
import { hear } from './helpers.ts';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const REFUSE = 99;

interface World {
  readonly kernel: Kernel;
  readonly object: BpfObject;
  readonly open: (port: number, options?: SocketOptions) => Socket;
  /** Sends a datagram to a port from a socket of its own. */
  readonly send: (port: number, text: string) => void;
  /** Connects to a port. */
  readonly connect: (port: number) => Socket;
}

function world(): World {
  const kernel = new Kernel();
  const object = kernel.load(openFixture('sockets/choose_socket'));
  const sender = kernel.sockets.open({ type: 'dgram' });
  return {
    kernel,
    object,
    open: (port, options = {}) => {
      const socket = kernel.sockets.open(options);
      socket.bind({ address: LOOPBACK, port });
      return socket;
    },
    send: (port, text) => {
      sender.send(encodeUtf8(text), { address: LOOPBACK, port });
    },
    connect: (port) => {
      const socket = kernel.sockets.open();
      socket.connect({ address: LOOPBACK, port });
      return socket;
    },
  };
}

const udp: SocketOptions = { type: 'dgram' };
const shared: SocketOptions = { type: 'dgram', reuseport: true };

describe('an SK_LOOKUP program', () => {
  it('gives datagrams to a socket that is bound elsewhere, or to nobody', () => {
    const { object, open, send } = world();
    object.programs.steer!.attach();
    const socket = open(7000, udp);
    object.maps.targets!.update(0, socket);
    object.maps.slot_of_port!.update(7007, 0);
    send(7007, 'steered');
    expect(hear(socket)).toBe('steered');
    expect(object.bss).toMatchObject({ lookups: 1, family: 2, protocol: 17, local_port: 7007, ifindex: 1 });
    expect([object.data.assigned, object.bss.is_chosen]).toEqual([0, 1]);
    send(7000, 'its own');
    expect(hear(socket)).toBe('its own');
    object.maps.slot_of_port!.update(7000, REFUSE);
    send(7000, 'refused');
    expect(hear(socket)).toBeUndefined();
  });

  it('gives connections to a listener, which take the port that was asked for', () => {
    const { object, open, connect } = world();
    object.programs.steer!.attach();
    const listener = open(8000);
    listener.listen();
    object.maps.targets!.update(2, listener);
    object.maps.slot_of_port!.update(8001, 2);
    const client = connect(8001);
    expect(listener.accept()).toMatchObject({ local: { port: 8001 }, remote: client.local });
    object.maps.slot_of_port!.update(8000, REFUSE);
    expect(() => connect(8000)).toThrow(/ECONNREFUSED/);
    expect(() => connect(8003)).toThrow(/ECONNREFUSED/);
    expect(object.bss).toMatchObject({ lookups: 3, protocol: 6 });
  });

  it('is not asked about what goes to a connected socket', () => {
    const { kernel, object, open } = world();
    object.programs.steer!.attach();
    const [here, there] = kernel.sockets.pair(udp);
    object.maps.targets!.update(0, open(7000, udp));
    object.maps.slot_of_port!.update(there.local.port!, 0);
    here.send(encodeUtf8('between us'));
    expect([hear(there), object.bss.lookups]).toEqual(['between us', 0]);
  });

  it.each([
    ['a connected socket of UDP', 'dgram', -94],
    ['a connection of TCP', 'stream', -94],
  ] as const)('cannot choose %s', (_, type, errno) => {
    const { kernel, object, send } = world();
    object.programs.steer!.attach();
    const [socket] = kernel.sockets.pair({ type });
    object.maps.targets!.update(1, socket);
    object.maps.slot_of_port!.update(7030, 1);
    send(7030, 'x');
    expect(object.data.assigned).toBe(errno);
  });

  it('cannot choose a socket of another protocol or family, or with unknown flags', () => {
    const { kernel, object, open, send } = world();
    object.programs.steer!.attach();
    const listener = open(8000);
    listener.listen();
    const v6 = kernel.sockets.open({ type: 'dgram', family: 'inet6' });
    v6.bind({ port: 7000 });
    const own = open(7001, udp);
    [listener, v6, own].forEach((socket, slot) => {
      object.maps.targets!.update(slot, socket);
      object.maps.slot_of_port!.update(7030 + slot, slot);
    });
    send(7030, 'protocol');
    expect(object.data.assigned).toBe(-91);
    send(7031, 'family');
    expect(object.data.assigned).toBe(-97);
    object.bss.assign_flags = 8n;
    send(7032, 'flags');
    expect(object.data.assigned).toBe(-22);
  });

  it('counts as the last of many that chooses, and one refusal when none does', () => {
    const { kernel, object, open, send } = world();
    const other = kernel.load(openFixture('sockets/choose_socket'));
    const [mine, theirs] = [open(7000, udp), open(7001, udp)];
    object.maps.targets!.update(0, mine);
    object.maps.slot_of_port!.update(7007, 0);
    other.maps.targets!.update(0, theirs);
    other.maps.slot_of_port!.update(7007, REFUSE);
    object.programs.steer!.attach();
    const link = other.programs.steer!.attach();
    send(7007, 'chosen before it was refused');
    expect(hear(mine)).toBe('chosen before it was refused');
    // A second choice needs BPF_SK_LOOKUP_F_REPLACE.
    other.maps.slot_of_port!.update(7007, 0);
    send(7007, 'first');
    expect([hear(mine), other.data.assigned]).toEqual(['first', -17]);
    other.bss.assign_flags = 1n;
    send(7007, 'replaced');
    expect([hear(theirs), other.data.assigned]).toEqual(['replaced', 0]);
    link.detach();
    send(7007, 'alone again');
    expect(hear(mine)).toBe('alone again');
  });

  it('is attached to the namespace by a link of bpf(2)', () => {
    const { kernel, object, open, send } = world();
    const socket = open(7000, udp);
    object.maps.targets!.update(0, socket);
    object.maps.slot_of_port!.update(7007, 0);
    const program = kernel.process.openProgram(object.programs.steer!);
    const namespace = kernel.process.open('/proc/self/ns/net');
    const link = kernel.bpf('BPF_LINK_CREATE', { prog_fd: program, target_fd: namespace, attach_type: 36 });
    send(7007, 'linked');
    expect(hear(socket)).toBe('linked');
    kernel.process.close(link);
    send(7007, 'lost');
    expect(hear(socket)).toBeUndefined();
  });
});

describe('a group of sockets with SO_REUSEPORT', () => {
  it('shares an address, and the hash of a flow chooses', () => {
    const { kernel, open } = world();
    const group = [0, 1, 2].map(() => open(9000, shared));
    expect(() => open(9000, udp)).toThrow(/EADDRINUSE/);
    for (let i = 0; i < 60; i++) {
      const sender = kernel.sockets.open(udp);
      sender.send(Uint8Array.of(i), { address: LOOPBACK, port: 9000 });
      sender.send(Uint8Array.of(i), { address: LOOPBACK, port: 9000 });
    }
    const counts = group.map((socket) => {
      const numbers: number[] = [];
      for (let data = socket.receive(); data !== undefined; data = socket.receive()) numbers.push(data[0]!);
      // Both datagrams of a flow went to the same socket.
      expect(numbers.length).toBe(2 * new Set(numbers).size);
      return numbers.length;
    });
    expect(counts.reduce((sum, count) => sum + count)).toBe(120);
    expect(Math.min(...counts)).toBeGreaterThan(10);
  });
});

describe('an SK_REUSEPORT program', () => {
  it('chooses the socket of a UDP group by what is in the datagram', () => {
    const { object, open, send } = world();
    const group = [0, 1, 2].map(() => open(9000, shared));
    object.programs.pick!.attach({ socket: group[0]! });
    group.forEach((socket, i) => {
      object.maps.members!.update(i, socket);
    });
    send(9000, '2two');
    send(9000, '0zero');
    send(9000, '1one');
    expect(group.map(hear)).toEqual(['0zero', '1one', '2two']);
    expect(object.bss).toMatchObject({
      picks: 3,
      length: 12,
      reach: 12,
      eth_protocol: 0x800,
      ip_protocol: 17,
    });
    expect(object.bss).toMatchObject({ bind_inany: 0, group_port: 9000, network_byte: 0x45 });
  });

  it('leaves the choice to the hash, or drops the datagram', () => {
    const { object, open, send } = world();
    const group = [0, 1].map(() => open(9000, shared));
    object.programs.pick!.attach({ socket: group[1]! });
    send(9000, 'hash');
    expect(group.map(hear).filter((text) => text === 'hash')).toHaveLength(1);
    send(9000, '7none');
    expect([...group.map(hear), object.data.selected]).toEqual([undefined, undefined, -2]);
    send(9000, '');
    expect(object.bss).toMatchObject({ picks: 3, length: 8 });
  });

  it('cannot choose sockets of another group, nor those that have gone', () => {
    const { object, open, send } = world();
    const [socket, other] = [open(9000, shared), open(9001, shared)];
    const members = object.maps.members!;
    object.programs.pick!.attach({ socket });
    members.update(1, socket);
    members.update(6, other);
    send(9000, '6other');
    expect([hear(other), object.data.selected]).toEqual([undefined, -77]);
    const listener = open(9000, { reuseport: true });
    expect(() => {
      members.update(7, listener);
    }).toThrow(/EINVAL/);
    listener.listen();
    members.update(7, listener);
    send(9000, '7tcp');
    expect(object.data.selected).toBe(-91);
    other.close();
    send(9000, '6gone');
    expect(object.data.selected).toBe(-2);
  });

  it('chooses among the listeners of a TCP group', () => {
    const { object, open, connect } = world();
    const listeners = [0, 1].map((i) => {
      const socket = open(9100, { reuseport: true });
      socket.listen();
      object.maps.members!.update(i, socket);
      return socket;
    });
    object.programs.pick!.attach({ socket: listeners[0]! });
    object.bss.tcp_member = 1;
    connect(9100);
    expect(listeners.map((socket) => socket.accept() !== undefined)).toEqual([false, true]);
    expect(object.bss).toMatchObject({ length: 40, reach: 40, ip_protocol: 6, network_byte: 0x45 });
    object.bss.tcp_member = 7;
    expect(() => connect(9100)).toThrow(/ECONNREFUSED/);
  });

  it('is asked for the group of a socket that SK_LOOKUP chose, unless that says no', () => {
    const { object, open, send } = world();
    const group = [0, 1].map(() => open(9000, shared));
    object.programs.pick!.attach({ socket: group[0]! });
    object.programs.steer!.attach();
    object.maps.members!.update(1, group[1]!);
    object.maps.targets!.update(0, group[0]!);
    object.maps.slot_of_port!.update(9009, 0);
    send(9009, '1one');
    expect(group.map(hear)).toEqual([undefined, '1one']);
    object.bss.assign_flags = 2n;
    send(9009, '1one');
    expect(group.map(hear)).toEqual(['1one', undefined]);
  });

  it('sits at a group, which sockets without SO_REUSEPORT have not', () => {
    const { kernel, object, open } = world();
    expect(() => object.programs.pick!.attach()).toThrow(/name a socket of the group/);
    expect(() => object.programs.pick!.attach({ socket: open(9000, udp) })).toThrow(/EINVAL/);
    const early = kernel.sockets.open(shared);
    object.programs.pick!.attach({ socket: early });
    expect(() => {
      object.maps.members!.update(0, early);
    }).toThrow(/EINVAL/);
    early.bind({ port: 9001 });
    object.maps.members!.update(0, early);
    kernel.sockets.open(udp).send(encodeUtf8('0'), { address: LOOPBACK, port: 9001 });
    expect([hear(early), object.bss.bind_inany]).toEqual(['0', 1]);
  });

  it('goes with the last socket of its group', () => {
    const { kernel, object, open } = world();
    const group = [0, 1].map(() => open(9000, shared));
    object.programs.pick!.attach({ socket: group[0]! });
    group[0]!.close();
    expect(kernel.attachedHooks()).toHaveLength(1);
    group[1]!.close();
    expect(kernel.attachedHooks()).toEqual([]);
  });
});
