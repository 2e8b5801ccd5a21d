/** All open sockets of a machine, and pairs of connected ones. */
import type { Memory } from '../../vm/index.ts';
import type { Cgroup } from '../objects/cgroups.ts';
import { flowOf } from './flow.ts';
import { Socket, type SocketActions, type SocketOptions } from './socket.ts';

/** What a pair of sockets is made from. */
export type PairOptions = Pick<SocketOptions, 'family' | 'type' | 'cgroup' | 'mark' | 'priority'>;

const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/** The sockets of a machine (`kernel.sockets`). */
export class SocketTable {
  private readonly memory: Memory;
  private readonly currentCgroup: () => Cgroup;
  private readonly actions: () => SocketActions;
  private readonly byAddress = new Map<number, Socket>();
  private lastCookie = 0;
  private readonly nextCookie = (): number => ++this.lastCookie;

  /** @param actions What sockets do, asked for when one does something. */
  constructor(memory: Memory, currentCgroup: () => Cgroup, actions: () => SocketActions) {
    this.memory = memory;
    this.currentCgroup = currentCgroup;
    this.actions = actions;
  }

  /**
   * Makes a socket; it lives until it is closed.
   * @throws SyscallError EPERM, or what they say, when programs of its cgroup forbid it.
   */
  open(options: SocketOptions = {}): Socket {
    const socket = this.make(options);
    this.actions().created(socket);
    return socket;
  }

  /** Makes a socket that the kernel itself wants, which no program is asked about. */
  make(options: SocketOptions): Socket {
    const cgroup = options.cgroup ?? this.currentCgroup();
    const socket = new Socket(this.memory, this.actions, this.nextCookie, cgroup, options);
    this.byAddress.set(socket.address, socket);
    socket.onEnd(() => this.byAddress.delete(socket.address));
    return socket;
  }

  /**
   * Two connected sockets: the one that connected, and the one that was accepted. Over IP they are at ports of the loopback address, and
   * everything happens that happens when sockets connect; for the family `unix` it is socketpair(2).
   * @throws SyscallError when a program forbids the connection.
   */
  pair(options: PairOptions = {}): [client: Socket, server: Socket] {
    const { family = 'inet', type = 'stream' } = options;
    if (family === 'unix') return this.unixPair(options);
    const address = family === 'inet6' ? LOOPBACK6 : LOOPBACK4;
    const other = this.open(options);
    const client = this.open(options);
    other.bind({ address });
    if (type !== 'stream') {
      client.connect(other.local);
      other.connect(client.local);
      return [client, other];
    }
    other.listen();
    client.connect(other.local);
    const server = other.accept();
    other.close();
    return [client, server ?? other];
  }

  /** Who would get a packet of a protocol with the addresses and ports of a struct bpf_sock_tuple. */
  find(protocol: number, tuple: Uint8Array): Socket | undefined {
    const flow = flowOf(protocol, tuple);
    return flow === undefined ? undefined : this.actions().find(flow);
  }

  at(address: number): Socket | undefined {
    return this.byAddress.get(address);
  }

  /** All sockets, in the order in which they were opened. */
  all(): Iterable<Socket> {
    return this.byAddress.values();
  }

  private unixPair(options: PairOptions): [Socket, Socket] {
    const ends: [Socket, Socket] = [this.open(options), this.open(options)];
    const [one, two] = ends;
    one.peer = two;
    two.peer = one;
    for (const end of ends) end.change({ state: 'established' });
    return ends;
  }
}
