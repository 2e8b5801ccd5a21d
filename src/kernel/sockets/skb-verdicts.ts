/**
 * SK_SKB programs: what arrives at a socket of a socket map is cut into messages, and let pass, dropped or redirected (sk_psock_verdict_recv,
 * sk_psock_strp_read and sk_psock_verdict_apply in net/core/skmsg.c).
 */
import type { SocketChoice } from '../../helpers/index.ts';
import type { ProgRef } from '../../maps/index.ts';
import { BPF_F_INGRESS, PAGE_BYTES, SK_PASS } from '../../spec/uapi.ts';
import type { Machine } from '../machine/machine.ts';
import {
  PAYLOAD_ROOM,
  PacketBuffer,
  type PacketSinks,
  SHARED_INFO_BYTES,
  SkBuff,
} from '../packets/packet-buffer.ts';
import type { Psock } from './psock.ts';
import type { Socket } from './socket.ts';
import { writeAddresses } from './socket-image.ts';

/** SKB_MAX_HEAD(0): what the socket layer puts in the linear part of a large message of a UNIX socket. */
const UNIX_LINEAR_BYTES = 3776;
const NO_DEVICES: PacketSinks = { redirect: () => undefined, cloneRedirect: () => 0 };

/** Takes what was redirected to a socket; it is handled when the programs have ended (sk_psock_backlog). */
export type Forward = (target: Socket, data: Uint8Array, ingress: boolean) => void;

/** What a program did. */
interface Outcome {
  readonly retval: number;
  readonly choice: SocketChoice;
  /** All of the data, as the program left it. */
  readonly data: Uint8Array;
}

/** Asks the SK_SKB programs of sockets, and does as they say. */
export class SkbVerdicts {
  private readonly machine: Machine;
  private readonly forward: Forward;

  constructor(machine: Machine, forward: Forward) {
    this.machine = machine;
    this.forward = forward;
  }

  /** Lets the programs of a socket read its queue (sk_data_ready). */
  dataReady(socket: Socket): void {
    const { psock } = socket;
    if (psock?.reader === 'parser') this.readStream(socket, psock);
    else if (psock?.reader === 'verdict') this.readPieces(socket, psock);
  }

  /** An error of the parser program ends it, and is told to the process. */
  private readStream(socket: Socket, psock: Psock): void {
    const error = psock.parser.read(socket.received, {
      parse: (head) => {
        const program = psock.programs.at('parser');
        return program === undefined ? head.length : this.run(socket, program, head).retval;
      },
      message: (head, offset, length) => {
        const program = psock.programs.at('streamVerdict');
        if (program === undefined) return;
        const outcome = this.run(socket, program, head);
        const message = outcome.data.subarray(offset, offset + length);
        this.apply(socket, psock, { ...outcome, data: message });
      },
    });
    if (error !== 0) socket.error = error;
  }

  /** TCP reads on while there is something; others take one packet for each that arrives. */
  private readPieces(socket: Socket, psock: Psock): void {
    do {
      const program = psock.programs.at('streamVerdict') ?? psock.programs.at('verdict');
      const piece = program === undefined ? undefined : socket.received.shift();
      if (program === undefined || piece === undefined) return;
      this.apply(socket, psock, this.run(socket, program, piece), socket.isTcp && piece.length === 0);
    } while (socket.isTcp && psock.reader === 'verdict' && !socket.received.isEmpty);
  }

  /** `isEnd`: it is the segment without data that ends a connection. */
  private apply(socket: Socket, psock: Psock, { retval, choice, data }: Outcome, isEnd = false): void {
    if (retval !== SK_PASS) return;
    const target = this.machine.objects.sockets.at(choice.socket?.address ?? 0);
    const ingress = (choice.flags & BPF_F_INGRESS) !== 0;
    if (target !== undefined && !(target === socket && ingress)) this.forward(target, data, ingress);
    else if (psock.transmits && isEnd) psock.hasEnded = true;
    else if (psock.transmits) psock.ingress.push(data);
  }

  private run(socket: Socket, program: ProgRef, data: Uint8Array): Outcome {
    const { machine } = this;
    const choice: SocketChoice = { socket: undefined, flags: 0 };
    const loaded = machine.programs.get(program.id);
    if (loaded === undefined) return { retval: 0, choice, data };
    const room = 2 * PAYLOAD_ROOM + data.length + SHARED_INFO_BYTES;
    const packet = new PacketBuffer(machine.memory, 'skb', room, NO_DEVICES);
    try {
      packet.socket = socket;
      packet.fillPayload(data, linearBytes(socket, data.length));
      writeAddresses(machine.memory, packet.context + SkBuff.family, socket);
      const { retval } = machine.during({ packet, choice }, () => machine.runner.run(loaded, packet.context));
      return { retval, choice, data: packet.payload() };
    } finally {
      packet.free();
    }
  }
}

/** TCP keeps what processes send in pages apart, UNIX sockets what is beyond a size; UDP has it all in one buffer. */
function linearBytes(socket: Socket, length: number): number {
  if (socket.isTcp) return 0;
  const beyond = socket.family === 'unix' ? Math.max(length - UNIX_LINEAR_BYTES, 0) : 0;
  return Math.max(length - Math.ceil(beyond / PAGE_BYTES) * PAGE_BYTES, 0);
}
