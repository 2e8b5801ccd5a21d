import { concatBytes } from '../../base/bytes.ts';

/** Bytes that wait to be read, in the pieces in which they came: what struct sock's sk_receive_queue and the ingress queue of a psock hold. */
export class ReceiveQueue {
  private readonly pieces: Uint8Array[] = [];
  private bytes = 0;

  /** Bytes in the queue. */
  get length(): number {
    return this.bytes;
  }

  /** Nothing waits: datagrams of no bytes are something, too. */
  get isEmpty(): boolean {
    return this.pieces.length === 0;
  }

  /** What came first, or what is left of it. */
  get first(): Uint8Array | undefined {
    return this.pieces[0];
  }

  push(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.bytes += piece.length;
  }

  /** Adds to a stream: to the last piece as long as that stays below `limit` bytes, as TCP merges what it queues. */
  append(piece: Uint8Array, limit: number): void {
    const last = this.pieces.length - 1;
    const before = this.pieces[last];
    if (before === undefined || before.length + piece.length > limit) {
      this.push(piece);
      return;
    }
    this.pieces[last] = concatBytes([before, piece]);
    this.bytes += piece.length;
  }

  /** Takes the first piece. */
  shift(): Uint8Array | undefined {
    const piece = this.pieces.shift();
    this.bytes -= piece?.length ?? 0;
    return piece;
  }

  /** Takes so many bytes of the first piece. */
  skip(count: number): void {
    const [piece] = this.pieces;
    if (piece === undefined) return;
    if (count >= piece.length) {
      this.shift();
      return;
    }
    this.pieces[0] = piece.subarray(count);
    this.bytes -= count;
  }

  /** Takes at most so many bytes, of as many pieces as it takes; behind a piece of no bytes nothing is reached. */
  read(limit: number): Uint8Array<ArrayBuffer> {
    const empty = this.pieces.findIndex((piece) => piece.length === 0);
    const within = this.pieces.slice(0, empty < 0 ? undefined : empty);
    const reached = within.reduce((sum, piece) => sum + piece.length, 0);
    const out = new Uint8Array(Math.min(limit, reached));
    for (let at = 0; this.first !== undefined && at < out.length; ) {
      const part = this.first.subarray(0, out.length - at);
      out.set(part, at);
      at += part.length;
      this.skip(part.length);
    }
    return out;
  }

  clear(): void {
    this.pieces.length = 0;
    this.bytes = 0;
  }
}
