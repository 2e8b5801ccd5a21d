/**
 * SK_MSG programs: what processes send through a TCP socket of a socket map goes out, is dropped, or goes to another socket, whole or in parts
 * (tcp_bpf_sendmsg and tcp_bpf_send_verdict in net/ipv4/tcp_bpf.c, sk_psock_msg_verdict in net/core/skmsg.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_F_INGRESS, SK_PASS } from '../../spec/uapi.ts';
import type { Machine } from '../machine/machine.ts';
import { MessageBuffer } from './message-buffer.ts';
import type { MessageVerdict } from './message-state.ts';
import type { Psock } from './psock.ts';
import type { Socket } from './socket.ts';

/** Where data goes from here: 0, or a negative errno and it went nowhere. */
export interface MessageSinks {
  /** Out of a socket, past its programs. */
  push(socket: Socket, data: Uint8Array): number;
  /** Into the queue of a socket. */
  deliver(socket: Socket, data: Uint8Array): number;
}

/** A socket with what it has from its maps. */
interface Sender {
  readonly socket: Socket;
  readonly psock: Psock;
}

/** How a message fared: bytes that the process is told were not taken. */
interface Outcome {
  readonly error: number;
  readonly lost: number;
}

/** Asks the SK_MSG programs of sockets, and does as they say. */
export class MessageVerdicts {
  private readonly machine: Machine;
  private readonly sinks: MessageSinks;

  constructor(machine: Machine, sinks: MessageSinks) {
    this.machine = machine;
    this.sinks = sinks;
  }

  /** Sends what a process gave. @returns the bytes that were taken, or a negative errno when none were. */
  send(sender: Sender, data: Uint8Array): number {
    const state = sender.psock.message;
    let [offset, copied, error] = [0, 0, 0];
    while (offset < data.length && error === 0) {
      const message = state.cork ?? new MessageBuffer(this.machine.memory);
      const taken = message.append(data.subarray(offset));
      offset += taken;
      copied += taken;
      const isFull = offset < data.length;
      if (state.corkBytes > 0) {
        state.corkBytes = Math.max(state.corkBytes - data.length, 0);
        if (state.corkBytes > 0 && !isFull) break;
        state.corkBytes = 0;
        state.verdict = undefined;
      }
      const outcome = this.sendMessage(sender, message, isFull);
      copied -= outcome.lost;
      error = outcome.error;
      if (message !== state.cork) message.free();
    }
    return copied > 0 ? copied : error;
  }

  /** Sends a message, part by part as its verdicts say. */
  private sendMessage(sender: Sender, message: MessageBuffer, isFull: boolean): Outcome {
    const state = sender.psock.message;
    // What programs put in or took out is not the process's.
    let shrunk = 0;
    do {
      if (state.verdict === undefined) {
        const { size } = message;
        state.verdict = this.ask(sender, message);
        shrunk = size - message.size;
      }
      if (message.corkBytes > message.size && !isFull) {
        state.corkBytes = message.corkBytes - message.size;
        state.cork = message;
        return { error: 0, lost: 0 };
      }
      const { size } = message;
      const part = state.applyBytes > 0 ? Math.min(state.applyBytes, size) : size;
      const { verdict } = state;
      if (verdict === 'drop') {
        message.take(size);
        state.spend(part);
        return { error: -Errno.EACCES, lost: part + shrunk };
      }
      const error =
        verdict === 'redirect' ? this.redirect(sender, message, part) : this.pass(sender, message, part);
      if (error !== 0) return { error, lost: message.take(size) };
      if (state.applyBytes === 0) state.verdict = undefined;
    } while (message.size > 0);
    return { error: 0, lost: 0 };
  }

  private pass({ socket, psock }: Sender, message: MessageBuffer, part: number): number {
    const error = this.sinks.push(socket, message.peek(part));
    if (error !== 0) return error;
    message.take(part);
    psock.message.spend(part);
    return 0;
  }

  /** A message that was held back goes whole, and errors about it are not told. */
  private redirect({ psock }: Sender, message: MessageBuffer, part: number): number {
    const state = psock.message;
    const { socket, flags } = state.redirect;
    state.spend(part);
    if (state.applyBytes === 0) state.verdict = undefined;
    const wasHeld = message === state.cork;
    if (wasHeld) state.cork = undefined;
    const error = this.sendOn(socket as Socket, flags, message.peek(part));
    message.take(wasHeld ? message.size : error === 0 ? part : 0);
    return wasHeld ? 0 : error;
  }

  private sendOn(target: Socket, flags: number, data: Uint8Array): number {
    if (target.psock === undefined) return -Errno.EPIPE;
    return (flags & BPF_F_INGRESS) !== 0 ? this.sinks.deliver(target, data) : this.sinks.push(target, data);
  }

  /** Runs the socket's program on a message. */
  private ask({ socket, psock }: Sender, message: MessageBuffer): MessageVerdict {
    const { machine } = this;
    const program = machine.programs.get(psock.programs.at('message')?.id ?? 0);
    if (program === undefined) return 'pass';
    const { choice } = message;
    message.show(socket);
    const { retval } = machine.during({ message, choice, socket }, () =>
      machine.runner.run(program, message.context),
    );
    psock.message.applyBytes = message.applyBytes;
    psock.message.redirect = { ...choice };
    if (retval !== SK_PASS) return 'drop';
    return choice.socket === undefined ? 'pass' : 'redirect';
  }
}
