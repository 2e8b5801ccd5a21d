/**
 * Divides an address range into extents: allocation, freeing with coalescing, and the question which extent holds an address.
 * Knows nothing of bytes, names or access. Two-level segregated fit (Masmano et al., TLSF, ECRTS 2004): every step but the
 * search by address is O(1). All bookkeeping lies in typed arrays outside the range, where no program can reach it.
 */

/** Extents start at multiples of this and have multiples of it as size. */
export const EXTENT_UNIT = 16;

const SECOND_LEVEL_BITS = 4;
const SECOND_LEVEL = 1 << SECOND_LEVEL_BITS;
const FIRST_LEVEL = 28;
/** Addresses are indexed by blocks of this many bytes: no search by address passes more than 64 extents in one. */
const INDEX_SHIFT = 10;

/** Records are numbered from 1; 0 means none. */
export class ExtentAllocator {
  private end: number;
  private last = 0;
  private freeRecord = 0;
  private recordCount = 1;

  // One record an extent, as parallel arrays. `next`/`previous` follow addresses, `nextFree`/`previousFree` a free list.
  private addresses = new Uint32Array(64);
  private sizes = new Uint32Array(64);
  private used = new Uint8Array(64);
  private next = new Int32Array(64);
  private previous = new Int32Array(64);
  private nextFree = new Int32Array(64);
  private previousFree = new Int32Array(64);

  private readonly lists = new Int32Array(FIRST_LEVEL * SECOND_LEVEL);
  private readonly nonEmptySecond = new Int32Array(FIRST_LEVEL);
  private nonEmptyFirst = 0;
  /** Lowest extent that starts in each index block, 0 when none does. */
  private index: Int32Array;

  /** An empty range: it begins at `start`, a multiple of the unit; `extend` gives it room. */
  constructor(start: number) {
    this.end = start;
    this.index = new Int32Array((start >>> INDEX_SHIFT) + 1);
  }

  /** Moves the end of the range up to `end`, a multiple of the unit. */
  extend(end: number): void {
    const added = end - this.end;
    if (added <= 0) return;
    const blocks = Math.ceil(end / (1 << INDEX_SHIFT));
    if (blocks > this.index.length) this.index = grown(this.index, blocks);
    const last = this.last;
    if (last !== 0 && this.used[last] === 0) {
      this.unlink(last);
      this.sizes[last]! += added;
      this.link(last);
    } else {
      this.link(this.insertAfter(last, this.end, added));
    }
    this.end = end;
  }

  /** Takes an extent of at least `size` bytes at a multiple of `alignment` (a power of two); 0 when no free one fits. */
  allocate(size: number, alignment: number): number {
    const wanted = Math.max(EXTENT_UNIT, Math.ceil(size / EXTENT_UNIT) * EXTENT_UNIT);
    const slack = alignment > EXTENT_UNIT ? alignment - EXTENT_UNIT : 0;
    let record = this.find(wanted + slack);
    if (record === 0) return 0;
    this.unlink(record);
    const address = this.addresses[record]!;
    const lead = Math.ceil(address / alignment) * alignment - address;
    if (lead > 0) {
      const aligned = this.split(record, lead);
      this.link(record);
      record = aligned;
    }
    if (this.sizes[record]! > wanted) this.link(this.split(record, wanted));
    this.used[record] = 1;
    return record;
  }

  /** Gives an extent back and joins it with free neighbours. */
  free(record: number): void {
    this.used[record] = 0;
    let merged = record;
    const before = this.previous[record]!;
    if (before !== 0 && this.used[before] === 0) {
      this.unlink(before);
      merged = this.join(before, record);
    }
    const after = this.next[merged]!;
    if (after !== 0 && this.used[after] === 0) {
      this.unlink(after);
      this.join(merged, after);
    }
    this.link(merged);
  }

  /** The extent, free or used, that holds `address`; 0 outside the range. */
  at(address: number): number {
    if (address >= this.end) return 0;
    let block = address >>> INDEX_SHIFT;
    let record = this.index[block]!;
    while (record === 0 || this.addresses[record]! > address) {
      if (block === 0) return 0;
      record = this.index[--block]!;
    }
    for (;;) {
      const after = this.next[record]!;
      if (after === 0 || this.addresses[after]! > address) return record;
      record = after;
    }
  }

  address(record: number): number {
    return this.addresses[record]!;
  }

  size(record: number): number {
    return this.sizes[record]!;
  }

  isUsed(record: number): boolean {
    return this.used[record] === 1;
  }

  /** The neighbour at lower addresses, 0 at the start. */
  before(record: number): number {
    return this.previous[record]!;
  }

  /** The neighbour at higher addresses, 0 at the end. */
  after(record: number): number {
    return this.next[record]!;
  }

  /** Any free extent of at least `size` bytes: the smallest class whose every member fits, else one of the class below. */
  private find(size: number): number {
    const units = size / EXTENT_UNIT;
    const own = classOf(units);
    let cls = classSize(own) === units ? own : own + 1;
    let first = cls >>> SECOND_LEVEL_BITS;
    const seconds =
      first < FIRST_LEVEL ? this.nonEmptySecond[first]! & (-1 << (cls & (SECOND_LEVEL - 1))) : 0;
    if (seconds !== 0) {
      cls = first * SECOND_LEVEL + lowestBit(seconds);
      return this.lists[cls]!;
    }
    const firsts = first + 1 < 32 ? this.nonEmptyFirst & (-1 << (first + 1)) : 0;
    if (firsts === 0) return this.findInClass(own, size);
    first = lowestBit(firsts);
    return this.lists[first * SECOND_LEVEL + lowestBit(this.nonEmptySecond[first]!)]!;
  }

  private findInClass(cls: number, size: number): number {
    // Bounded: a longer search would make allocation slow to save memory that the range can grow by.
    let record = this.lists[cls]!;
    for (let tries = 0; record !== 0 && tries < 16; tries++) {
      if (this.sizes[record]! >= size) return record;
      record = this.nextFree[record]!;
    }
    return 0;
  }

  private link(record: number): void {
    const cls = classOf(this.sizes[record]! / EXTENT_UNIT);
    const head = this.lists[cls]!;
    this.nextFree[record] = head;
    this.previousFree[record] = 0;
    if (head !== 0) this.previousFree[head] = record;
    this.lists[cls] = record;
    const first = cls >>> SECOND_LEVEL_BITS;
    this.nonEmptySecond[first]! |= 1 << (cls & (SECOND_LEVEL - 1));
    this.nonEmptyFirst |= 1 << first;
  }

  private unlink(record: number): void {
    const after = this.nextFree[record]!;
    const before = this.previousFree[record]!;
    if (after !== 0) this.previousFree[after] = before;
    if (before !== 0) {
      this.nextFree[before] = after;
      return;
    }
    const cls = classOf(this.sizes[record]! / EXTENT_UNIT);
    this.lists[cls] = after;
    if (after !== 0) return;
    const first = cls >>> SECOND_LEVEL_BITS;
    this.nonEmptySecond[first]! &= ~(1 << (cls & (SECOND_LEVEL - 1)));
    if (this.nonEmptySecond[first] === 0) this.nonEmptyFirst &= ~(1 << first);
  }

  /** Cuts an extent that is in no free list after `size` bytes and returns the record of the rest. */
  private split(record: number, size: number): number {
    const rest = this.sizes[record]! - size;
    this.sizes[record] = size;
    return this.insertAfter(record, this.addresses[record]! + size, rest);
  }

  /** Appends `right` to its left neighbour and drops its record. */
  private join(left: number, right: number): number {
    this.sizes[left]! += this.sizes[right]!;
    const after = this.next[right]!;
    this.next[left] = after;
    if (after !== 0) this.previous[after] = left;
    else this.last = left;
    const block = this.addresses[right]! >>> INDEX_SHIFT;
    if (this.index[block] === right) {
      const sameBlock = after !== 0 && this.addresses[after]! >>> INDEX_SHIFT === block;
      this.index[block] = sameBlock ? after : 0;
    }
    this.next[right] = this.freeRecord;
    this.freeRecord = right;
    return left;
  }

  private insertAfter(before: number, address: number, size: number): number {
    const record = this.takeRecord();
    const after = before === 0 ? 0 : this.next[before]!;
    this.addresses[record] = address;
    this.sizes[record] = size;
    this.used[record] = 0;
    this.previous[record] = before;
    this.next[record] = after;
    if (before !== 0) this.next[before] = record;
    if (after !== 0) this.previous[after] = record;
    else this.last = record;
    const block = address >>> INDEX_SHIFT;
    const lowest = this.index[block]!;
    if (lowest === 0 || this.addresses[lowest]! > address) this.index[block] = record;
    return record;
  }

  private takeRecord(): number {
    const reused = this.freeRecord;
    if (reused !== 0) {
      this.freeRecord = this.next[reused]!;
      return reused;
    }
    const record = this.recordCount++;
    if (record === this.sizes.length) {
      const capacity = record * 2;
      this.addresses = grown(this.addresses, capacity);
      this.sizes = grown(this.sizes, capacity);
      this.used = grown(this.used, capacity);
      this.next = grown(this.next, capacity);
      this.previous = grown(this.previous, capacity);
      this.nextFree = grown(this.nextFree, capacity);
      this.previousFree = grown(this.previousFree, capacity);
    }
    return record;
  }
}

/** A longer copy of a typed array, the new part zero. */
function grown<T extends Uint8Array | Int32Array | Uint32Array>(array: T, length: number): T {
  const longer = new (array.constructor as new (length: number) => T)(length);
  longer.set(array);
  return longer;
}

/** Size class: exact below 16 units, then 16 classes for each power of two. */
function classOf(units: number): number {
  if (units < SECOND_LEVEL) return units;
  const log = 31 - Math.clz32(units);
  return ((log - SECOND_LEVEL_BITS + 1) << SECOND_LEVEL_BITS) + ((units >>> (log - SECOND_LEVEL_BITS)) & 15);
}

/** Smallest size, in units, that belongs to a class. */
function classSize(cls: number): number {
  const first = cls >>> SECOND_LEVEL_BITS;
  const second = cls & (SECOND_LEVEL - 1);
  return first === 0 ? second : (SECOND_LEVEL + second) * 2 ** (first - 1);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
