/**
 * Types by name, in typed arrays: a kernel's BTF has 100,000 named types, too many for a Map of strings to be built on every start.
 * Names are hashed up to their flavour suffix, so that CO-RE finds `task_struct___old` under `task_struct`.
 */
import { encodeUtf8 } from '../base/text.ts';

/** Names from this length on are taken whole, flavour or not; KSYM_NAME_LEN, from which on the kernel refuses them. */
const MAX_NAME = 512;
/** Marks the end of a chain. */
const END = -1;
const UNDERSCORE = 0x5f;

/** A chained hash table over the names of consecutive type ids. */
export class NameIndex {
  private readonly heads: Int32Array;
  private readonly next: Int32Array;
  private readonly hashes: Int32Array;
  private readonly firstId: number;
  private readonly mask: number;

  /**
   * @param firstId Id of the first type.
   * @param count Number of types.
   * @param nameOf Bytes that hold a type's name and where it starts in them; undefined for a type without one.
   */
  constructor(
    firstId: number,
    count: number,
    nameOf: (id: number) => { readonly bytes: Uint8Array; readonly start: number } | undefined,
  ) {
    this.firstId = firstId;
    this.mask = (1 << Math.max(4, Math.ceil(Math.log2(count + 1)))) - 1;
    this.heads = new Int32Array(this.mask + 1).fill(END);
    this.next = new Int32Array(count).fill(END);
    this.hashes = new Int32Array(count);
    for (let i = count - 1; i >= 0; i--) {
      const name = nameOf(firstId + i);
      if (!name) continue;
      const hash = hashName(name.bytes, name.start);
      const slot = hash & this.mask;
      this.hashes[i] = hash;
      this.next[i] = this.heads[slot] ?? END;
      this.heads[slot] = i;
    }
  }

  /** Ids, ascending, of types whose essential name may be this one: the caller compares. */
  *candidates(essential: string): Generator<number> {
    const bytes = encodeUtf8(essential);
    const hash = hashBytes(bytes, 0, Math.min(bytes.length, MAX_NAME));
    for (let i = this.heads[hash & this.mask] ?? END; i !== END; i = this.next[i] ?? END) {
      if (this.hashes[i] === hash) yield this.firstId + i;
    }
  }
}

/**
 * The name without its flavour: what follows the last `___` that has something other than an underscore on both sides, as
 * bpf_core_essential_name_len of libbpf's relo_core.c.
 */
export function essentialName(name: string): string {
  if (name.length >= MAX_NAME) return name;
  const match = /^(.*[^_])___[^_]/s.exec(name);
  return match?.[1] ?? name;
}

/** FNV-1a over the essential name of a zero-terminated string, of which no more than MAX_NAME bytes are looked at. */
function hashName(bytes: Uint8Array, start: number): number {
  const limit = Math.min(start + MAX_NAME, bytes.length);
  let end = start;
  while (end < limit && bytes[end] !== 0) end++;
  return hashBytes(bytes, start, end === limit ? end : essentialEnd(bytes, start, end));
}

function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash;
}

/** Where the last separator X___Y starts its underscores, or `end`. */
function essentialEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = end - 5; at >= start; at--) {
    if (
      bytes[at + 1] === UNDERSCORE &&
      bytes[at + 2] === UNDERSCORE &&
      bytes[at + 3] === UNDERSCORE &&
      bytes[at] !== UNDERSCORE &&
      bytes[at + 4] !== UNDERSCORE
    ) {
      return at + 1;
    }
  }
  return end;
}
