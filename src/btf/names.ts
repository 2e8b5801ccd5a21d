/**
 * Types by name, in typed arrays: a kernel's BTF has 100,000 named types, too many for a Map of strings to be built on every start.
 * Names are hashed up to their flavour suffix, so that CO-RE finds `task_struct___old` under `task_struct`.
 */
import { encodeUtf8 } from '../base/text.ts';

/** Marks the end of a chain. */
const END = -1;

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

  /** Ids, ascending, of types whose name may have the same essential name as `name`: the caller compares. */
  *candidates(name: string): Generator<number> {
    const bytes = encodeUtf8(`${name}\0`);
    const hash = hashName(bytes, 0);
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
  const match = /^(.*[^_])___[^_]/s.exec(name);
  return match?.[1] ?? name;
}

/** Longest name that is searched for a flavour; as KSYM_NAME_LEN, from which on the kernel refuses names. */
const MAX_NAME = 512;
const UNDERSCORE = 0x5f;

/** FNV-1a over the essential name of a zero-terminated string, of which no more than MAX_NAME bytes are looked at. */
function hashName(bytes: Uint8Array, start: number): number {
  const limit = Math.min(start + MAX_NAME, bytes.length);
  let end = start;
  while (end < limit && bytes[end] !== 0) end++;
  const stop = end === limit ? end : essentialEnd(bytes, start, end);
  let hash = 0x811c9dc5;
  for (let at = start; at < stop; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
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
