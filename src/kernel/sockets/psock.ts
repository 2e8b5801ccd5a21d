/**
 * What a socket has from the socket maps that it is in (struct sk_psock): programs, the queue that they fill, and how what arrives is read.
 * Rules of sock_map_link and sock_map_del_link in net/core/sock_map.c, and of net/core/skmsg.c.
 */
import { Errno } from '../../base/errno.ts';
import { SOCKET_PROGRAM_PLACES, type SocketProgramSet, SocketPrograms } from '../../maps/index.ts';
import { MessageState } from './message-state.ts';
import { ReceiveQueue } from './receive-queue.ts';
import { StreamParser } from './stream-parser.ts';

/** The part of a socket that socket maps are concerned with. */
export interface PsockOwner {
  userData: object | undefined;
  readonly isTcp: boolean;
}

/** The part of one socket; it ends when the socket has left the last map. */
export class Psock {
  /** The programs, kept though the map may get others meanwhile. */
  readonly programs = new SocketPrograms();
  /** Data that programs let pass, or redirected here; it is read ahead of the socket's own queue. */
  readonly ingress = new ReceiveQueue();
  /** Who reads what arrives, ahead of the process; undefined: nobody. */
  reader: 'parser' | 'verdict' | undefined;
  /** The messages that the parser program cuts from the stream. */
  parser = new StreamParser();
  /** What SK_MSG programs said of what is being sent. */
  readonly message = new MessageState();
  /** False when a hard error, or closing, has ended redirection to the socket (SK_PSOCK_TX_ENABLED). */
  transmits = true;
  /** The end of another connection was redirected here: what reads it is at its end, too. */
  hasEnded = false;
  private entries = 0;

  /** Counts an entry of a map and takes the map's programs. 0, or a negative errno and nothing is counted. */
  enter(map: SocketProgramSet, isTcp: boolean): number {
    if (this.entries > 0 && this.excludes(map)) return -Errno.EBUSY;
    const [cut, judged, taken] = [map.at('parser'), map.at('streamVerdict'), map.at('verdict')];
    for (const place of SOCKET_PROGRAM_PLACES) {
      const program = map.at(place);
      if (program !== undefined) this.programs.set(place, program);
    }
    if (this.reader === undefined && cut !== undefined && judged !== undefined) {
      if (!isTcp) return -Errno.EOPNOTSUPP;
      this.reader = 'parser';
      this.parser = new StreamParser();
    } else if (this.reader === undefined && (judged !== undefined || taken !== undefined)) {
      this.reader = 'verdict';
    }
    this.entries++;
    return 0;
  }

  /** Counts an entry less; with the map's programs at that time it gives up what it has of such. @returns true when none is left. */
  leave(map: SocketProgramSet | undefined): boolean {
    if (map !== undefined && this.reader !== undefined) {
      const stopsParser = map.at('parser') !== undefined;
      const stopsVerdict = map.at('streamVerdict') !== undefined || map.at('verdict') !== undefined;
      if (stopsParser) this.programs.set('parser', undefined);
      if (stopsVerdict) {
        this.programs.set('streamVerdict', undefined);
        this.programs.set('verdict', undefined);
      }
      if (stopsParser) this.parser.stop();
      if (stopsParser || stopsVerdict) this.reader = undefined;
    }
    this.entries--;
    return this.entries <= 0;
  }

  /** Lets go of everything. */
  end(): void {
    this.transmits = false;
    this.reader = undefined;
    this.programs.clear();
    this.ingress.clear();
    this.message.clear();
  }

  /** Whether the map has a program of a kind that is here already. */
  private excludes(map: SocketProgramSet): boolean {
    const both = (place: 'message' | 'parser'): boolean =>
      map.at(place) !== undefined && this.programs.at(place) !== undefined;
    const judges = (programs: SocketProgramSet): boolean =>
      programs.at('verdict') !== undefined || programs.at('streamVerdict') !== undefined;
    return both('message') || both('parser') || (judges(map) && judges(this.programs));
  }
}

/** Puts a socket in a socket map with these programs: 0, EBUSY when it is used otherwise, EOPNOTSUPP. */
export function enterSocketMap(socket: PsockOwner, map: SocketProgramSet): number {
  if (socket.userData !== undefined && !(socket.userData instanceof Psock)) return -Errno.EBUSY;
  const psock = socket.userData ?? new Psock();
  const error = psock.enter(map, socket.isTcp);
  if (error === 0) socket.userData = psock;
  else if (socket.userData === undefined) psock.end();
  return error;
}

/** Takes a socket out of a socket map; the last one lets its programs go. */
export function leaveSocketMap(socket: PsockOwner, map: SocketProgramSet | undefined): void {
  const psock = socket.userData;
  if (!(psock instanceof Psock) || !psock.leave(map)) return;
  psock.end();
  socket.userData = undefined;
}
