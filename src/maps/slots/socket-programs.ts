/**
 * The programs of a SOCKMAP or SOCKHASH (struct sk_psock_progs): sockets take them along when they are put in the map. Which program goes
 * where, and what excludes what, is BPF_PROG_ATTACH's and BPF_LINK_CREATE's business.
 */
import type { ProgRef, SocketProgramPlace, SocketProgramSet } from '../ports.ts';

/** All places, in the order in which a socket takes programs over. */
export const SOCKET_PROGRAM_PLACES: readonly SocketProgramPlace[] = [
  'streamVerdict',
  'parser',
  'message',
  'verdict',
];

/** At most one program for each place; it holds what it has. */
export class SocketPrograms implements SocketProgramSet {
  private readonly places = new Map<SocketProgramPlace, ProgRef>();

  at(place: SocketProgramPlace): ProgRef | undefined {
    return this.places.get(place);
  }

  /** Puts a program in a place, or nothing; what was there is let go. */
  set(place: SocketProgramPlace, program: ProgRef | undefined): void {
    const old = this.places.get(place);
    program?.hold();
    if (program === undefined) this.places.delete(place);
    else this.places.set(place, program);
    old?.release();
  }

  /** Lets all programs go. */
  clear(): void {
    for (const place of [...this.places.keys()]) this.set(place, undefined);
  }
}
