/** bpf_sk_lookup_tcp and _udp, and test runs of SK_LOOKUP programs. What is expected here is what Linux 6.12 answered. */
import { describe, expect, it } from 'vitest';
import { type BpfObject, Kernel, type Socket } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);
const ELSEWHERE = Uint8Array.of(1, 2, 3, 4);

interface Found {
  readonly retval: number;
  readonly state: unknown;
  readonly is_listener: unknown;
}

const NOTHING: Found = { retval: 0, state: 0, is_listener: 0 };

function finder(kernel: Kernel): {
  readonly object: BpfObject;
  readonly find: (from: number, to: number, address?: Uint8Array) => Found;
} {
  const object = kernel.load(openFixture('sockets/find_socket'));
  const number = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(0, true);
  const swapped = (port: number): number => ((port & 0xff) << 8) | (port >>> 8);
  const find = (from: number, to: number, address: Uint8Array = LOOPBACK): Found => {
    const ports = { sport: swapped(from), dport: swapped(to) };
    object.bss.tuple = { saddr: number(LOOPBACK), daddr: number(address), ...ports };
    const { retval } = object.programs.find!.testRun();
    return { retval, state: object.bss.state, is_listener: object.bss.is_listener };
  };
  return { object, find };
}

function portOf(socket: Socket): number {
  return socket.local.port ?? 0;
}

describe('bpf_sk_lookup_tcp', () => {
  it('finds the end of a connection that a packet belongs to', () => {
    const kernel = new Kernel();
    const { object, find } = finder(kernel);
    const [client, server] = kernel.sockets.pair();
    expect(find(portOf(client), portOf(server))).toEqual({ retval: 1, state: 1, is_listener: 0 });
    expect(object.bss.port).toBe(server.local.port);
    find(portOf(server), portOf(client));
    expect(object.bss.port).toBe(client.local.port);
    expect(find(1, portOf(server))).toEqual(NOTHING);
  });

  it('finds who listens at the address, or at any', () => {
    const kernel = new Kernel();
    const { object, find } = finder(kernel);
    const listener = kernel.sockets.open();
    listener.listen();
    const found = { retval: 1, state: 10, is_listener: 1 };
    expect(find(1, portOf(listener))).toEqual(found);
    expect(find(1, portOf(listener), ELSEWHERE)).toEqual(found);
    object.bss.is_udp = 1;
    expect(find(1, portOf(listener))).toEqual(NOTHING);
  });
});

describe('bpf_sk_lookup_udp', () => {
  it('finds bound sockets, in the own namespace only and without flags', () => {
    const kernel = new Kernel();
    const { object, find } = finder(kernel);
    const socket = kernel.sockets.open({ type: 'dgram' });
    socket.bind({});
    object.bss.is_udp = 1;
    const found = { retval: 1, state: 7, is_listener: 0 };
    const ask = (): Found => find(1, portOf(socket));
    expect(ask()).toEqual(found);
    for (const [netns, expected] of [
      [0n, NOTHING],
      [0xffff_ffffn, found],
      [0x1_ffff_ffffn, found],
      [0x1_0000_0000n, NOTHING],
    ] as const) {
      object.data.netns = netns;
      expect(ask()).toEqual(expected);
    }
    object.data.netns = 0xffff_ffffn;
    object.bss.flags = 1n;
    expect(ask()).toEqual(NOTHING);
    object.bss.flags = 0n;
    object.data.size = 4n;
    expect(ask()).toEqual(NOTHING);
  });
});

describe('a test run of an SK_LOOKUP program', () => {
  const inet = { family: 2, protocol: 17, local_port: 7 };

  function steering(): { readonly object: BpfObject; readonly socket: Socket; readonly kernel: Kernel } {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('sockets/choose_socket'));
    const socket = kernel.sockets.open({ type: 'dgram' });
    socket.bind({ port: 7000 });
    object.maps.targets!.update(0, socket);
    object.maps.slot_of_port!.update(7, 0);
    object.maps.slot_of_port!.update(9, 99);
    return { object, socket, kernel };
  }

  const cookieIn = (ctx: Uint8Array): bigint => new DataView(ctx.buffer).getBigUint64(0, true);

  it('gives the cookie of the socket that was chosen, or 0', () => {
    const { object, socket } = steering();
    const { steer } = object.programs;
    const chosen = steer!.testRun({ ctx: inet, repeat: 3 });
    expect([chosen.retval, cookieIn(chosen.ctx)]).toEqual([1, BigInt(socket.cookie)]);
    expect(object.bss.lookups).toBe(3);
    const wrong = steer!.testRun({ ctx: { ...inet, protocol: 6 } });
    expect([wrong.retval, cookieIn(wrong.ctx), object.data.assigned]).toEqual([1, 0n, -91]);
    const refused = steer!.testRun({ ctx: { ...inet, local_port: 9 } });
    expect([refused.retval, cookieIn(refused.ctx)]).toEqual([0, 0n]);
  });

  it.each([
    ['a port above 65535', { ...inet, local_port: 70_000 }, 'ERANGE'],
    ['another family', { ...inet, family: 1 }, 'EAFNOSUPPORT'],
    ['a device', { ...inet, ingress_ifindex: 1 }, 'EINVAL'],
    ['a socket', { ...inet, sk: 5 }, 'EINVAL'],
  ])('takes no context with %s', (_, ctx, errno) => {
    const { object } = steering();
    expect(() => object.programs.steer!.testRun({ ctx })).toThrow(errno);
  });

  it('takes no packet, and needs a context', () => {
    const { object } = steering();
    expect(() => object.programs.steer!.testRun()).toThrow(/EINVAL/);
    expect(() => object.programs.steer!.testRun({ ctx: inet, data: new Uint8Array(64) })).toThrow(/EINVAL/);
  });

  it('cannot say which socket of a group', () => {
    const { object, kernel } = steering();
    const member = kernel.sockets.open({ type: 'dgram', reuseport: true });
    member.bind({});
    object.maps.targets!.update(0, member);
    expect(() => object.programs.steer!.testRun({ ctx: inet })).toThrow(/EOPNOTSUPP/);
    object.bss.assign_flags = 2n;
    expect(cookieIn(object.programs.steer!.testRun({ ctx: inet }).ctx)).toBe(BigInt(member.cookie));
  });

  it('works through bpf(2)', () => {
    const { object, socket, kernel } = steering();
    const ctx = new Uint8Array(72);
    const view = new DataView(ctx.buffer);
    view.setUint32(8, 2, true);
    view.setUint32(12, 17, true);
    view.setUint32(60, 7, true);
    const address = kernel.process.allocate(ctx);
    const sizes = { ctx_size_in: 72, ctx_size_out: 72, retval: 0 };
    const attr = { prog_fd: kernel.process.openProgram(object.programs.steer!), ...sizes };
    kernel.bpf('BPF_PROG_TEST_RUN', Object.assign(attr, { ctx_in: address, ctx_out: address }));
    expect(attr.retval).toBe(1);
    expect(kernel.memory.view.getBigUint64(address, true)).toBe(BigInt(socket.cookie));
  });
});
