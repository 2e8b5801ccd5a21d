/**
 * Cuts a TCP stream into messages by what a parser program says of their length (net/strparser/strparser.c). It sees the stream in the pieces in
 * which it arrived; the programs are called by others.
 */
import { concatBytes } from '../../base/bytes.ts';
import { Errno } from '../../base/errno.ts';
import type { ReceiveQueue } from './receive-queue.ts';

/** Bytes that a message may have: the default receive buffer of a TCP socket (net.ipv4.tcp_rmem). */
const MAX_MESSAGE_BYTES = 131072;

/** What a parser program is asked, and what becomes of messages. `head`: all pieces that the message has a part in, whole. */
export interface StreamSink {
  /** The length of the message that begins at the head's start: 0 when more must be seen of it, negative for an error. */
  parse(head: Uint8Array): number;
  message(head: Uint8Array, offset: number, length: number): void;
}

/** Cuts one socket's stream into messages. */
export class StreamParser {
  /** Pieces of the message in progress. */
  private head: Uint8Array | undefined;
  /** Where in the head the message begins. */
  private offset = 0;
  /** Bytes of the message so far, and in all; 0 while that is not known. */
  private gathered = 0;
  private total = 0;
  private stopped = false;

  /** Reads what is in the queue, message by message. @returns 0, or the errno with which it gave up for good. */
  read(queue: ReceiveQueue, sink: StreamSink): number {
    // A message whose length is known is waited for.
    if (this.stopped || (this.total > 0 && queue.length < this.total - this.gathered)) return 0;
    while (!queue.isEmpty) {
      const error = this.take(queue, sink);
      if (error === 0) continue;
      this.stop();
      return error;
    }
    return 0;
  }

  /** Ends it: the message in progress is lost. */
  stop(): void {
    this.stopped = true;
    this.head = undefined;
  }

  /** Reads one piece (__strp_recv). */
  private take(queue: ReceiveQueue, sink: StreamSink): number {
    const piece = queue.first ?? new Uint8Array(0);
    let eaten = 0;
    let error = 0;
    while (eaten < piece.length && error === 0 && !this.stopped) {
      const candidate = piece.length - eaten;
      const head = this.head === undefined ? this.begin(piece, eaten) : concatBytes([this.head, piece]);
      this.head = head;
      if (this.total === 0) error = this.measure(head, piece.length, sink);
      if (error !== 0) continue;
      const extra = this.gathered + candidate - this.total;
      if (this.total === 0 || extra < 0) {
        this.gathered += candidate;
        eaten = piece.length;
        continue;
      }
      eaten += candidate - extra;
      const { offset, total } = this;
      this.head = undefined;
      this.total = 0;
      sink.message(head, offset, total);
    }
    queue.skip(eaten);
    return error;
  }

  /** Begins a message in the middle of a piece. */
  private begin(piece: Uint8Array, offset: number): Uint8Array {
    this.offset = offset;
    this.gathered = 0;
    this.total = 0;
    return piece;
  }

  /** Asks for the length of the message. @returns an errno. */
  private measure(head: Uint8Array, lastPiece: number, sink: StreamSink): number {
    const length = sink.parse(head);
    if (length < 0) return -length;
    if (length > MAX_MESSAGE_BYTES) return Errno.EMSGSIZE;
    // The message must end in the piece that came last.
    if (length !== 0 && length <= head.length - lastPiece - this.offset) return Errno.EPROTO;
    this.total = length;
    return 0;
  }
}
