import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import {
  ethernet,
  finishChecksum,
  icmp,
  ipv4,
  ipv6,
  packet,
  parseIpv6,
  parseMac,
  sum16,
  tcp,
  udp,
  vlan,
} from '../../src/net/index.ts';

describe('the Internet checksum', () => {
  it('is that of the example in RFC 1071, section 3', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7);
    expect(sum16(bytes)).toBe(0xddf2);
    expect(finishChecksum(0xddf2)).toBe(0x220d);
  });

  it('pads an odd last byte with zero', () => {
    expect(sum16(Uint8Array.of(0xab))).toBe(0xab00);
  });
});

describe('packet()', () => {
  it('writes Ethernet, IPv4 and UDP with types, lengths and checksums filled in', () => {
    const bytes = packet(
      ethernet({ src: '02:00:00:00:00:01', dst: 'ff:ff:ff:ff:ff:ff' }),
      ipv4({ src: '10.0.0.1', dst: '10.0.0.2' }),
      udp({ sport: 1000, dport: 53 }),
      'hi',
    );
    expect(toHex(bytes)).toBe(
      'ffffffffffff0200000000010800' +
        '4500001e00000000401166cd0a0000010a000002' +
        '03e80035000a7f51' +
        '6869',
    );
  });

  it('makes IPv4 headers and UDP datagrams whose sums are all ones, as a receiver checks them', () => {
    const bytes = packet(ipv4(), udp(), 'payload');
    expect(sum16(bytes.subarray(0, 20))).toBe(0xffff);
    const pseudo = sum16(bytes.subarray(12, 20)) + 17 + (bytes.length - 20);
    expect(finishChecksum(sum16(bytes.subarray(20), pseudo))).toBe(0);
  });

  it('takes the type of the layer inside: VLAN tag, IPv6, TCP', () => {
    const bytes = packet(ethernet(), vlan({ id: 7 }), ipv6(), tcp({ flags: ['syn', 'ack'] }));
    expect(toHex(bytes.subarray(12, 18))).toBe('8100000786dd');
    expect(bytes[18 + 6]).toBe(6);
    expect(bytes[18 + 40 + 13]).toBe(0x12);
  });

  it('keeps what is given, even when it is wrong', () => {
    expect(packet(ipv4({ checksum: 0xdead }), icmp()).subarray(10, 12)).toEqual(Uint8Array.of(0xde, 0xad));
  });
});

describe('addresses', () => {
  it('are read from text', () => {
    expect(toHex(parseIpv6('2001:db8::1'))).toBe('20010db8000000000000000000000001');
    expect(toHex(parseIpv6('::'))).toBe('0'.repeat(32));
    expect(toHex(parseMac('02:0A:00:00:00:ff'))).toBe('020a000000ff');
  });

  it.each([
    () => parseIpv6('1::2::3'),
    () => parseIpv6('12345::'),
    () => parseMac('02:00'),
    () => ipv4({ src: '1.2.3.256' }),
  ])('that are wrong are refused with what was expected: %s', (parse) => {
    expect(parse).toThrow(/expected an? .*address/);
  });
});
