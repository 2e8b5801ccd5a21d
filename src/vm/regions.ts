/**
 * What a piece of linear memory is, for people: kinds, names, and the words in which a fault says what an address
 * belongs to or missed.
 */

/** What a region holds. `mem`: ring buffer records and other sized helper memory; `user`: memory of simulated processes. */
export type RegionKind =
  | 'stack'
  | 'ctx'
  | 'packet'
  | 'map'
  | 'map-value'
  | 'map-key'
  | 'mem'
  | 'task'
  | 'kernel'
  | 'user'
  | 'scratch';

/** Which accesses of a program a byte allows. */
export type Access = 'none' | 'read' | 'readwrite';

/** A region that is made of equal elements, so that messages can name one: number `n` at `first + n * stride`, `size` bytes of it used. */
export interface RegionElements {
  /** 0 by default. */
  readonly first?: number;
  readonly stride: number;
  readonly size: number;
  /** What messages call one; `element` by default. */
  readonly name?: string;
}

/** An allocated piece of memory. A snapshot: it does not follow later changes. */
export interface Region {
  readonly address: number;
  /** Bytes that were asked for, red zone not included. */
  readonly size: number;
  readonly kind: RegionKind;
  readonly name: string;
  readonly elements?: RegionElements;
}

/**
 * Where an access of `size` bytes at `address` lies relative to a region, as the end of a sentence: `4 bytes past the end of map
 * value 'counts' (8 bytes)`, `at offset 16 of ctx 'xdp_md' (24 bytes)`.
 */
export function describeRelation(address: number, size: number, region: Region): string {
  const part = elementOf(region, address);
  const what = `${part.label} (${bytes(part.size)})`;
  const start = address - part.address;
  const end = start + size - part.size;
  if (start < 0) return `${bytes(-start)} before the start of ${what}`;
  if (start >= part.size) {
    return start === part.size
      ? `just past the end of ${what}`
      : `${bytes(start - part.size)} past the end of ${what}`;
  }
  if (end > 0) return `at offset ${start}, reaching ${bytes(end)} past the end of ${what}`;
  return `at offset ${start} of ${what}`;
}

/** Whether all of an access lies in what a region, or the element of it that the address is closest to, holds. */
export function isWithin(address: number, size: number, region: Region): boolean {
  const part = elementOf(region, address);
  return address >= part.address && address + size <= part.address + part.size;
}

/** A region in words: `map value 'counts'`. */
export function describeRegion(region: Region): string {
  return `${KIND_WORDS[region.kind]} '${region.name}'`;
}

const KIND_WORDS: Record<RegionKind, string> = {
  stack: 'stack',
  ctx: 'context',
  packet: 'packet',
  map: 'map',
  'map-value': 'map value',
  'map-key': 'map key',
  mem: 'memory',
  task: 'task',
  kernel: 'kernel memory',
  user: 'user memory',
  scratch: 'scratch memory',
};

/** The element that an address lies in or closest to; the region itself for addresses outside and for regions without elements. */
function elementOf(region: Region, address: number): { label: string; address: number; size: number } {
  const label = describeRegion(region);
  const { elements } = region;
  const whole = { label, address: region.address, size: region.size };
  if (elements === undefined || address < region.address || address >= region.address + region.size)
    return whole;
  const { first = 0, stride, size, name = 'element' } = elements;
  const offset = address - region.address - first;
  const behind = Math.max(0, Math.floor(offset / stride));
  const gap = offset - behind * stride - size;
  const hasNext = first + (behind + 1) * stride < region.size;
  const index = hasNext && gap > stride - size - gap ? behind + 1 : behind;
  return {
    label: `${name} ${index} of ${label}`,
    address: region.address + first + index * stride,
    size,
  };
}

function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}
