/** What a socket remembers of SK_MSG programs between one call of a process and the next (eval, apply_bytes, cork of struct sk_psock). */
import type { SocketChoice } from '../../helpers/index.ts';
import type { MessageBuffer } from './message-buffer.ts';

/** What an SK_MSG program decided. */
export type MessageVerdict = 'pass' | 'drop' | 'redirect';

/** What is remembered of one socket. */
export class MessageState {
  /** The verdict that holds on; undefined: the program is asked. */
  verdict: MessageVerdict | undefined;
  /** Where a verdict to redirect leads. */
  redirect: SocketChoice = { socket: undefined, flags: 0 };
  /** Bytes that the verdict is still for; 0: for the message that it was said of. */
  applyBytes = 0;
  /** Bytes that are waited for before the program is asked again. */
  corkBytes = 0;
  /** The message that waits for more. It is used on when it is sent, with what programs set in it. */
  cork: MessageBuffer | undefined;

  /** So many bytes went where the verdict sent them. */
  spend(bytes: number): void {
    this.applyBytes = Math.max(this.applyBytes - bytes, 0);
  }

  clear(): void {
    this.verdict = undefined;
    this.applyBytes = 0;
    this.corkBytes = 0;
    this.cork?.free();
    this.cork = undefined;
  }
}
