/** Memory for records, cut from large pieces: many small typed arrays would cost more to make and to collect than to fill. */

import { Errno } from '../../base/errno.ts';
import { Rejection } from '../errors.ts';
import { MAX_STATE_BYTES } from '../limits.ts';

/** Words of a piece: 1 MiB. */
const SLAB_WORDS = 1 << 18;

/** Hands out zeroed words; what is handed out is never taken back before the whole verification is over. */
export class Slabs {
  private slab = new Int32Array(0);
  private used = 0;
  private left: number;

  /** @param most pieces that there may be */
  constructor(most = MAX_STATE_BYTES / (4 * SLAB_WORDS)) {
    this.left = most;
  }

  /** @throws Rejection `out-of-memory`, as the kernel fails with ENOMEM when a machine has no more. */
  take(words: number): Int32Array {
    if (this.used + words > this.slab.length) {
      if (this.left-- === 0)
        throw new Rejection(
          'out-of-memory',
          Errno.ENOMEM,
          `the states of this program need more than ${MAX_STATE_BYTES >> 20} MiB`,
        );
      this.slab = new Int32Array(SLAB_WORDS);
      this.used = 0;
    }
    const piece = new Int32Array(this.slab.buffer, 4 * this.used, words);
    this.used += words;
    return piece;
  }
}
