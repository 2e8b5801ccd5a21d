/**
 * The socket that a test run's packet belongs to: bpf_prog_test_run_skb (net/bpf/test_run.c) makes one of no type, in the cgroup of the current task,
 * whose addresses are those of the packet.
 */
import type { Socket, SocketOptions } from './socket.ts';
import type { SocketTable } from './socket-table.ts';

const ETHERTYPE_AT = 12;
const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
/** Where a frame has its addresses: family, offset of the source's, bytes of each. */
const ADDRESSES = new Map([
  [ETH_P_IP, { family: 'inet', at: 26, size: 4 }],
  [ETH_P_IPV6, { family: 'inet6', at: 22, size: 16 }],
] as const);

/** Makes the socket; `discard` ends it. `frame` has whole headers. */
export function testRunSocket(sockets: SocketTable, frame: Uint8Array): Socket {
  const shape = { type: 'none', protocol: 0, state: 'close' } satisfies SocketOptions;
  const ethertype = (frame[ETHERTYPE_AT]! << 8) | frame[ETHERTYPE_AT + 1]!;
  const found = ADDRESSES.get(ethertype as typeof ETH_P_IP);
  if (found === undefined) return sockets.make({ ...shape, family: 'unspec' });
  const { family, at, size } = found;
  return sockets.make({
    ...shape,
    family,
    local: { address: frame.slice(at, at + size) },
    remote: { address: frame.slice(at + size, at + 2 * size) },
  });
}
