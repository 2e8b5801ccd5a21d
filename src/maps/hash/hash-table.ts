/**
 * Buckets with chains of elements in linear memory, and finding by key. Does not know where elements come from or what their values
 * mean. Bucket count, hash and the order within a bucket are those of kernel/bpf/hashtab.c, so that walks meet keys in its order.
 */
import { alignUp } from '../../base/int64.ts';
import type { HashLayout, Memory } from '../../vm/index.ts';
import type { MapMemory } from '../map-memory.ts';
import { copyBytes, copyIn, equalBytes, loadWord, userWord } from '../values/copy.ts';
import type { ElementLayout } from '../values/elements.ts';
import { hash8, hashBytes, hashWord, WordHash } from './jhash.ts';

/** Buckets of elements by hash, in the kernel's order. */
export class HashTable {
  /** A power of two. */
  readonly bucketCount: number;
  /** Where users' keys are put to be looked for. */
  readonly userKey: number;

  private readonly memory: Memory;
  private readonly keySize: number;
  // The element layout, in words.
  private readonly nextWord: number;
  private readonly keyWord: number;
  private readonly hashWord: number;
  private readonly seed: number;
  // What hashes of words have of the seed.
  private readonly start: number;
  private readonly mixed: number;
  private readonly rotated: number;
  private readonly mask: number;
  /** Index of the first bucket as a word of memory. A bucket is the address of its first element, 0 when it is empty. */
  private readonly firstBucket: number;

  /** @throws SyscallError ENOMEM */
  constructor(owner: MapMemory, layout: ElementLayout, maxEntries: number, seed: number) {
    this.memory = owner.memory;
    this.keySize = layout.keySize;
    this.nextWord = layout.nextAt >>> 2;
    this.keyWord = layout.keyAt >>> 2;
    this.hashWord = layout.hashAt >>> 2;
    this.seed = seed | 0;
    const { start, mixed, rotated } = new WordHash(this.seed);
    this.start = start;
    this.mixed = mixed;
    this.rotated = rotated;
    this.bucketCount = bucketsFor(maxEntries);
    this.mask = this.bucketCount - 1;
    const buckets = owner.allocateHidden(this.bucketCount * 4);
    this.firstBucket = buckets >>> 2;
    this.userKey = owner.allocateHidden(alignUp(this.keySize, 8));
  }

  /** For programs that find keys without a call; undefined for key sizes whose hash is too long for that. */
  get placement(): HashLayout | undefined {
    const { firstBucket, mask, seed, keySize, keyWord, nextWord } = this;
    if (keySize !== 4 && keySize !== 8) return undefined;
    return {
      kind: 'hash',
      buckets: 4 * firstBucket,
      mask,
      seed,
      keySize,
      keyAt: 4 * keyWord,
      nextAt: 4 * nextWord,
    };
  }

  /** Hash of the key at an address. */
  hashOf(key: number): number {
    const { memory, keySize, seed } = this;
    if (keySize === 4) return this.hash4(loadWord(memory, key));
    if (keySize === 8) return hash8(loadWord(memory, key), loadWord(memory, key + 4), seed);
    return hashBytes(memory.view, key, keySize, seed);
  }

  /** The element whose key equals the one at `key`, or 0. */
  find(key: number): number {
    return this.findHashed(key, this.hashOf(key));
  }

  /** The same when the hash is known. */
  findHashed(key: number, hash: number): number {
    const { memory, keySize } = this;
    if (keySize === 4) return this.find4(loadWord(memory, key), hash);
    if (keySize === 8) return this.find8(loadWord(memory, key), loadWord(memory, key + 4), hash);
    return this.findLong(key, hash);
  }

  /** The element of a user's key, or 0. Leaves keys of other lengths than 4 and 8 at `userKey`. */
  findUser(key: Uint8Array): number {
    const { keySize, seed } = this;
    if (keySize === 4) return this.findWord(userWord(key, 0));
    if (keySize === 8) {
      const low = userWord(key, 0);
      const high = userWord(key, 4);
      return this.find8(low, high, hash8(low, high, seed));
    }
    this.takeUserKey(key);
    return this.find(this.userKey);
  }

  /** The element of a key of 4 bytes, given as an unsigned number; or 0. */
  findWord(word: number): number {
    return this.find4(word, this.hash4(word));
  }

  /** Puts a user's key to `userKey`. */
  takeUserKey(key: Uint8Array): void {
    copyIn(this.memory, this.userKey, key, 0, this.keySize);
  }

  /** Copies the key of an element that is in no bucket. */
  writeKey(element: number, key: number): void {
    copyBytes(this.memory, element + 4 * this.keyWord, key, this.keySize);
  }

  /** Makes `element`, in no bucket so far, the first of its bucket. */
  insert(element: number, hash: number): void {
    const words = this.memory.u32;
    const at = element >>> 2;
    const bucket = this.firstBucket + (hash & this.mask);
    words[at + this.hashWord] = hash;
    words[at + this.nextWord] = words[bucket]!;
    words[bucket] = element;
  }

  /** Takes an element out of its bucket; false when it is in none. */
  remove(element: number): boolean {
    const words = this.memory.u32;
    const { nextWord } = this;
    let link = this.firstBucket + this.bucketOf(element);
    for (let found = words[link]!; found !== 0; found = words[link]!) {
      if (found === element) {
        words[link] = words[(element >>> 2) + nextWord]!;
        return true;
      }
      link = (found >>> 2) + nextWord;
    }
    return false;
  }

  /** The first element of bucket `bucket` or of one behind it; 0 when all are empty. */
  firstFrom(bucket: number): number {
    const words = this.memory.u32;
    const end = this.firstBucket + this.bucketCount;
    for (let at = this.firstBucket + bucket; at < end; at++) if (words[at] !== 0) return words[at]!;
    return 0;
  }

  /** The first element of a bucket, 0 when it is empty. */
  firstIn(bucket: number): number {
    return this.memory.u32[this.firstBucket + bucket]!;
  }

  /** The next element of the same bucket, or 0. Also of an element that was removed, as long as it was not used again. */
  nextInBucket(element: number): number {
    return this.memory.u32[(element >>> 2) + this.nextWord]!;
  }

  /** The bucket an element is in. */
  bucketOf(element: number): number {
    return this.memory.u32[(element >>> 2) + this.hashWord]! & this.mask;
  }

  /** The element behind `element` in the order of all buckets, or 0. */
  after(element: number): number {
    return this.nextInBucket(element) || this.firstFrom(this.bucketOf(element) + 1);
  }

  private hash4(word: number): number {
    return hashWord(word, this.start, this.mixed, this.rotated);
  }

  private find4(word: number, hash: number): number {
    const words = this.memory.u32;
    const { nextWord, keyWord } = this;
    let element = words[this.firstBucket + (hash & this.mask)]!;
    while (element !== 0) {
      const at = element >>> 2;
      if (words[at + keyWord] === word) return element;
      element = words[at + nextWord]!;
    }
    return 0;
  }

  private find8(low: number, high: number, hash: number): number {
    const words = this.memory.u32;
    const { nextWord, keyWord } = this;
    let element = words[this.firstBucket + (hash & this.mask)]!;
    while (element !== 0) {
      const at = element >>> 2;
      if (words[at + keyWord] === low && words[at + keyWord + 1] === high) return element;
      element = words[at + nextWord]!;
    }
    return 0;
  }

  private findLong(key: number, hash: number): number {
    const { memory, keySize, nextWord, keyWord, hashWord } = this;
    const words = memory.u32;
    const wanted = hash >>> 0;
    let element = words[this.firstBucket + (hash & this.mask)]!;
    while (element !== 0) {
      const at = element >>> 2;
      if (words[at + hashWord] === wanted && equalKeys(memory, at + keyWord, key, keySize)) return element;
      element = words[at + nextWord]!;
    }
    return 0;
  }
}

/** Compares the key that begins at a word of memory with the one at any address. */
function equalKeys(memory: Memory, word: number, key: number, keySize: number): boolean {
  if (((key | keySize) & 3) !== 0) return equalBytes(memory, 4 * word, key, keySize);
  const words = memory.u32;
  const other = key >>> 2;
  for (let i = keySize >>> 2; --i >= 0; ) if (words[word + i] !== words[other + i]) return false;
  return true;
}

/** roundup_pow_of_two(max_entries). */
export function bucketsFor(maxEntries: number): number {
  return maxEntries <= 1 ? 1 : 2 ** (32 - Math.clz32(maxEntries - 1));
}
