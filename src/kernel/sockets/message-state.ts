/**
 * What a socket remembers of SK_MSG programs between one piece of a message and the next (eval, apply_bytes, cork and sk_redir of struct
 * sk_psock).
 */
import { concatBytes } from '../../base/bytes.ts';
import type { SocketRef } from '../../maps/index.ts';

/** What a program said, or `redirect` with where to. */
export type MessageVerdict =
  | { readonly kind: 'pass' | 'drop' }
  | { readonly kind: 'redirect'; readonly target: SocketRef; readonly ingress: boolean };

export class MessageState {
  /** The verdict that holds on; undefined: the program is asked. */
  verdict: MessageVerdict | undefined;
  /** Bytes that the verdict is still for; 0: for the message that it was said of. */
  applyBytes = 0;
  /** Bytes that are waited for before the program is asked again. */
  corkBytes = 0;
  /** What was sent while waiting. */
  private held: Uint8Array[] = [];

  /** Keeps bytes until more come. */
  hold(bytes: Uint8Array): void {
    this.held.push(bytes);
  }

  /** What was kept, and these bytes. */
  release(bytes: Uint8Array): Uint8Array {
    if (this.held.length === 0) return bytes;
    const all = concatBytes([...this.held, bytes]);
    this.held = [];
    return all;
  }

  clear(): void {
    this.verdict = undefined;
    this.applyBytes = 0;
    this.corkBytes = 0;
    this.held = [];
  }
}
