/**
 * BPF_MAP_TYPE_HASH_OF_MAPS: maps by key, in a hash whose values are the addresses of the inner maps. Programs look them up, only
 * user space puts them in (htab_of_map_* and bpf_fd_htab_map_* in kernel/bpf/hashtab.c).
 */
import { Errno } from '../../base/errno.ts';
import type { BatchOutcome, BatchRequest, BpfMap, MapAttr, MapEnv, MapRef } from '../map.ts';
import type { MapContext } from '../map-context.ts';
import { InnerTemplate, idAddress, uncounted } from '../slots/inner-maps.ts';
import { loadWord, userWord } from '../values/copy.ts';
import { HashMap } from './hash.ts';

/** Bytes of a file descriptor, an id, or the address of an inner map. */
const HANDLE_BYTES = 4;

/** A hash that says which values it drops. */
class ReleasingHash extends HashMap {
  private readonly onDrop: (handle: number) => void;
  private readonly idOf: (handle: number) => number;

  constructor(context: MapContext, onDrop: (handle: number) => void, idOf: (handle: number) => number) {
    super(context);
    this.onDrop = onDrop;
    this.idOf = idOf;
  }

  /** User space sees the id of the inner map. */
  protected override loadUser(element: number, value: Uint8Array): void {
    const id = this.idOf(loadWord(this.env.memory, element));
    for (let i = 0; i < HANDLE_BYTES; i++) value[i] = id >>> (8 * i);
  }

  protected override drop(element: number): void {
    this.onDrop(loadWord(this.env.memory, element));
  }
}

/** Maps by key. Programs look one up, user space reads its id. */
export class HashOfMapsMap implements BpfMap {
  readonly attr: MapAttr;
  readonly address: number;
  readonly userValueSize = HANDLE_BYTES;
  private readonly env: MapEnv;
  private readonly hash: ReleasingHash;
  private readonly template: InnerTemplate;
  /** The inner maps by address, each as often as it is in the hash. */
  private readonly held = new Map<number, MapRef[]>();
  /** A value on its way into the hash. */
  private readonly handle = new Uint8Array(HANDLE_BYTES);

  /** `context.attr.innerMap` is the template. @throws SyscallError ENOMEM */
  constructor(context: MapContext) {
    this.env = context.env;
    this.template = new InnerTemplate(context.attr.innerMap!);
    this.hash = new ReleasingHash(
      context,
      (handle) => {
        this.release(handle);
      },
      (handle) => loadWord(this.env.memory, idAddress(this.held.get(handle)![0]!.map)),
    );
    this.attr = this.hash.attr;
    this.address = this.hash.address;
  }

  lookup(key: number): number {
    const value = this.hash.lookup(key);
    return value === 0 ? 0 : loadWord(this.env.memory, value);
  }

  update(): number {
    return -Errno.EOPNOTSUPP;
  }

  delete(key: number): number {
    return this.hash.delete(key);
  }

  /** Gives the id of the inner map. */
  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    return this.hash.readUser(key, value, flags);
  }

  /** The value is a file descriptor. */
  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < this.attr.keySize || value.length < HANDLE_BYTES) return -Errno.EFAULT;
    const inner = this.env.mapByFd?.(userWord(value, 0) | 0) ?? -Errno.EBADF;
    return typeof inner === 'number' ? inner : this.install(key, inner, flags);
  }

  setInner(key: Uint8Array, inner: BpfMap): number {
    return this.install(key, uncounted(inner), 0);
  }

  deleteUser(key: Uint8Array): number {
    return this.hash.deleteUser(key);
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    return this.hash.nextKey(key, next);
  }

  readBuckets(request: BatchRequest, remove: boolean): BatchOutcome {
    return this.hash.readBuckets(request, remove);
  }

  free(): void {
    const all = [...this.held.values()].flat();
    this.held.clear();
    this.hash.free();
    for (const inner of all) inner.release();
  }

  private install(key: Uint8Array, inner: MapRef, flags: number): number {
    if (!this.template.fits(inner.map)) return -Errno.EINVAL;
    const { address } = inner.map;
    inner.hold();
    const same = this.held.get(address);
    if (same === undefined) this.held.set(address, [inner]);
    else same.push(inner);
    for (let i = 0; i < HANDLE_BYTES; i++) this.handle[i] = address >>> (8 * i);
    const error = this.hash.updateUser(key, this.handle, flags);
    if (error !== 0) this.release(address);
    return error;
  }

  /** Gives back one of the references to the map at an address. */
  private release(address: number): void {
    const same = this.held.get(address);
    const inner = same?.pop();
    if (same?.length === 0) this.held.delete(address);
    inner?.release();
  }
}
