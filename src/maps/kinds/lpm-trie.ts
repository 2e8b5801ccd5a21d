/**
 * BPF_MAP_TYPE_LPM_TRIE: prefixes of up to 2048 bits; a lookup finds the longest one that matches. A binary trie whose nodes skip the
 * bits that their subtree has in common; where two subtrees part without an entry of their own there is an intermediate
 * node, with two children always (kernel/bpf/lpm_trie.c).
 */
import { Errno } from '../../base/errno.ts';
import { BPF_EXIST, BPF_NOEXIST, unknownPlainUpdateFlags } from '../flags.ts';
import { commonPrefix, prefixBit } from '../lpm-bits.ts';
import type { BpfMap } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { copyBytes, copyIn, copyOut, loadWord } from '../values/copy.ts';
import { type ElementLayout, elementLayout, GrowingPool } from '../values/elements.ts';
import { ValueLayout } from '../values/value-layout.ts';

/** Bytes of a key's prefix length, which stands ahead of its bits. */
const LENGTH_BYTES = 4;
/** Bytes of a node's two children. */
const CHILDREN_BYTES = 8;

/** Values by prefix of bits; a lookup gives the longest that fits. */
export class LpmTrieMap extends MapBase implements BpfMap {
  readonly userValueSize: number;
  private readonly values: ValueLayout;
  private readonly layout: ElementLayout;
  private readonly pool: GrowingPool;
  /** Longest prefix, in bits. */
  private readonly longest: number;
  /** Where users' keys are put. */
  private readonly userKey: number;
  /** Address of the word that holds the root; like a child's word in a node. */
  private readonly root: number;
  private count = 0;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { env, attr, owner } = context;
    this.values = new ValueLayout(env, attr, context.fields, false);
    this.userValueSize = this.values.userSize;
    this.layout = elementLayout(attr.keySize, this.values.total, CHILDREN_BYTES);
    this.pool = new GrowingPool(owner, this.layout, this.values, env.cpuCount);
    this.longest = 8 * (attr.keySize - LENGTH_BYTES);
    this.root = owner.allocateHidden(8);
    this.userKey = owner.allocateHidden(attr.keySize);
  }

  lookup(key: number): number {
    if (loadWord(this.owner.memory, key) > this.longest) return 0;
    let found = 0;
    let node = this.at(this.root);
    while (node !== 0) {
      const matching = this.match(node, key);
      if (matching === this.longest) return node;
      const length = this.lengthOf(node);
      if (matching < length) break;
      if (!this.isIntermediate(node)) found = node;
      node = this.at(this.childSlot(node, this.bit(key, length)));
    }
    return found;
  }

  update(key: number, value: number, flags: number): number {
    return this.put(key, value, undefined, flags);
  }

  delete(key: number): number {
    const { longest } = this;
    const length = loadWord(this.owner.memory, key);
    if (length > longest) return -Errno.EINVAL;
    let parent = 0;
    let parentSlot = 0;
    let slot = this.root;
    let node = this.at(slot);
    while (node !== 0 && this.isAncestor(node, key, length)) {
      parent = node;
      parentSlot = slot;
      slot = this.childSlot(node, this.bit(key, this.lengthOf(node)));
      node = this.at(slot);
    }
    if (node === 0 || !this.isEntryFor(node, key, length)) return -Errno.ENOENT;
    this.count--;
    this.takeOut(node, slot, parent, parentSlot);
    return 0;
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    const node = this.lookup(this.take(key));
    if (node === 0) return -Errno.ENOENT;
    this.values.loadUser(node, value);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < this.userValueSize) return -Errno.EFAULT;
    return this.put(this.take(key), 0, value, flags);
  }

  deleteUser(key: Uint8Array): number {
    return key.length < this.attr.keySize ? -Errno.EFAULT : this.delete(this.take(key));
  }

  /** More specific prefixes come before those that contain them; a key that is no entry starts over. */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    const { keySize } = this.attr;
    if (next.length < keySize || (key !== undefined && key.length < keySize)) return -Errno.EFAULT;
    const path = key === undefined ? [] : this.pathTo(this.take(key));
    const node = path.length === 0 ? this.firstIn(this.at(this.root)) : this.following(path);
    if (node === 0) return -Errno.ENOENT;
    copyOut(this.owner.memory, next, 0, this.keyOf(node), keySize);
    return 0;
  }

  free(): void {
    this.owner.freeAll();
  }

  private put(key: number, value: number, user: Uint8Array | undefined, flags: number): number {
    if (unknownPlainUpdateFlags(flags)) return -Errno.EINVAL;
    const length = loadWord(this.owner.memory, key);
    if (length > this.longest) return -Errno.EINVAL;
    const fresh = this.pool.take(this.env.currentCpu());
    if (fresh === 0) return -Errno.ENOMEM;
    copyBytes(this.owner.memory, this.keyOf(fresh), key, this.attr.keySize);
    if (user === undefined) this.values.store(fresh, value);
    else this.values.storeUser(fresh, user);
    this.setNode(fresh, 0, 0, false);
    const error = this.attach(fresh, length, flags);
    if (error !== 0) this.discard(fresh);
    return error;
  }

  /** Finds the place of a new node and puts it there. 0 or a negative errno. */
  private attach(fresh: number, length: number, flags: number): number {
    const key = this.keyOf(fresh);
    let slot = this.root;
    let node = this.at(slot);
    while (node !== 0 && this.isAncestor(node, key, length)) {
      slot = this.childSlot(node, this.bit(key, this.lengthOf(node)));
      node = this.at(slot);
    }
    const matching = node === 0 ? 0 : this.match(node, key);
    const samePlace = node !== 0 && matching === this.lengthOf(node);
    if (samePlace && !this.isIntermediate(node)) {
      if (flags === BPF_NOEXIST) return -Errno.EEXIST;
    } else {
      if (flags === BPF_EXIST) return -Errno.ENOENT;
      if (this.count === this.attr.maxEntries) return -Errno.ENOSPC;
      this.count++;
    }
    if (node === 0) this.set(slot, fresh);
    else if (samePlace) this.replace(node, fresh, slot);
    else if (matching === length) this.insertAbove(node, fresh, slot, matching);
    else return this.fork(node, fresh, slot, matching);
    return 0;
  }

  private replace(node: number, fresh: number, slot: number): void {
    this.setNode(fresh, this.child(node, 0), this.child(node, 1), false);
    this.set(slot, fresh);
    this.discard(node);
  }

  private insertAbove(node: number, fresh: number, slot: number, matching: number): void {
    this.set(this.childSlot(fresh, this.bit(this.keyOf(node), matching)), node);
    this.set(slot, fresh);
  }

  /** Puts an intermediate node where two prefixes part. */
  private fork(node: number, fresh: number, slot: number, matching: number): number {
    const between = this.pool.take(this.env.currentCpu());
    if (between === 0) {
      this.count--;
      return -Errno.ENOMEM;
    }
    copyBytes(this.owner.memory, this.keyOf(between), this.keyOf(node), this.attr.keySize);
    this.set(this.keyOf(between), matching);
    if (this.bit(this.keyOf(fresh), matching) === 1) this.setNode(between, node, fresh, true);
    else this.setNode(between, fresh, node, true);
    this.set(slot, between);
    return 0;
  }

  /** Removes an entry: with two children it stays as an intermediate node, with fewer what is below it moves up. */
  private takeOut(node: number, slot: number, parent: number, parentSlot: number): void {
    const [zero, one] = [this.child(node, 0), this.child(node, 1)];
    if (zero !== 0 && one !== 0) {
      this.setNode(node, zero, one, true);
      return;
    }
    const childless = zero === 0 && one === 0;
    if (childless && parent !== 0 && this.isIntermediate(parent)) {
      const sibling = this.child(parent, 0) === node ? this.child(parent, 1) : this.child(parent, 0);
      this.set(parentSlot, sibling);
      this.discard(parent);
    } else {
      this.set(slot, zero || one);
    }
    this.discard(node);
  }

  /** Nodes from the root to the entry for a key; empty when there is none. */
  private pathTo(key: number): number[] {
    const length = loadWord(this.owner.memory, key);
    if (length > this.longest) return [];
    const path: number[] = [];
    let node = this.at(this.root);
    while (node !== 0) {
      path.push(node);
      if (!this.isAncestor(node, key, length)) break;
      node = this.at(this.childSlot(node, this.bit(key, this.lengthOf(node))));
    }
    return node !== 0 && this.isEntryFor(node, key, length) ? path : [];
  }

  /** The entry behind the last node of a path in post-order, or 0. */
  private following(path: readonly number[]): number {
    for (let depth = path.length - 1; depth > 0; depth--) {
      const parent = path[depth - 1]!;
      if (this.child(parent, 0) === path[depth] && this.child(parent, 1) !== 0) {
        return this.firstIn(this.child(parent, 1));
      }
      if (!this.isIntermediate(parent)) return parent;
    }
    return 0;
  }

  /** The first entry of a subtree in post-order, or 0. */
  private firstIn(subtree: number): number {
    let first = 0;
    for (let node = subtree; node !== 0; ) {
      first = node;
      node = this.child(node, 0) || this.child(node, 1);
    }
    return first;
  }

  /** Whether the way to a key leads through a node and on. */
  private isAncestor(node: number, key: number, length: number): boolean {
    const own = this.lengthOf(node);
    return own !== length && this.match(node, key) === own;
  }

  private isEntryFor(node: number, key: number, length: number): boolean {
    return this.lengthOf(node) === length && this.match(node, key) === length && !this.isIntermediate(node);
  }

  /** How many bits a node's prefix and a key have in common. */
  private match(node: number, key: number): number {
    const { memory } = this.owner;
    const limit = Math.min(this.lengthOf(node), loadWord(memory, key));
    return commonPrefix(
      memory,
      this.keyOf(node) + LENGTH_BYTES,
      key + LENGTH_BYTES,
      this.longest >>> 3,
      limit,
    );
  }

  private bit(key: number, index: number): number {
    return prefixBit(this.owner.memory, key + LENGTH_BYTES, index);
  }

  /** A node that left the trie is used again when no program runs any more that may have looked it up. */
  private discard(node: number): void {
    const give = (): void => {
      this.pool.give(this.env.currentCpu(), node);
    };
    if (this.env.afterRun === undefined) give();
    else this.env.afterRun(give);
  }

  private take(key: Uint8Array): number {
    copyIn(this.owner.memory, this.userKey, key, 0, this.attr.keySize);
    return this.userKey;
  }

  // ---- nodes in memory ----

  private keyOf(node: number): number {
    return node + this.layout.keyAt;
  }

  private lengthOf(node: number): number {
    return this.at(node + this.layout.keyAt);
  }

  private isIntermediate(node: number): boolean {
    return this.at(node + this.layout.nextAt) !== 0;
  }

  private childSlot(node: number, bit: number): number {
    return node + this.layout.nodeAt + 4 * bit;
  }

  private child(node: number, bit: number): number {
    return this.at(this.childSlot(node, bit));
  }

  private setNode(node: number, zero: number, one: number, intermediate: boolean): void {
    this.set(this.childSlot(node, 0), zero);
    this.set(this.childSlot(node, 1), one);
    this.set(node + this.layout.nextAt, intermediate ? 1 : 0);
  }

  private at(address: number): number {
    return this.owner.memory.u32[address >>> 2]!;
  }

  private set(address: number, word: number): void {
    this.owner.memory.u32[address >>> 2] = word;
  }
}
