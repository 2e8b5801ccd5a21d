/**
 * The one linear memory in which everything lies that a program can touch. Owns growth, allocation, the names of regions, and which
 * bytes a program may read and write. Does not know maps, packets or programs. A pointer is a byte offset below 2^32.
 *
 * Access is kept exact to the byte: for every 8 bytes of memory there is one byte in `readable` and one in `writable`, bit `i` for
 * byte `i`. The two bitmaps lie in linear memory behind the data, where the interpreter's loop reads them: the first one begins where the data
 * ends, the second one BITMAP_PADDING bytes behind the end of the first. They are no regions, and nothing there may be accessed.
 */
import { BpfError } from '../base/errors.ts';
import { alignUp } from '../base/int64.ts';
import { MAX_MEMORY_BYTES } from '../base/limits.ts';
import { cStringAt } from '../base/text.ts';
import { ExtentAllocator } from './extents.ts';
import type { Access, Region, RegionElements, RegionKind } from './regions.ts';
import { WASM_PAGE, type WasmMemory, wasm } from './wasm/platform.ts';

/** First address that is ever allocated: NULL and offsets from it up to 64 KiB stay unmapped. */
export const FIRST_ADDRESS = WASM_PAGE;

/** Unmapped bytes behind a region when the caller asks for no other number. */
export const DEFAULT_RED_ZONE = 32;

const DEFAULT_MAX_BYTES = 1 << 30;
/**
 * Enough for most uses, because the first growth in a process makes all typed arrays a quarter slower in V8, and with them helpers and maps: they
 * may be detached from then on. Programs run in WebAssembly and do not notice. Untouched pages cost nothing.
 */
const INITIAL_BYTES = 16 << 20;

/** Bytes behind each bitmap that stay zero: looking at 8 bytes may look beyond the last one. */
export const BITMAP_PADDING = 8;

/** How memory is made. */
export interface MemoryOptions {
  /** Bytes that linear memory may grow to, 1 GiB by default. The bitmaps take a quarter of it on top. */
  readonly maxBytes?: number;
}

/** What an allocation is to be. */
export interface AllocateOptions {
  /** Bytes; 0 gives an address that allows no access. */
  readonly size: number;
  readonly kind: RegionKind;
  /** What messages call it. */
  readonly name: string;
  /** A power of two up to 64 KiB; 8 by default. */
  readonly align?: number;
  /** False: programs may only read it. `setAccess` changes parts later. */
  readonly writable?: boolean;
  /** Inaccessible bytes behind it, 32 by default. */
  readonly redZone?: number;
  /** Names the equal parts of it in messages. */
  readonly elements?: RegionElements;
}

interface RegionInfo {
  readonly size: number;
  readonly kind: RegionKind;
  readonly name: string;
  readonly elements: RegionElements | undefined;
}

/** The linear memory of one kernel. */
export class Memory {
  /** The WebAssembly memory itself, which compiled programs import. */
  readonly wasm: WasmMemory;

  // Views of all of memory. A growth, so any `allocate`, replaces them: never keep one across a call that may allocate.
  u8!: Uint8Array<ArrayBuffer>;
  i8!: Int8Array<ArrayBuffer>;
  u16!: Uint16Array<ArrayBuffer>;
  i16!: Int16Array<ArrayBuffer>;
  u32!: Uint32Array<ArrayBuffer>;
  i32!: Int32Array<ArrayBuffer>;
  /** For unaligned and 64-bit accesses; memory is little-endian. */
  view!: DataView<ArrayBuffer>;

  /** Bit `a & 7` of byte `a >>> 3`: a program may read the byte at `a`. Replaced by a growth, like the views. */
  readable!: Uint8Array<ArrayBuffer>;
  /** The same for writing. */
  writable!: Uint8Array<ArrayBuffer>;
  /** Bytes that can be allocated, from 0 on; the bitmaps lie behind them. */
  size: number;

  private readonly maxBytes: number;
  private readonly extents = new ExtentAllocator(FIRST_ADDRESS);
  private readonly infos: (RegionInfo | undefined)[] = [];
  private inUse = 0;
  /** No byte from here on has ever been allocated, so all of them are zero. */
  private untouched = FIRST_ADDRESS;

  constructor(options: MemoryOptions = {}) {
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.maxBytes = Math.min(Math.max(alignUp(maxBytes, WASM_PAGE), 2 * WASM_PAGE), MAX_MEMORY_BYTES);
    this.size = Math.min(INITIAL_BYTES, this.maxBytes);
    this.wasm = new wasm.Memory({ initial: pagesFor(this.size), maximum: pagesFor(this.maxBytes) });
    this.takeViews();
  }

  /** Sum of the sizes of all live regions, red zones not included. */
  get bytesInUse(): number {
    return this.inUse;
  }

  /**
   * Takes zeroed memory and returns its address.
   * @throws BpfError `out-of-memory` when it does not fit below `maxBytes`.
   */
  allocate(options: AllocateOptions): number {
    const { size, kind, name, align = 8, redZone = DEFAULT_RED_ZONE } = options;
    const total = size + redZone;
    const record = this.takeExtent(total, align, name);
    const address = this.extents.address(record);
    if (address < this.untouched) this.u8.fill(0, address, Math.min(address + size, this.untouched));
    this.untouched = Math.max(this.untouched, address + this.extents.size(record));
    this.infos[record] = { size, kind, name, elements: options.elements };
    this.inUse += size;
    this.setAccess(address, size, options.writable === false ? 'read' : 'readwrite');
    return address;
  }

  /**
   * Gives a region back; its bytes become inaccessible.
   * @throws BpfError `not-allocated` when no region starts at `address`.
   */
  free(address: number): void {
    const record = this.extents.at(address);
    const info = this.infos[record];
    if (info === undefined || this.extents.address(record) !== address) {
      throw new BpfError('not-allocated', `no memory region starts at 0x${address.toString(16)}`);
    }
    this.setAccess(address, info.size, 'none');
    this.inUse -= info.size;
    this.infos[record] = undefined;
    this.extents.free(record);
  }

  /** Says what programs may do with `size` bytes; exact to the byte. The bytes themselves stay. */
  setAccess(address: number, size: number, access: Access): void {
    if (size <= 0) return;
    setBits(this.readable, address, size, access !== 'none');
    setBits(this.writable, address, size, access === 'readwrite');
  }

  /** Whether a program may read all of these bytes. Takes any numbers; a size of 0 is always readable. */
  isReadable(address: number, size: number): boolean {
    return allBitsSet(this.readable, address, size);
  }

  /** Whether a program may write all of these bytes. */
  isWritable(address: number, size: number): boolean {
    return allBitsSet(this.writable, address, size);
  }

  /** The live region that holds `address`, its red zone not included. */
  regionAt(address: number): Region | undefined {
    const region = this.regionOf(this.extents.at(address));
    return region !== undefined && address < region.address + region.size ? region : undefined;
  }

  /** The live region that holds `address`, or the closest one before or behind it. */
  nearestRegion(address: number): Region | undefined {
    const at = this.extents.at(Math.max(FIRST_ADDRESS, Math.min(address, this.size - 1)));
    let before = at;
    while (before !== 0 && !this.extents.isUsed(before)) before = this.extents.before(before);
    let after = this.extents.after(at);
    while (after !== 0 && !this.extents.isUsed(after)) after = this.extents.after(after);
    const below = this.regionOf(before);
    const above = this.regionOf(after);
    if (below === undefined || above === undefined) return below ?? above;
    return address - (below.address + below.size) <= above.address - address ? below : above;
  }

  /** All live regions in ascending order of address. */
  regions(): Region[] {
    const found: Region[] = [];
    for (let record = this.extents.at(FIRST_ADDRESS); record !== 0; record = this.extents.after(record)) {
      const region = this.regionOf(record);
      if (region !== undefined) found.push(region);
    }
    return found;
  }

  /** A copy of bytes. Access rights do not matter to the kernel's side; the range must lie inside memory. */
  readBytes(address: number, size: number): Uint8Array<ArrayBuffer> {
    this.needInside(address, size);
    return this.u8.slice(address, address + size);
  }

  writeBytes(address: number, bytes: Uint8Array): void {
    this.needInside(address, bytes.length);
    this.u8.set(bytes, address);
  }

  /** The zero-terminated string at `address`, at most `limit` bytes of it. */
  readCString(address: number, limit: number): string {
    this.needInside(address, 0);
    return cStringAt(this.u8, address, Math.min(address + limit, this.size));
  }

  private needInside(address: number, size: number): void {
    if (address >= 0 && size >= 0 && address + size <= this.size) return;
    throw new BpfError(
      'outside-memory',
      `${size} bytes at 0x${address.toString(16)} are not inside memory (0x${this.size.toString(16)} bytes)`,
    );
  }

  private regionOf(record: number): Region | undefined {
    const info = this.infos[record];
    if (info === undefined) return undefined;
    const { size, kind, name, elements } = info;
    const address = this.extents.address(record);
    return { address, size, kind, name, ...(elements === undefined ? {} : { elements }) };
  }

  private takeExtent(bytes: number, align: number, name: string): number {
    if (!(bytes >= 0 && bytes <= this.maxBytes)) throw this.outOfMemory(bytes, name);
    const found = this.extents.allocate(bytes, align);
    if (found !== 0) return found;
    this.grow(bytes + align, name);
    const record = this.extents.allocate(bytes, align);
    if (record === 0) throw this.outOfMemory(bytes, name);
    return record;
  }

  /** Grows by at least `bytes`, and by half of what there is, so that the cost of growing is spread. */
  private grow(bytes: number, name: string): void {
    const old = this.size;
    const enough = alignUp(bytes, WASM_PAGE);
    const target = Math.min(old + Math.max(enough, alignUp(old / 2, WASM_PAGE)), this.maxBytes);
    if (target === old) throw this.outOfMemory(bytes, name);
    const readable = this.readable.slice();
    const writable = this.writable.slice();
    try {
      this.wasm.grow(pagesFor(target) - pagesFor(old));
    } catch {
      throw this.outOfMemory(bytes, name);
    }
    this.size = target;
    this.takeViews();
    // The bitmaps lie behind the new end of the data; where they were are data now.
    this.u8.fill(0, old, old + bitmapBytes(old));
    this.readable.set(readable);
    this.writable.set(writable);
  }

  private takeViews(): void {
    const buffer = this.wasm.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i8 = new Int8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i16 = new Int16Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.view = new DataView(buffer);
    const granules = this.size / 8;
    this.readable = new Uint8Array(buffer, this.size, granules);
    this.writable = new Uint8Array(buffer, this.size + granules + BITMAP_PADDING, granules);
    this.extents.extend(this.size);
  }

  private outOfMemory(bytes: number, name: string): BpfError {
    return new BpfError(
      'out-of-memory',
      `${bytes} bytes for '${name}' do not fit: ${this.inUse} bytes are in use and memory may grow to ${this.maxBytes} bytes`,
    );
  }
}

/** Bytes of both bitmaps for so much data. */
function bitmapBytes(size: number): number {
  return size / 4 + 2 * BITMAP_PADDING;
}

/** Pages of linear memory that hold so much data and its bitmaps. */
function pagesFor(size: number): number {
  return Math.ceil((size + bitmapBytes(size)) / WASM_PAGE);
}

/** Sets or clears one bit for each of the bytes [address, address + size). */
function setBits(bits: Uint8Array, address: number, size: number, on: boolean): void {
  const end = address + size;
  const first = address >>> 3;
  const last = (end - 1) >>> 3;
  const head = 0xff & (0xff << (address & 7));
  const tail = 0xff >>> (7 - ((end - 1) & 7));
  if (first === last) {
    const mask = head & tail;
    bits[first] = on ? bits[first]! | mask : bits[first]! & ~mask;
    return;
  }
  bits[first] = on ? bits[first]! | head : bits[first]! & ~head;
  bits[last] = on ? bits[last]! | tail : bits[last]! & ~tail;
  if (last > first + 1) bits.fill(on ? 0xff : 0, first + 1, last);
}

function allBitsSet(bits: Uint8Array, address: number, size: number): boolean {
  if (size <= 0) return size === 0;
  const end = address + size;
  if (!(address >= 0 && end <= bits.length * 8)) return false;
  const first = Math.floor(address / 8);
  const last = Math.floor((end - 1) / 8);
  const head = 0xff & (0xff << (address & 7));
  const tail = 0xff >>> (7 - ((end - 1) & 7));
  if (first === last) return (bits[first]! & head & tail) === (head & tail);
  if ((bits[first]! & head) !== head || (bits[last]! & tail) !== tail) return false;
  for (let i = first + 1; i < last; i++) if (bits[i] !== 0xff) return false;
  return true;
}
