/** Memory for records, cut from large pieces: many small typed arrays would cost more to make and to collect than to fill. */

/** Words of a piece: 1 MiB. */
const SLAB_WORDS = 1 << 18;

/** Hands out zeroed words; what is handed out is never taken back before the whole verification is over. */
export class Slabs {
  private slab = new Int32Array(0);
  private used = 0;

  take(words: number): Int32Array {
    if (this.used + words > this.slab.length) {
      this.slab = new Int32Array(Math.max(SLAB_WORDS, words));
      this.used = 0;
    }
    const piece = new Int32Array(this.slab.buffer, 4 * this.used, words);
    this.used += words;
    return piece;
  }
}
