/**
 * Sockets by address: who has which port, who listens, who gets a datagram (net/ipv4/inet_hashtables.c, inet_connection_sock.c, udp.c).
 * Every address is one of this machine.
 */
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import type { Socket } from './socket.ts';
import type { Endpoint } from './socket-image.ts';

/** net.ipv4.ip_local_port_range. */
const FIRST_PORT = 32768;
const LAST_PORT = 60999;

/** An endpoint with all that it has. */
export interface FullEndpoint {
  readonly address: Uint8Array;
  readonly port: number;
}

/** The address of an endpoint, or that which stands for any. @throws UsageError for an address that is not of the family. */
export function addressOf({ address }: Endpoint, family: Socket['family']): Uint8Array {
  const length = family === 'inet6' ? 16 : 4;
  if (address !== undefined && address.length !== length)
    throw new UsageError('bad-address', `an address of ${family} has ${length} bytes, not ${address.length}`);
  return address ?? new Uint8Array(length);
}

export class SocketDirectory {
  /** In the order in which they were bound. */
  private readonly bound = new Set<Socket>();
  private nextPort = FIRST_PORT;

  /** Gives a socket its address: 0 or a negative errno. */
  bind(socket: Socket, local: Endpoint): number {
    const address = addressOf(local, socket.family);
    const port = local.port ?? 0;
    if (port !== 0 && this.conflicts(socket, address, port)) return -Errno.EADDRINUSE;
    const free = port === 0 ? this.freePort(socket, address) : port;
    if (free === 0) return -Errno.EADDRINUSE;
    socket.change({ local: { address, port: free } });
    this.bound.add(socket);
    return 0;
  }

  /** The address that a socket gets by connecting, where it has none: to itself, as all addresses are of this machine. */
  bindForConnect(socket: Socket, remote: FullEndpoint): number {
    const { local } = socket;
    if (local.port === undefined) return this.bind(socket, { address: remote.address });
    if (isAny(local.address)) socket.change({ local: { address: remote.address, port: local.port } });
    return 0;
  }

  /** Takes a connection that was accepted in. */
  add(socket: Socket): void {
    this.bound.add(socket);
  }

  remove(socket: Socket): void {
    this.bound.delete(socket);
  }

  /** The socket that listens where another wants to connect to. */
  listener({ remote, protocol, family }: Socket): Socket | undefined {
    return best(this.bound, (one) =>
      one.state === 'listen' && one.protocol === protocol && one.family === family ? score(one, remote) : 0,
    );
  }

  /** The socket that gets a datagram. */
  datagramTarget(from: Socket, to: FullEndpoint): Socket | undefined {
    return best(this.bound, (one) => {
      if (one.type !== 'dgram' || one.protocol !== from.protocol || one.family !== from.family) return 0;
      if (one.state !== 'established') return score(one, to);
      return isSame(one.remote, from.local) ? 2 * score(one, to) : 0;
    });
  }

  private conflicts(socket: Socket, address: Uint8Array, port: number): boolean {
    for (const other of this.bound) {
      if (other.local.port !== port || other.protocol !== socket.protocol) continue;
      if (other.family !== socket.family || (other.isTcp && other.state === 'established')) continue;
      const overlaps = isAny(other.local.address) || isAny(address) || isSame(other.local, { address, port });
      if (overlaps && !(other.reuseport && socket.reuseport)) return true;
    }
    return false;
  }

  private freePort(socket: Socket, address: Uint8Array): number {
    for (let tried = FIRST_PORT; tried <= LAST_PORT; tried++) {
      const port = this.nextPort;
      this.nextPort = port === LAST_PORT ? FIRST_PORT : port + 1;
      if (!this.conflicts(socket, address, port)) return port;
    }
    return 0;
  }
}

/** How well a bound socket fits an address: 2 for the address itself, 1 for any address, 0 for others. */
function score({ local }: Socket, to: Endpoint): number {
  if (local.port !== to.port) return 0;
  return isSame(local, to) ? 2 : isAny(local.address) ? 1 : 0;
}

/** The first with the highest score above 0. */
function best(sockets: Iterable<Socket>, rate: (socket: Socket) => number): Socket | undefined {
  let found: Socket | undefined;
  let highest = 0;
  for (const socket of sockets) {
    const rating = rate(socket);
    if (rating > highest) [found, highest] = [socket, rating];
  }
  return found;
}

function isAny(address: Uint8Array | undefined): boolean {
  return address === undefined || address.every((byte) => byte === 0);
}

function isSame(one: Endpoint, two: Endpoint): boolean {
  if (one.port !== two.port || one.address?.length !== two.address?.length) return false;
  return one.address?.every((byte, i) => byte === two.address?.[i]) ?? true;
}
