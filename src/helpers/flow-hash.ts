/**
 * The flow hash of a packet, for bpf_get_hash_recalc: one number for both directions of a connection, from addresses, ports and
 * protocol as __flow_hash_consistentify orders them (net/core/flow_dissector.c). The kernel's hash has a random key, so its values
 * are no one's to expect; ours has a fixed one, so that runs can be repeated.
 */

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
/** IP protocols whose header begins with two ports: TCP, UDP, SCTP, DCCP. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132, 33]);
/** More fragments, or an offset: ports are in the first fragment only, so no fragment's count. */
const FRAGMENT_MASK = 0x3fff;

/** The hash of the packet whose network header lies at `network` and which ends at `end`; never 0. */
export function flowHash(view: DataView, etherType: number, network: number, end: number): number {
  if (etherType === ETH_P_IP && network + 20 <= end) {
    const fragment = (view.getUint16(network + 6, false) & FRAGMENT_MASK) !== 0;
    const transport = network + 4 * (view.getUint8(network) & 15);
    const protocol = view.getUint8(network + 9);
    return hashOf(view, network + 12, 4, protocol, fragment ? end : transport, end);
  }
  if (etherType === ETH_P_IPV6 && network + 40 <= end)
    return hashOf(view, network + 8, 16, view.getUint8(network + 6), network + 40, end);
  return finish(mix(0, etherType));
}

/** Hashes two addresses of `size` bytes at `source`, the protocol, and the ports at `transport` if there are any. */
function hashOf(
  view: DataView,
  source: number,
  size: number,
  protocol: number,
  transport: number,
  end: number,
): number {
  const ports = WITH_PORTS.has(protocol) && transport + 4 <= end;
  const sourcePort = ports ? view.getUint16(transport, false) : 0;
  const targetPort = ports ? view.getUint16(transport + 2, false) : 0;
  const order = compareBytes(view, source, source + size, size) || sourcePort - targetPort;
  const [first, second] = order <= 0 ? [source, source + size] : [source + size, source];
  let hash = mix(mix(0, protocol), order <= 0 ? sourcePort : targetPort);
  hash = mix(hash, order <= 0 ? targetPort : sourcePort);
  for (let i = 0; i < size; i += 4) hash = mix(hash, view.getInt32(first + i, false));
  for (let i = 0; i < size; i += 4) hash = mix(hash, view.getInt32(second + i, false));
  return finish(hash);
}

function compareBytes(view: DataView, a: number, b: number, size: number): number {
  for (let i = 0; i < size; i++) {
    const difference = view.getUint8(a + i) - view.getUint8(b + i);
    if (difference !== 0) return difference;
  }
  return 0;
}

function mix(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) ^ (mixed >>> 16);
}

function finish(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return mixed ^ (mixed >>> 15) || 1;
}
