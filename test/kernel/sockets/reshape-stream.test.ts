/**
 * SK_SKB programs that make data longer or shorter, and programs that put sockets in maps with bpf_map_update_elem. What is expected here is what
 * Linux 6.12 did with the same objects and real sockets.
 */
import { describe, expect, it } from 'vitest';
import { Kernel, type Socket } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';
import { hear, say } from './helpers.ts';

const EINVAL = -22;
const EFAULT = -14;
const ENOMEM = -12;

interface Outcome {
  readonly answer: unknown;
  /** Bytes, and those in reach, after the call. */
  readonly after: readonly unknown[];
  readonly heard: string | undefined;
}

/** What comes of 'hello' when the program does `wish` with `bytes`. */
function reshape(
  type: 'stream' | 'dgram',
  wish: 't' | 'h' | 'r',
  bytes: number,
  { flags = 0n, mode = 0 }: { readonly flags?: bigint; readonly mode?: number } = {},
): Outcome {
  const kernel = new Kernel();
  const object = kernel.load(openFixture('sockets/reshape_stream'));
  const { sockets } = object.maps;
  object.programs.reshape!.attach({ map: sockets! });
  const [sender, receiver] = kernel.sockets.pair({ type });
  sockets!.update(0, receiver);
  Object.assign(object.bss, { wish: wish.charCodeAt(0), bytes, flags, mode });
  say(sender, 'hello');
  const { answer, length_after: length, reach_after: reach } = object.bss;
  return { answer, after: [length, reach], heard: Number(length) > 0 ? hear(receiver) : undefined };
}

describe.each(['stream', 'dgram'] as const)('of sockets of type %s', (type) => {
  const reach = type === 'stream' ? 0 : 5;

  it('bpf_skb_change_tail sets the length and brings all in reach', () => {
    expect(reshape(type, 't', 8)).toEqual({ answer: 0, after: [8, 8], heard: 'hello\0\0\0' });
    expect(reshape(type, 't', 3)).toEqual({ answer: 0, after: [3, 3], heard: 'hel' });
    expect(reshape(type, 't', 0)).toMatchObject({ answer: 0, after: [0, 0] });
    expect(reshape(type, 't', 16_064)).toMatchObject({ answer: 0, after: [16_064, 16_064] });
    for (const bytes of [16_065, -1])
      expect(reshape(type, 't', bytes)).toEqual({ answer: EINVAL, after: [5, reach], heard: 'hello' });
    expect(reshape(type, 't', 6, { flags: 1n })).toMatchObject({ answer: EINVAL });
  });

  it('bpf_skb_change_head puts zeros in front, which are in reach', () => {
    expect(reshape(type, 'h', 2)).toEqual({ answer: 0, after: [7, 2 + reach], heard: '\0\0hello' });
    expect(reshape(type, 'h', 0)).toMatchObject({ answer: 0, after: [5, reach] });
    expect(reshape(type, 'h', 300)).toMatchObject({ answer: 0, after: [305, 300 + reach] });
    for (const bytes of [20_000, -1])
      expect(reshape(type, 'h', bytes)).toMatchObject({ answer: EINVAL, after: [5, reach] });
    expect(reshape(type, 'h', 2, { flags: 1n })).toMatchObject({ answer: EINVAL });
  });

  it('bpf_skb_adjust_room does so, too, or takes bytes from the front', () => {
    expect(reshape(type, 'r', 2)).toEqual({ answer: 0, after: [7, 2 + reach], heard: '\0\0hello' });
    expect(reshape(type, 'r', -2)).toEqual({ answer: 0, after: [3, Math.max(reach - 2, 0)], heard: 'llo' });
    expect(reshape(type, 'r', -5)).toMatchObject({ answer: 0, after: [0, 0] });
    expect(reshape(type, 'r', -6)).toMatchObject({ answer: ENOMEM, after: [5, reach] });
    expect(reshape(type, 'r', 4095)).toMatchObject({ answer: 0, after: [4100, 4095 + reach] });
    expect(reshape(type, 'r', 4096)).toMatchObject({ answer: EFAULT, after: [5, reach] });
    expect(reshape(type, 'r', 2, { mode: 1 })).toMatchObject({ answer: EINVAL });
    expect(reshape(type, 'r', 2, { flags: 1n })).toMatchObject({ answer: EINVAL });
  });
});

describe('a message of which nothing is left', () => {
  it('keeps the process from reading what comes behind it', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('sockets/reshape_stream'));
    object.programs.reshape!.attach({ map: object.maps.sockets! });
    const [sender, receiver] = kernel.sockets.pair();
    object.maps.sockets!.update(0, receiver);
    say(sender, 'one');
    Object.assign(object.bss, { wish: 't'.charCodeAt(0), bytes: 0 });
    say(sender, 'two');
    object.bss.wish = 0;
    say(sender, 'three');
    expect(hear(receiver)).toBe('one');
    expect(() => hear(receiver)).toThrow(/EFAULT/);
  });
});

describe('bpf_map_update_elem of socket maps', () => {
  function collecting(): {
    readonly collect: (socket: Socket, slot: number, flags?: bigint) => readonly unknown[];
    readonly take: (slot: number) => unknown;
    readonly kernel: Kernel;
    readonly cookies: () => unknown[];
  } {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('sockets/collect_sockets'));
    const loopback = 0x0100007f;
    const swapped = (port = 0): number => ((port & 0xff) << 8) | (port >>> 8);
    return {
      kernel,
      collect: (socket, slot, flags = 0n) => {
        const ports = { sport: swapped(socket.remote.port), dport: swapped(socket.local.port) };
        object.bss.tuple = { saddr: loopback, daddr: loopback, ...ports };
        Object.assign(object.bss, { is_udp: socket.type === 'dgram' ? 1 : 0, slot, flags });
        expect(object.programs.collect!.testRun().retval).toBe(1);
        return [object.bss.put, object.bss.hashed];
      },
      take: (slot) => {
        object.bss.slot = slot;
        object.programs.take!.testRun();
        return object.bss.taken;
      },
      cookies: () => [0, 1, 2, 3].map((slot) => object.maps.by_index!.lookup(slot)),
    };
  }

  it('puts in sockets that a program holds: connections, listeners, UDP', () => {
    const { kernel, collect, cookies } = collecting();
    const [, server] = kernel.sockets.pair();
    const [, datagrams] = kernel.sockets.pair({ type: 'dgram' });
    const listener = kernel.sockets.open();
    listener.listen();
    [server, listener, datagrams].forEach((socket, slot) => {
      expect(collect(socket, slot)).toEqual([0, 0]);
    });
    expect(cookies()).toEqual([
      BigInt(server.cookie),
      BigInt(listener.cookie),
      BigInt(datagrams.cookie),
      undefined,
    ]);
    expect(collect(server, 4, 1n)).toEqual([-7, -17]);
  });

  it('bpf_map_delete_elem takes them out', () => {
    const { kernel, collect, take, cookies } = collecting();
    const [, server] = kernel.sockets.pair();
    collect(server, 0);
    expect([take(0), take(0), take(4)]).toEqual([0, EINVAL, EINVAL]);
    expect(cookies()).toEqual([undefined, undefined, undefined, undefined]);
  });
});
