/**
 * Packets for tests, written as layers: `packet(ethernet(), ipv4({ dst: '192.0.2.1' }), udp({ dport: 53 }), 'payload')`.
 * Lengths, protocol numbers and checksums that follow from what comes after a layer are filled in; a field that is given
 * stays as it is, so that broken packets can be built too. Layouts: IEEE 802.3, 802.1Q, RFC 791, 8200, 768, 9293, 792.
 */
import { concatBytes } from '../base/bytes.ts';
import { encodeUtf8 } from '../base/text.ts';
import { parseIpv4, parseIpv6, parseMac } from './addresses.ts';
import { finishChecksum, sum16 } from './checksum.ts';

/** What a layer must know of its surroundings to be written. */
interface Surroundings {
  /** The bytes of everything inside this layer. */
  readonly payload: Uint8Array;
  /** The layer right inside, if any. */
  readonly inner: Layer | undefined;
  /** The layer right outside, if any: transport checksums cover its addresses. */
  readonly outer: Layer | undefined;
}

/** One header; made by the functions of this module. */
export interface Layer {
  readonly etherType?: number;
  readonly protocol?: number;
  /** Sum over source and destination address, for transport checksums. */
  readonly addressSum?: number;
  write(around: Surroundings): Uint8Array;
}

/** Puts layers and payloads (bytes, or text as UTF-8) into one packet, outermost first. */
export function packet(...parts: readonly (Layer | Uint8Array | string)[]): Uint8Array {
  let bytes: Uint8Array = new Uint8Array();
  for (let i = parts.length - 1; i >= 0; i--) {
    const part = parts[i];
    if (part === undefined) continue;
    if (typeof part === 'string') bytes = concatBytes([encodeUtf8(part), bytes]);
    else if (part instanceof Uint8Array) bytes = concatBytes([part, bytes]);
    else {
      const header = part.write({
        payload: bytes,
        inner: layerAt(parts, i + 1),
        outer: layerAt(parts, i - 1),
      });
      bytes = concatBytes([header, bytes]);
    }
  }
  return bytes;
}

function layerAt(parts: readonly (Layer | Uint8Array | string)[], index: number): Layer | undefined {
  const part = parts[index];
  return typeof part === 'object' && !(part instanceof Uint8Array) ? part : undefined;
}

/** Header bytes from fields: numbers with their size in bytes, or ready bytes. */
function header(...fields: readonly (readonly [size: 1 | 2 | 4, value: number] | Uint8Array)[]): Uint8Array {
  return concatBytes(
    fields.map((field) => {
      if (field instanceof Uint8Array) return field;
      const [size, value] = field;
      return Uint8Array.from({ length: size }, (_, i) => (value >>> (8 * (size - 1 - i))) & 0xff);
    }),
  );
}

function patch16(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  bytes[offset] = value >> 8;
  bytes[offset + 1] = value & 0xff;
  return bytes;
}

/** Ethernet II, 14 bytes. */
export function ethernet(fields: { src?: string; dst?: string; type?: number } = {}): Layer {
  return {
    write: ({ inner }) =>
      header(parseMac(fields.dst ?? '02:00:00:00:00:02'), parseMac(fields.src ?? '02:00:00:00:00:01'), [
        2,
        fields.type ?? inner?.etherType ?? 0x0800,
      ]),
  };
}

/** An 802.1Q tag, 4 bytes. */
export function vlan(fields: { id?: number; priority?: number; type?: number } = {}): Layer {
  return {
    etherType: 0x8100,
    write: ({ inner }) =>
      header(
        [2, ((fields.priority ?? 0) << 13) | (fields.id ?? 1)],
        [2, fields.type ?? inner?.etherType ?? 0x0800],
      ),
  };
}

/** IPv4 without options, 20 bytes. */
export function ipv4(
  fields: {
    src?: string;
    dst?: string;
    ttl?: number;
    protocol?: number;
    tos?: number;
    id?: number;
    checksum?: number;
  } = {},
): Layer {
  const src = parseIpv4(fields.src ?? '192.0.2.1');
  const dst = parseIpv4(fields.dst ?? '192.0.2.2');
  return {
    etherType: 0x0800,
    addressSum: sum16(dst, sum16(src)),
    write: ({ payload, inner }) => {
      const bytes = header(
        [1, 0x45],
        [1, fields.tos ?? 0],
        [2, 20 + payload.length],
        [2, fields.id ?? 0],
        [2, 0],
        [1, fields.ttl ?? 64],
        [1, fields.protocol ?? inner?.protocol ?? 255],
        [2, 0],
        src,
        dst,
      );
      return patch16(bytes, 10, fields.checksum ?? finishChecksum(sum16(bytes)));
    },
  };
}

/** IPv6 without extension headers, 40 bytes. */
export function ipv6(
  fields: { src?: string; dst?: string; hopLimit?: number; nextHeader?: number; trafficClass?: number } = {},
): Layer {
  const src = parseIpv6(fields.src ?? '2001:db8::1');
  const dst = parseIpv6(fields.dst ?? '2001:db8::2');
  return {
    etherType: 0x86dd,
    addressSum: sum16(dst, sum16(src)),
    write: ({ payload, inner }) =>
      header(
        [4, (6 << 28) | ((fields.trafficClass ?? 0) << 20)],
        [2, payload.length],
        [1, fields.nextHeader ?? inner?.protocol ?? 59],
        [1, fields.hopLimit ?? 64],
        src,
        dst,
      ),
  };
}

/** The checksum of a transport header over the pseudo header of the layer outside, the header and the payload. */
function transportChecksum(bytes: Uint8Array, protocol: number, around: Surroundings): number {
  const length = bytes.length + around.payload.length;
  return finishChecksum(
    sum16(around.payload, sum16(bytes, (around.outer?.addressSum ?? 0) + protocol + length)),
  );
}

/** UDP, 8 bytes. */
export function udp(
  fields: { sport?: number; dport?: number; length?: number; checksum?: number } = {},
): Layer {
  return {
    protocol: 17,
    write: (around) => {
      const bytes = header(
        [2, fields.sport ?? 40000],
        [2, fields.dport ?? 53],
        [2, fields.length ?? 8 + around.payload.length],
        [2, 0],
      );
      // RFC 768: a computed zero goes out as all ones, because zero says that there is no checksum.
      const checksum = fields.checksum ?? (transportChecksum(bytes, 17, around) || 0xffff);
      return patch16(bytes, 6, checksum);
    },
  };
}

const TCP_FLAGS = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

/** TCP without options, 20 bytes. */
export function tcp(
  fields: {
    sport?: number;
    dport?: number;
    seq?: number;
    ack?: number;
    flags?: readonly (keyof typeof TCP_FLAGS)[];
    window?: number;
    checksum?: number;
  } = {},
): Layer {
  return {
    protocol: 6,
    write: (around) => {
      const flags = (fields.flags ?? ['syn']).reduce((bits, name) => bits | TCP_FLAGS[name], 0);
      const bytes = header(
        [2, fields.sport ?? 40000],
        [2, fields.dport ?? 80],
        [4, fields.seq ?? 0],
        [4, fields.ack ?? 0],
        [1, 5 << 4],
        [1, flags],
        [2, fields.window ?? 65535],
        [2, 0],
        [2, 0],
      );
      return patch16(bytes, 16, fields.checksum ?? transportChecksum(bytes, 6, around));
    },
  };
}

/** ICMP echo request (or another type), 8 bytes. */
export function icmp(fields: { type?: number; code?: number; id?: number; sequence?: number } = {}): Layer {
  return {
    protocol: 1,
    write: ({ payload }) => {
      const bytes = header(
        [1, fields.type ?? 8],
        [1, fields.code ?? 0],
        [2, 0],
        [2, fields.id ?? 1],
        [2, fields.sequence ?? 1],
      );
      return patch16(bytes, 2, finishChecksum(sum16(payload, sum16(bytes))));
    },
  };
}
