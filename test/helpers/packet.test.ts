/** Packets: what moves with them, which bytes programs may touch, what is asked of the devices. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packet as build, ethernet, ipv4, ipv6, tcp, udp } from '../../src/net/index.ts';
import { FakeRuntime } from './fake-runtime.ts';

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i);

describe('XDP packets', () => {
  it('take their metadata along when their start moves', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('xdp', bytes(60));
    expect(runtime.call('bpf_xdp_adjust_meta', packet.context, -4)).toBe(0);
    runtime.memory.u8.set([1, 2, 3, 4], packet.get('dataMeta'));
    expect(runtime.call('bpf_xdp_adjust_head', packet.context, -14)).toBe(0);
    expect(packet.get('data') - packet.get('dataMeta')).toBe(4);
    expect(runtime.bytes(packet.get('dataMeta'), 4)).toEqual([1, 2, 3, 4]);
    expect(runtime.call('bpf_xdp_get_buff_len', packet.context)).toBe(74);
  });

  it('may be touched from their metadata to their end, and nowhere else', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('xdp', bytes(60));
    runtime.call('bpf_xdp_adjust_tail', packet.context, -10);
    runtime.call('bpf_xdp_adjust_head', packet.context, 4);
    runtime.call('bpf_xdp_adjust_meta', packet.context, -8);
    const [from, to] = [packet.get('dataMeta'), packet.get('dataEnd')];
    expect(to - from).toBe(54);
    expect(runtime.memory.isWritable(from, to - from)).toBe(true);
    expect(runtime.memory.isReadable(from - 1, 1)).toBe(false);
    expect(runtime.memory.isReadable(to, 1)).toBe(false);
  });

  it('grow by zeros', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('xdp', bytes(60));
    runtime.call('bpf_xdp_adjust_tail', packet.context, -2);
    runtime.call('bpf_xdp_adjust_tail', packet.context, 4);
    expect(packet.bytes.slice(56)).toEqual([56, 57, 0, 0, 0, 0]);
  });

  it('stay inside their buffer whatever a program asks for', () => {
    const move = fc.tuple(
      fc.constantFrom('bpf_xdp_adjust_head', 'bpf_xdp_adjust_tail', 'bpf_xdp_adjust_meta'),
      fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer()),
    );
    fc.assert(
      fc.property(fc.array(move, { maxLength: 20 }), (moves) => {
        const runtime = new FakeRuntime();
        const packet = runtime.packetOn('xdp', bytes(100));
        for (const [helper, delta] of moves) {
          const before = [packet.get('dataMeta'), packet.get('data'), packet.get('dataEnd')];
          const failed = runtime.call(helper, packet.context, delta) !== 0;
          const after = [packet.get('dataMeta'), packet.get('data'), packet.get('dataEnd')] as const;
          if (failed) expect(after).toEqual(before);
          const ends = [packet.headLimit, ...after, packet.tailLimit];
          expect(ends).toEqual([...ends].sort((a, b) => a - b));
        }
      }),
    );
  });

  it('can be asked to be redirected', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('xdp', bytes(60));
    expect(runtime.call('bpf_redirect', 3, 0)).toBe(4);
    expect(runtime.call('bpf_redirect', 5, 1)).toBe(0);
    expect(packet.requests).toEqual([{ how: 'device', ifindex: 3, flags: 0 }]);
  });
});

describe('socket buffers', () => {
  it('are read and written by offset from what the program sees', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', bytes(64), { skip: 14 });
    const target = runtime.room(4);
    expect(runtime.call('bpf_skb_load_bytes', packet.context, 0, target, 4)).toBe(0);
    expect(runtime.bytes(target, 4)).toEqual([14, 15, 16, 17]);
    runtime.call('bpf_skb_store_bytes', packet.context, 2, target, 4, 0);
    expect(packet.bytes.slice(0, 7)).toEqual([14, 15, 14, 15, 16, 17, 20]);
  });

  it('are read relative to the link or the network header wherever they begin', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', bytes(64), { skip: 14 });
    const target = runtime.room(2);
    expect(runtime.call('bpf_skb_load_bytes_relative', packet.context, 1, target, 2, 0)).toBe(0);
    expect(runtime.bytes(target, 2)).toEqual([1, 2]);
    expect(runtime.call('bpf_skb_load_bytes_relative', packet.context, 1, target, 2, 1)).toBe(0);
    expect(runtime.bytes(target, 2)).toEqual([15, 16]);
  });

  it('are redirected and cloned to devices', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', bytes(64));
    expect(runtime.call('bpf_redirect', 2, 1)).toBe(7);
    expect(runtime.call('bpf_redirect_peer', 3, 0)).toBe(7);
    expect(runtime.call('bpf_redirect_neigh', 4, 0, 0, 0)).toBe(7);
    expect(runtime.call('bpf_redirect_neigh', 4, 0, 19, 0)).toBe(2);
    expect(packet.requests).toEqual([
      { how: 'device', ifindex: 2, flags: 1 },
      { how: 'peer', ifindex: 3, flags: 0 },
      { how: 'neighbour', ifindex: 4, flags: 0 },
    ]);
    expect(runtime.call('bpf_clone_redirect', packet.context, 1, 1)).toBe(0);
    expect(runtime.call('bpf_clone_redirect', packet.context, 9, 0)).toBe(-22);
    expect(packet.clones).toEqual([{ ifindex: 1, ingress: true }]);
  });
});

describe('legacy packet access', () => {
  const setUp = () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', bytes(64), { skip: 14 });
    return (offset: number, size: 1 | 2 | 4) => runtime.table.loadPacket?.(packet.context, offset, size);
  };

  it('gives numbers in network order', () => {
    const load = setUp();
    expect([load(0, 1), load(0, 2), load(0, 4)]).toEqual([14, 0x0e0f, 0x0e0f1011]);
  });

  it('fails at what the packet does not hold', () => {
    const load = setUp();
    expect(load(46, 4)).toBe(0x3c3d3e3f);
    for (const [offset, size] of [
      [47, 4],
      [50, 1],
      [0x7fffffff, 1],
      [-1, 1],
      [-0x200001, 1],
      [-0x80000000, 1],
    ] as const)
      expect(load(offset, size), String(offset)).toBeLessThan(0);
  });

  it('counts from the headers at the offsets that stand for them', () => {
    const load = setUp();
    expect(load(-0x100000 + 1, 1)).toBe(15);
    expect(load(-0x200000 + 12, 2)).toBe(0x0c0d);
    expect(load(-0x200000 + 64, 1)).toBeLessThan(0);
  });
});

describe('bpf_get_hash_recalc', () => {
  const hash = (data: Uint8Array): number => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', data);
    runtime.memory.u8.set(data.subarray(12, 14), packet.context + 16);
    return runtime.call('bpf_get_hash_recalc', packet.context);
  };

  it('is one number for both directions of a connection, and differs between connections', () => {
    const there = { src: '192.0.2.1', dst: '192.0.2.2' };
    const back = { src: '192.0.2.2', dst: '192.0.2.1' };
    const first = hash(build(ethernet(), ipv4(there), tcp({ sport: 1000, dport: 80 }), 'a'));
    expect(hash(build(ethernet(), ipv4(back), tcp({ sport: 80, dport: 1000 }), 'other'))).toBe(first);
    expect(hash(build(ethernet(), ipv4(there), tcp({ sport: 1001, dport: 80 }), 'a'))).not.toBe(first);
    expect(hash(build(ethernet(), ipv4(there), udp({ sport: 1000, dport: 80 }), 'a'))).not.toBe(first);
    const v6 = hash(build(ethernet(), ipv6(), tcp({ sport: 1000, dport: 80 })));
    const v6back = ipv6({ src: '2001:db8::2', dst: '2001:db8::1' });
    expect(hash(build(ethernet(), v6back, tcp({ sport: 80, dport: 1000 })))).toBe(v6);
  });

  it('is never zero and reads no further than the packet', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 14, maxLength: 80 }),
        fc.constantFrom(0x0800, 0x86dd, 0x0806),
        (data, type) => {
          data.set([type >> 8, type & 0xff], 12);
          const value = hash(data);
          expect(value).toBeGreaterThan(0);
          expect(hash(data)).toBe(value);
        },
      ),
    );
  });

  it('is what the program set, until it is called invalid', () => {
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', bytes(64));
    const call = (name: string, ...args: number[]) => runtime.call(name, packet.context, ...args);
    const own = call('bpf_get_hash_recalc');
    call('bpf_set_hash', 0xfedcba98);
    expect(call('bpf_get_hash_recalc')).toBe(0xfedcba98);
    call('bpf_set_hash_invalid');
    expect(call('bpf_get_hash_recalc')).toBe(own);
  });
});

describe('checksums', () => {
  it('stay right when a header field and they are changed together', () => {
    const data = build(ethernet(), ipv4({ ttl: 64 }), udp(), 'x');
    const changed = build(ethernet(), ipv4({ ttl: 63 }), udp(), 'x');
    const runtime = new FakeRuntime();
    const packet = runtime.packetOn('skb', data);
    const word = (source: Uint8Array): number => source[22]! | (source[23]! << 8);
    const ttl = runtime.place(Uint8Array.of(63));
    expect(runtime.call('bpf_l3_csum_replace', packet.context, 24, word(data), word(changed), 2)).toBe(0);
    expect(runtime.call('bpf_skb_store_bytes', packet.context, 22, ttl, 1, 0)).toBe(0);
    expect(packet.bytes).toEqual([...changed]);
  });
});
