/** What the tests of sockets share: text instead of bytes. */
import { decodeUtf8, encodeUtf8 } from '../../../src/base/text.ts';
import type { Socket } from '../../../src/index.ts';

/** Sends text; gives the bytes taken. */
export function say(socket: Socket, text: string): number {
  return socket.send(encodeUtf8(text));
}

/** What there is to read, as text; undefined when there is nothing. */
export function hear(socket: Socket): string | undefined {
  const data = socket.receive();
  return data === undefined ? undefined : decodeUtf8(data);
}
