/**
 * BPF_MAP_TYPE_BLOOM_FILTER: a set that can only grow and may take strangers for members. Bits and hashes as in
 * kernel/bpf/bloom_filter.c, so that with a zero seed the mistakes are the kernel's, too.
 */
import { Errno } from '../../base/errno.ts';
import { alignUp } from '../../base/int64.ts';
import { BPF_ANY, MapFlag } from '../flags.ts';
import { hashBytes } from '../hash/jhash.ts';
import type { BpfMap } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { copyIn } from '../values/copy.ts';

/** Hash functions when map_extra names none. */
const DEFAULT_HASHES = 5;
const WORD_BITS = 64;
const MAX_BITS = 2 ** 32;

/** A set that is asked whether it may hold a value. */
export class BloomFilterMap extends MapBase implements BpfMap {
  readonly userValueSize: number;
  private readonly seed: number;
  private readonly hashes: number;
  private readonly bits: number;
  private readonly mask: number;
  /** Where users' values are put to be hashed. */
  private readonly scratch: number;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { attr, env, owner } = context;
    this.userValueSize = attr.valueSize;
    this.hashes = Number(attr.mapExtra ?? 0n) || DEFAULT_HASHES;
    this.seed = (attr.flags & MapFlag.BPF_F_ZERO_SEED) === 0 ? env.random() : 0;
    const bitCount = bitsFor(attr.maxEntries, this.hashes);
    this.mask = (bitCount - 1) | 0;
    this.bits = owner.allocateHidden(bitCount / 8);
    this.scratch = owner.allocateHidden(alignUp(attr.valueSize, 8));
  }

  push(value: number, flags: number): number {
    if (flags !== BPF_ANY) return -Errno.EINVAL;
    for (let i = 0; i < this.hashes; i++) {
      const bit = this.bitOf(value, i);
      this.owner.memory.u8[this.bits + (bit >>> 3)]! |= 1 << (bit & 7);
    }
    return 0;
  }

  /** 0 when the value is probably in the set, -ENOENT when it surely is not. */
  peek(value: number): number {
    for (let i = 0; i < this.hashes; i++) {
      const bit = this.bitOf(value, i);
      if ((this.owner.memory.u8[this.bits + (bit >>> 3)]! & (1 << (bit & 7))) === 0) return -Errno.ENOENT;
    }
    return 0;
  }

  pop(): number {
    return -Errno.EOPNOTSUPP;
  }

  lookup(): number {
    return -Errno.EINVAL;
  }

  update(): number {
    return -Errno.EINVAL;
  }

  delete(): number {
    return -Errno.EOPNOTSUPP;
  }

  /** BPF_MAP_LOOKUP_ELEM asks for the value that is in the buffer. */
  readUser(_key: Uint8Array, value: Uint8Array, flags: number): number {
    if (value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    copyIn(this.owner.memory, this.scratch, value, 0, this.attr.valueSize);
    return this.peek(this.scratch);
  }

  /** BPF_MAP_UPDATE_ELEM is a push. */
  updateUser(_key: Uint8Array, value: Uint8Array, flags: number): number {
    if (value.length < this.userValueSize) return -Errno.EFAULT;
    copyIn(this.owner.memory, this.scratch, value, 0, this.attr.valueSize);
    return this.push(this.scratch, flags);
  }

  deleteUser(): number {
    return -Errno.EOPNOTSUPP;
  }

  nextKey(): number {
    return -Errno.EOPNOTSUPP;
  }

  free(): void {
    this.owner.freeAll();
  }

  private bitOf(value: number, hash: number): number {
    const { memory } = this.owner;
    return (hashBytes(memory.view, value, this.attr.valueSize, (this.seed + hash) | 0) & this.mask) >>> 0;
  }
}

/** Bits of the filter: about entries * hashes / ln 2, as the kernel rounds it. */
function bitsFor(maxEntries: number, hashes: number): number {
  const product = maxEntries * hashes;
  const wanted = Math.floor(product / 5) * 7;
  if (product >= MAX_BITS || wanted > MAX_BITS / 2) return MAX_BITS;
  return wanted <= WORD_BITS ? WORD_BITS : 2 ** Math.ceil(Math.log2(wanted));
}
