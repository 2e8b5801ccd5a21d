/**
 * Who gets a packet: SK_LOOKUP programs, sockets by their addresses, groups of them (__inet_lookup_listener in net/ipv4/inet_hashtables.c,
 * __udp4_lib_lookup in net/ipv4/udp.c).
 */
import { IPPROTO_TCP } from '../../spec/uapi.ts';
import type { HookTable } from '../attach/hooks.ts';
import type { Machine } from '../machine/machine.ts';
import type { Flow } from './flow.ts';
import { ReuseportGroups } from './reuseport.ts';
import { SkLookupPrograms } from './sk-lookup.ts';
import type { Socket } from './socket.ts';
import type { SocketDirectory } from './socket-directory.ts';

/** A socket; none; or one was found, and a program refused the packet. */
type Found = Socket | 'refused' | undefined;

/** Finds the socket that a packet is for. */
export class SocketLookup {
  readonly groups: ReuseportGroups;
  private readonly programs: SkLookupPrograms;
  private readonly directory: SocketDirectory;

  constructor(machine: Machine, hooks: HookTable, directory: SocketDirectory) {
    this.groups = new ReuseportGroups(machine, hooks);
    this.programs = new SkLookupPrograms(machine, hooks);
    this.directory = directory;
  }

  /** The listener that is asked for a connection. */
  listener(flow: Flow): Socket | undefined {
    const found = this.chosen(flow) ?? this.bound(flow, 'exact') ?? this.bound(flow, 'any');
    return found === 'refused' ? undefined : found;
  }

  /** The socket that gets a datagram: programs do not come between connected ones. */
  receiver(flow: Flow): Socket | undefined {
    const own = this.bound(flow, 'exact');
    if (own !== undefined && own !== 'refused' && own.state === 'established') return own;
    const found = this.chosen(flow) ?? own ?? this.bound(flow, 'any');
    return found === 'refused' ? undefined : found;
  }

  /** Who would get a packet that is not there: connections are looked for first, and no program of a group is asked. */
  find(flow: Flow): Socket | undefined {
    const established = this.directory.connection(flow);
    if (established !== undefined) return established;
    const asked = { ...flow, isReal: false };
    return flow.protocol === IPPROTO_TCP ? this.listener(asked) : this.receiver(asked);
  }

  /** What SK_LOOKUP programs say. */
  private chosen(flow: Flow): Found {
    const answer = this.programs.ask(flow);
    if (answer.kind !== 'socket') return answer.kind === 'refuse' ? 'refused' : undefined;
    return answer.asksGroup ? this.inGroup(answer.socket, flow) : answer.socket;
  }

  /** What is bound to the address, or to any. */
  private bound(flow: Flow, to: 'exact' | 'any'): Found {
    const socket = this.directory.find(flow, to);
    return socket === undefined || socket.state === 'established' ? socket : this.inGroup(socket, flow);
  }

  private inGroup(socket: Socket, flow: Flow): Found {
    return this.groups.select(socket, flow) ?? 'refused';
  }
}
