/**
 * The order of types in a sorted C header: by kind, then name, then (for types that share both) a hash of what they are made of,
 * so that small changes of a kernel move little. The rule is bpftool's (sort_btf_c in tools/bpf/bpftool/btf.c).
 */
import { MAX_BTF_DEPTH } from '../base/limits.ts';
import type { Btf } from './btf.ts';
import type { BtfType } from './types.ts';

const LAST_RANK = 10;

interface SortKey {
  readonly id: number;
  readonly rank: number;
  readonly sortName: string;
  readonly name: string;
}

/** All ids but void's, sorted. */
export function sortedIds(btf: Btf): number[] {
  const keys: SortKey[] = [];
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.typeById(id);
    keys.push({ id, rank: rankOf(btf, type), sortName: sortName(btf, type), name: type.name });
  }
  const hashes = new ContentHashes(btf);
  keys.sort(
    (a, b) =>
      a.rank - b.rank ||
      compare(a.sortName, b.sortName) ||
      compare(a.name, b.name) ||
      compare(hashes.of(a.id), hashes.of(b.id)) ||
      a.id - b.id,
  );
  return keys.map((key) => key.id);
}

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The type that a chain of references leads from one step to the next; undefined where the chain ends. */
function target(btf: Btf, type: BtfType): BtfType | undefined {
  switch (type.kind) {
    case 'ptr':
    case 'typedef':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'type_tag':
    case 'decl_tag':
      return btf.typeById(type.type);
    case 'array':
      return btf.typeById(type.elementType);
    default:
      return undefined;
  }
}

/** Constants first, then enums, numbers, structs, functions; what has no name in all its chain comes last. */
function rankOf(btf: Btf, start: BtfType): number {
  let named = false;
  let type = start;
  for (let depth = 0; depth < MAX_BTF_DEPTH; depth++) {
    named ||= type.name !== '' && type.kind !== 'void';
    switch (type.kind) {
      case 'enum':
      case 'enum64':
        return named ? 1 : 0;
      case 'int':
      case 'float':
        return 2;
      case 'struct':
      case 'union':
        return named ? 3 : LAST_RANK;
      case 'func_proto':
        return named ? 4 : LAST_RANK;
      default: {
        const next = named ? target(btf, type) : undefined;
        if (!next) return LAST_RANK;
        type = next;
      }
    }
  }
  return LAST_RANK;
}

/** The name at the end of the chain; of an anonymous enum its first constant. */
function sortName(btf: Btf, start: BtfType): string {
  let type = start;
  for (let depth = 0; depth < MAX_BTF_DEPTH; depth++) {
    const next = target(btf, type);
    if (!next) break;
    type = next;
  }
  if (type.kind === 'void') return '';
  if (type === start && type.name === '' && (type.kind === 'enum' || type.kind === 'enum64')) {
    return type.values[0]?.name ?? '';
  }
  return type.name;
}

/** 64-bit polynomial hashes over names, as BigInt only at the end: most types never ask for theirs. */
class ContentHashes {
  private readonly btf: Btf;
  private readonly known = new Map<number, bigint>();

  constructor(btf: Btf) {
    this.btf = btf;
  }

  of(id: number): bigint {
    let hash = this.known.get(id);
    if (hash === undefined) {
      hash = this.hash(id, true, 0);
      this.known.set(id, hash);
    }
    return hash;
  }

  private hash(id: number, withMembers: boolean, depth: number): bigint {
    if (depth > MAX_BTF_DEPTH) return 0n;
    const type = this.btf.typeById(id);
    let hash = addName(0n, type.kind === 'void' ? '' : type.name);
    switch (type.kind) {
      case 'enum':
      case 'enum64':
        for (const { name } of type.values) hash = addName(hash, name);
        return hash;
      case 'struct':
      case 'union':
        if (!withMembers) return hash;
        for (const member of type.members) {
          hash = addName(hash, member.name);
          hash = add(hash, this.hash(member.type, false, depth + 1));
        }
        return hash;
      case 'array':
        hash = add(hash, BigInt(type.count));
        return add(hash, this.hash(type.elementType, withMembers, depth + 1));
      default: {
        const next = target(this.btf, type);
        return next ? add(hash, this.hash(next.id, withMembers, depth + 1)) : hash;
      }
    }
  }
}

function add(hash: bigint, value: bigint): bigint {
  return BigInt.asUintN(64, hash * 31n + value);
}

function addName(hash: bigint, name: string): bigint {
  return name === '' ? hash : add(hash, stringHash(name));
}

function stringHash(text: string): bigint {
  let lo = 0;
  let hi = 0;
  for (let i = 0; i < text.length; i++) {
    const sum = lo * 31 + text.charCodeAt(i);
    hi = (Math.imul(hi, 31) + Math.floor(sum / 0x1_0000_0000)) >>> 0;
    lo = sum >>> 0;
  }
  return (BigInt(hi) << 32n) | BigInt(lo);
}
