/** A socket in a slot of a map: it leaves the slot when it is closed. What sockets a kind takes is the kind's. */
import type { SocketRef } from '../ports.ts';
import type { SlotEntry } from './slot-array.ts';

/** A slot's socket. */
export interface SocketEntry extends SlotEntry {
  readonly socket: SocketRef;
}

/** @param onGone Called when the socket is closed. */
export function socketEntry(socket: SocketRef, onGone: () => void, onDispose?: () => void): SocketEntry {
  const stop = socket.onEnd(onGone);
  return {
    socket,
    dispose: () => {
      stop();
      onDispose?.();
    },
  };
}

/** Writes a 64-bit number below 2^53 little-endian, as socket maps show a socket's cookie. */
export function writeCookie(socket: SocketRef, value: Uint8Array): void {
  const high = Math.floor(socket.cookie / 2 ** 32);
  for (let i = 0; i < 4; i++) {
    value[i] = socket.cookie >>> (8 * i);
    value[4 + i] = high >>> (8 * i);
  }
}
