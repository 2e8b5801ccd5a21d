/**
 * Keys of array kinds: 32-bit indexes. Their order for user space, and walks over them, whose keys need memory that programs can read.
 */
import { Errno } from '../../base/errno.ts';
import type { Memory } from '../../vm/index.ts';
import type { MapIterator } from '../map.ts';
import type { MapMemory } from '../map-memory.ts';
import { userWord } from '../values/copy.ts';

/** Bytes of a key of an array kind. */
export const INDEX_BYTES = 4;

/** Walks that can be under way at once: callbacks nest no deeper than a program's 8 frames. */
const KEY_WORDS = 8;

/** array_map_get_next_key: the index behind a key, 0 behind none and behind one that is too large. */
export function nextIndex(key: Uint8Array | undefined, next: Uint8Array, maxEntries: number): number {
  if (next.length < INDEX_BYTES || (key !== undefined && key.length < INDEX_BYTES)) return -Errno.EFAULT;
  const index = key === undefined ? maxEntries : userWord(key, 0);
  if (index === maxEntries - 1) return -Errno.ENOENT;
  const following = index >= maxEntries ? 0 : index + 1;
  for (let i = 0; i < INDEX_BYTES; i++) next[i] = following >>> (8 * i);
  return 0;
}

/** The words that hold the keys of walks over one map. */
export class IndexWalks {
  private readonly memory: Memory;
  private readonly idle: number[] = [];
  private readonly busy: number[] = [];

  /** @throws SyscallError ENOMEM */
  constructor(owner: MapMemory) {
    this.memory = owner.memory;
    const base = owner.allocateHidden(KEY_WORDS * 8, 'map-key');
    for (let i = 0; i < KEY_WORDS; i++) {
      const word = base + i * 8;
      this.memory.setAccess(word, INDEX_BYTES, 'read');
      this.idle.push(word);
    }
  }

  /** A walk over `count` entries; `valueAt` gives the address of each value. */
  begin(count: number, valueAt: (index: number) => number): MapIterator {
    // A walk that was left without `close` keeps its word until all others are taken, then the oldest one gives way.
    const word = this.idle.pop() ?? this.busy.shift()!;
    this.busy.push(word);
    return new IndexWalk(this.memory, word, count, valueAt, () => {
      this.end(word);
    });
  }

  private end(word: number): void {
    const at = this.busy.indexOf(word);
    if (at < 0) return;
    this.busy.splice(at, 1);
    this.idle.push(word);
  }
}

class IndexWalk implements MapIterator {
  readonly key: number;
  private readonly memory: Memory;
  private readonly count: number;
  private readonly valueAt: (index: number) => number;
  private onClose: (() => void) | undefined;
  private index = -1;

  constructor(
    memory: Memory,
    word: number,
    count: number,
    valueAt: (index: number) => number,
    onClose: () => void,
  ) {
    this.memory = memory;
    this.key = word;
    this.count = count;
    this.valueAt = valueAt;
    this.onClose = onClose;
  }

  next(): boolean {
    if (this.onClose === undefined) return false;
    if (++this.index < this.count) {
      this.memory.u32[this.key >>> 2] = this.index;
      return true;
    }
    this.close();
    return false;
  }

  get value(): number {
    return this.valueAt(this.index);
  }

  close(): void {
    this.onClose?.();
    this.onClose = undefined;
  }
}
