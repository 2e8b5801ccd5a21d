/**
 * BPF_MAP_TYPE_STACK_TRACE: call stacks by id. The id is where the hash of the frames leads: two stacks that lead to the same place
 * exclude each other (kernel/bpf/stackmap.c).
 */
import { Errno } from '../../base/errno.ts';
import {
  BPF_F_FAST_STACK_CMP,
  BPF_F_REUSE_STACKID,
  BPF_F_SKIP_FIELD_MASK,
  BPF_STACK_BUILD_ID_IP,
  StackBuildId,
} from '../../spec/uapi.ts';
import { MapFlag } from '../flags.ts';
import { bucketsFor } from '../hash/hash-table.ts';
import { hashBytes } from '../hash/jhash.ts';
import type { BpfMap, StackTraces } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import { INDEX_BYTES } from '../slots/index-keys.ts';
import { copyOut, loadWord, userWord } from '../values/copy.ts';

/** sysctl kernel.perf_event_max_stack: frames of a trace at most. */
export const PERF_MAX_STACK_DEPTH = 127;

/** Bytes of an element ahead of its frames: the hash, and how many frames there are. A free one links to the next. */
const HEADER_BYTES = 8;
const FRAME_BYTES = 8;

/** Call stacks by id. */
export class StackTraceMap extends MapBase implements BpfMap, StackTraces {
  readonly userValueSize: number;
  readonly stacks: StackTraces = this;
  private readonly bucketCount: number;
  /** First word of the table: addresses of elements, 0 for empty places. */
  private readonly table: number;
  private readonly withBuildIds: boolean;
  private readonly maxDepth: number;
  /** Free elements. */
  private freeList = 0;

  /** @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    super(context);
    const { attr, owner } = context;
    this.userValueSize = attr.valueSize;
    this.bucketCount = bucketsFor(attr.maxEntries);
    this.table = owner.allocateHidden(this.bucketCount * 4) >>> 2;
    this.withBuildIds = (attr.flags & MapFlag.BPF_F_STACK_BUILD_ID) !== 0;
    this.maxDepth = attr.valueSize / (this.withBuildIds ? StackBuildId.bytes : FRAME_BYTES);
    const stride = HEADER_BYTES + attr.valueSize;
    const elements = owner.allocateHidden(stride * attr.maxEntries);
    for (let i = attr.maxEntries; --i >= 0; ) this.giveBack(elements + i * stride);
  }

  record(words: Uint32Array, flags: number): number {
    const skip = flags & BPF_F_SKIP_FIELD_MASK;
    const total = Math.min(words.length >>> 1, PERF_MAX_STACK_DEPTH, this.maxDepth + skip);
    if (total <= skip) return -Errno.EFAULT;
    const frames = words.subarray(2 * skip, 2 * total);
    const bytes = new DataView(frames.buffer, frames.byteOffset, frames.byteLength);
    const hash = hashBytes(bytes, 0, frames.byteLength, 0);
    const id = hash & (this.bucketCount - 1);
    const old = this.owner.memory.u32[this.table + id]!;
    if (old !== 0) {
      const sameHash = this.owner.memory.i32[old >>> 2] === hash;
      if (sameHash && ((flags & BPF_F_FAST_STACK_CMP) !== 0 || this.holds(old, frames))) return id;
      if ((flags & BPF_F_REUSE_STACKID) === 0) return -Errno.EEXIST;
    }
    const element = this.take();
    if (element === 0) return -Errno.ENOMEM;
    this.fill(element, hash, frames);
    this.owner.memory.u32[this.table + id] = element;
    if (old !== 0) this.giveBack(old);
    return id;
  }

  lookup(): number {
    return -Errno.EOPNOTSUPP;
  }

  update(): number {
    return -Errno.EINVAL;
  }

  delete(key: number): number {
    return this.remove(loadWord(this.owner.memory, key));
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    const id = userWord(key, 0);
    const element = id < this.bucketCount ? this.owner.memory.u32[this.table + id]! : 0;
    if (element === 0) return -Errno.ENOENT;
    copyOut(this.owner.memory, value, 0, element + HEADER_BYTES, this.userValueSize);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array): number {
    if (key.length < INDEX_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    return -Errno.EINVAL;
  }

  deleteUser(key: Uint8Array): number {
    return key.length < INDEX_BYTES ? -Errno.EFAULT : this.remove(userWord(key, 0));
  }

  /** The next id in use; the first one behind an id that is not. */
  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    if (next.length < INDEX_BYTES || (key !== undefined && key.length < INDEX_BYTES)) return -Errno.EFAULT;
    const words = this.owner.memory.u32;
    const from = key === undefined ? -1 : userWord(key, 0);
    const known = from >= 0 && from < this.bucketCount && words[this.table + from] !== 0;
    let id = known ? from + 1 : 0;
    while (id < this.bucketCount && words[this.table + id] === 0) id++;
    if (id >= this.bucketCount) return -Errno.ENOENT;
    for (let i = 0; i < INDEX_BYTES; i++) next[i] = id >>> (8 * i);
    return 0;
  }

  free(): void {
    this.owner.freeAll();
  }

  private remove(id: number): number {
    if (id >= this.bucketCount) return -Errno.E2BIG;
    const words = this.owner.memory.u32;
    const element = words[this.table + id]!;
    if (element === 0) return -Errno.ENOENT;
    words[this.table + id] = 0;
    this.giveBack(element);
    return 0;
  }

  private take(): number {
    const element = this.freeList;
    if (element !== 0) this.freeList = this.owner.memory.u32[element >>> 2]!;
    return element;
  }

  private giveBack(element: number): void {
    this.owner.memory.u32[element >>> 2] = this.freeList;
    this.freeList = element;
  }

  /** Whether an element holds just these frames. */
  private holds(element: number, frames: Uint32Array): boolean {
    const words = this.owner.memory.u32;
    const at = (element + HEADER_BYTES) >>> 2;
    if (words[(element >>> 2) + 1] !== frames.length >>> 1) return false;
    for (let i = 0; i < frames.length; i++) if (words[this.wordOf(at, i)] !== frames[i]) return false;
    return true;
  }

  private fill(element: number, hash: number, frames: Uint32Array): void {
    const { u32, i32, u8 } = this.owner.memory;
    const start = element + HEADER_BYTES;
    i32[element >>> 2] = hash;
    u32[(element >>> 2) + 1] = frames.length >>> 1;
    u8.fill(0, start, start + this.attr.valueSize);
    const at = start >>> 2;
    for (let i = 0; i < frames.length; i++) u32[this.wordOf(at, i)] = frames[i]!;
    if (!this.withBuildIds) return;
    // No file is mapped at any address here, so each frame keeps its address, as in the kernel when it finds no build id.
    for (let i = 0; i < frames.length >>> 1; i++)
      u32[at + (i * StackBuildId.bytes) / 4] = BPF_STACK_BUILD_ID_IP;
  }

  /** The word of memory for word `i` of the frames of an element whose frames begin at word `at`. */
  private wordOf(at: number, i: number): number {
    if (!this.withBuildIds) return at + i;
    return at + ((i >>> 1) * StackBuildId.bytes + StackBuildId.ip) / 4 + (i & 1);
  }
}
