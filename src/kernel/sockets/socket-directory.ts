/**
 * Sockets by address: who has which port, who listens, who gets a datagram (net/ipv4/inet_hashtables.c, inet_connection_sock.c, udp.c).
 * Every address is one of this machine.
 */
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import type { Flow, FullEndpoint } from './flow.ts';
import type { Socket } from './socket.ts';
import type { Endpoint } from './socket-image.ts';

/** net.ipv4.ip_local_port_range. */
const FIRST_PORT = 32768;
const LAST_PORT = 60999;

/** The address of an endpoint, or that which stands for any. @throws UsageError for an address that is not of the family. */
export function addressOf({ address }: Endpoint, family: Socket['family']): Uint8Array {
  const length = family === 'inet6' ? 16 : 4;
  if (address !== undefined && address.length !== length)
    throw new UsageError('bad-address', `an address of ${family} has ${length} bytes, not ${address.length}`);
  return address ?? new Uint8Array(length);
}

/** Bound and connected sockets of one machine by address. */
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

  /** Who is bound to a packet's address itself, or to any: a listener, or a socket that takes datagrams, connected ones first. */
  find({ protocol, family, source, target }: Flow, to: 'exact' | 'any'): Socket | undefined {
    let found: Socket | undefined;
    for (const socket of this.bound) {
      const { local, remote, state, type } = socket;
      if (socket.protocol !== protocol || socket.family !== family || local.port !== target.port) continue;
      if (to === 'exact' ? !isSame(local, target) : !isAny(local.address)) continue;
      if (type === 'dgram' && state === 'established') {
        if (isSame(remote, source)) return socket;
      } else if (type === 'dgram' || state === 'listen') {
        found ??= socket;
      }
    }
    return found;
  }

  /** The end of a TCP connection that a packet belongs to. */
  connection({ protocol, family, source, target }: Flow): Socket | undefined {
    for (const socket of this.bound) {
      if (!socket.isTcp || socket.protocol !== protocol || socket.family !== family) continue;
      if (socket.state === 'listen' || socket.state === 'close') continue;
      if (isSame(socket.local, target) && isSame(socket.remote, source)) return socket;
    }
    return undefined;
  }

  /** Another socket of the same kind at the same address that has a group. */
  neighbour(socket: Socket): Socket | undefined {
    for (const other of this.bound) {
      const isAlike = other.protocol === socket.protocol && other.family === socket.family;
      if (other !== socket && isAlike && other.group !== undefined && isSame(other.local, socket.local))
        return other;
    }
    return undefined;
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

function isAny(address: Uint8Array | undefined): boolean {
  return address === undefined || address.every((byte) => byte === 0);
}

function isSame(one: Endpoint, two: Endpoint): boolean {
  if (one.port !== two.port || one.address?.length !== two.address?.length) return false;
  return one.address?.every((byte, i) => byte === two.address?.[i]) ?? true;
}
