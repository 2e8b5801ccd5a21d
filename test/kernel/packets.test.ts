/** Packet programs: test runs, devices, the way of a packet through XDP, tc and sockets. */
import { describe, expect, it } from 'vitest';
import { ethernet, icmp, ipv4, ipv6, Kernel, packet, tcp, udp } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

const udpPacket = (dport: number): Uint8Array => packet(ethernet(), ipv4(), udp({ dport }), 'payload');

describe('count_protocols', () => {
  it('counts packets by protocol on the CPU that received them', () => {
    const kernel = new Kernel({ cpus: 2 });
    const object = kernel.load(openFixture('xdp/count_protocols'));
    object.programs.count_protocols!.attach({ device: 'eth0' });
    const results = [
      udpPacket(53),
      packet(ethernet(), ipv6(), tcp()),
      packet(ethernet(), ipv4(), icmp()),
      packet(ethernet({ type: 0x806 }), 'arp'),
    ].map((frame) => kernel.receive('eth0', frame));
    kernel.receive('eth0', udpPacket(53), { cpu: 1 });
    kernel.receive('lo', udpPacket(53));

    expect(results.map((result) => result.verdict)).toEqual(['pass', 'pass', 'pass', 'pass']);
    const counts = object.maps.packets_by_protocol!;
    expect(counts.lookup(17)).toEqual([1n, 1n]);
    expect(counts.lookup(6)).toEqual([1n, 0n]);
    expect(counts.lookup(1)).toEqual([1n, 0n]);
    expect(counts.lookup(255)).toEqual([1n, 0n]);
  });
});

describe('tail_parser', () => {
  it('walks its stages through the prog array that the file fills, and drops one port', () => {
    const object = openFixture('xdp/tail_parser');
    object.rodata.blocked_port = 9;
    new Kernel().load(object);
    const parse = object.programs.parse_ethernet!;
    expect(parse.testRun({ data: udpPacket(9) }).retval).toBe(1);
    expect(parse.testRun({ data: udpPacket(10) }).retval).toBe(2);
    expect(parse.testRun({ data: packet(ethernet(), ipv6(), udp()) }).retval).toBe(2);
    expect([...object.maps.reached!.entries()]).toEqual([
      [0, 3n],
      [1, 2n],
      [2, 2n],
    ]);
  });

  it('falls through where a slot was emptied, and jumps again when user space fills it', () => {
    const object = new Kernel().load(openFixture('xdp/tail_parser'));
    const { stages } = object.maps;
    const { parse_ethernet: parse, parse_udp: last } = object.programs;
    expect(stages!.delete(1)).toBe(true);
    expect(parse!.testRun({ data: udpPacket(9) }).retval).toBe(2);
    stages!.update(1, last!);
    expect(parse!.testRun({ data: udpPacket(9) }).retval).toBe(1);
  });
});

describe('locked_quota', () => {
  it('spends a quota for each mark under its lock', () => {
    const object = new Kernel().load(openFixture('tc/locked_quota'));
    object.maps.quotas!.update(5, { lock: { val: 0 }, dropped: 0, bytes_left: 100n });
    const spend = object.programs.spend_quota!;
    const data = new Uint8Array(60);
    expect(spend.testRun({ data, ctx: { mark: 5 } }).retval).toBe(0);
    expect(spend.testRun({ data, ctx: { mark: 5 } }).retval).toBe(2);
    expect(spend.testRun({ data, ctx: { mark: 6 } }).retval).toBe(0);
    expect(object.maps.quotas!.lookup(5)).toMatchObject({ dropped: 1, bytes_left: 40n });
  });
});

describe('udp_port', () => {
  it('keeps packets of one port that pass by a packet socket', () => {
    const kernel = new Kernel();
    const object = openFixture('socket_filter/udp_port');
    object.rodata.port = 53;
    kernel.load(object);
    object.programs.keep_udp_port!.attach({ device: 'eth0' });
    const frame = udpPacket(53);
    expect(kernel.receive('eth0', frame).sockets).toEqual([{ program: 'keep_udp_port', kept: frame.length }]);
    expect(kernel.receive('eth0', udpPacket(54)).sockets).toEqual([{ program: 'keep_udp_port', kept: 0 }]);
    // Too short for the loads: they end the program with 0.
    expect(kernel.receive('eth0', frame.subarray(0, 20)).sockets).toEqual([
      { program: 'keep_udp_port', kept: 0 },
    ]);
  });
});

describe('a device', () => {
  it('takes one XDP program at a time', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('xdp/tail_parser'));
    object.programs.parse_udp!.attach({ device: 'eth0' });
    expect(() => object.programs.parse_ipv4!.attach({ device: 'eth0' })).toThrow(
      /xdp:eth0 is taken by program 'parse_udp'.*EBUSY/,
    );
  });

  it('must exist', () => {
    expect(() => new Kernel().receive('eth7', udpPacket(1))).toThrow(/no device 'eth7'; there are lo, eth0/);
  });

  it('gives what XDP dropped to nobody', () => {
    const kernel = new Kernel();
    const object = openFixture('xdp/tail_parser');
    kernel.load(object);
    object.programs.parse_ethernet!.attach();
    const result = kernel.receive('eth0', udpPacket(9));
    expect(result).toMatchObject({ verdict: 'drop', sockets: [] });
    expect(result.runs.map((run) => run.retval)).toEqual([1]);
  });
});

describe('testRun', () => {
  const xdp = () => new Kernel().load(openFixture('xdp/count_protocols')).programs.count_protocols!;
  const tc = () => new Kernel().load(openFixture('tc/locked_quota')).programs.spend_quota!;

  it('takes 64 zero bytes when no packet is given', () => {
    expect(xdp().testRun().data).toEqual(new Uint8Array(64));
  });

  it.each([
    ['a packet shorter than an Ethernet header', { data: new Uint8Array(13) }],
    ['metadata that is no multiple of 4', { data: new Uint8Array(64), ctx: { data: 3, data_end: 64 } }],
    ['more metadata than 216 bytes', { data: new Uint8Array(300), ctx: { data: 220, data_end: 300 } }],
    ['data_meta that is set', { data: new Uint8Array(64), ctx: { data_meta: 4, data_end: 64 } }],
    ['a receive queue without a device', { ctx: { data_end: 64, rx_queue_index: 1 } }],
  ])('refuses %s for XDP with EINVAL', (_, options) => {
    expect(() => xdp().testRun(options)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it.each([
    ['an IPv4 frame without room for its header', { data: packet(ethernet(), 'short') }],
    ['a member that the kernel sets itself', { ctx: { len: 5 } }],
    ['wire_len below the packet', { ctx: { wire_len: 5 } }],
  ])('refuses %s for tc with EINVAL', (_, options) => {
    expect(() => tc().testRun(options)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it('refuses context bytes that this kernel does not know with E2BIG', () => {
    const ctx = new Uint8Array(193);
    ctx[192] = 1;
    expect(() => tc().testRun({ ctx })).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  });

  it('puts what does not fit one buffer into fragments for XDP, at most 17 pages of them', () => {
    const data = Uint8Array.from({ length: 4000 }, (_, i) => i);
    expect(xdp().testRun({ data }).data).toEqual(data);
    expect(() => xdp().testRun({ data: new Uint8Array(3520 + 17 * 4096 + 1) })).toThrow(
      expect.objectContaining({ code: 'ENOMEM' }),
    );
  });

  it('repeats a program on the same data', () => {
    const object = new Kernel().load(openFixture('xdp/count_protocols'));
    object.programs.count_protocols!.testRun({ data: udpPacket(1), repeat: 1000 });
    expect(object.maps.packets_by_protocol!.lookup(17)).toEqual([1000n]);
  });

  it('gives programs of other types the bytes that r1 points to', () => {
    const object = new Kernel().load(openFixture('tracing/globals'));
    const ctx = new Uint8Array(64);
    ctx[16 + 2 * 8] = 200;
    object.programs.on_write!.testRun({ ctx });
    expect(object.data.seen).toBe(6n);
  });
});
