/**
 * Reading kernel structs: which member an access hits, by BTF, and what pointer it gives.
 * Source: btf_struct_walk, btf_struct_access, btf_struct_ids_match, __btf_resolve_size in kernel/bpf/btf.c.
 */
import { BtfError } from '../../base/errors.ts';
import type { Btf, BtfMember, BtfStruct, BtfType } from '../../btf/index.ts';
import { MEM_PERCPU, MEM_RCU, MEM_USER, PTR_UNTRUSTED } from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL } from '../errors.ts';

/** What an access hit: plain bytes, a pointer to a struct, or the start of a nested struct. */
export type Hit =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ptr'; readonly id: number; readonly flags: number; readonly field: string }
  | { readonly kind: 'struct'; readonly id: number; readonly flags: number };

const SCALAR: Hit = { kind: 'scalar' };
/** Steps of one walk; more nesting than this no type has. */
const MAX_STEPS = 64;

/** Tags on a pointer's target that say where it points. */
const TAG_FLAGS: Readonly<Record<string, number>> = { user: MEM_USER, percpu: MEM_PERCPU, rcu: MEM_RCU };

/** The flag that the tag on a pointer's target stands for. */
export function tagFlag(btf: Btf, target: number): number {
  const tag = btf.typeById(target);
  return (tag.kind === 'type_tag' && TAG_FLAGS[tag.name]) || 0;
}

/** The id behind modifiers. */
export function skipModifiers(btf: Btf, id: number): number {
  return btf.resolve(id).id;
}

function isStruct(type: BtfType): type is BtfStruct {
  return type.kind === 'struct' || type.kind === 'union';
}

/** An access to a struct; nested structs are followed to the member itself (btf_struct_access). */
export function accessStruct(
  env: Env,
  btf: Btf,
  id: number,
  off: number,
  size: number,
): Exclude<Hit, { kind: 'struct' }> {
  let at = id;
  let offset = off;
  let flags = 0;
  for (let step = 0; step < MAX_STEPS; step++) {
    const hit = walkStruct(env, btf, at, offset, size, flags);
    if (hit.kind !== 'struct') return hit;
    at = hit.id;
    flags = hit.flags;
    offset = 0;
  }
  throw new BtfError('btf-cycle', `type [${id}] contains itself`, { typeId: id });
}

/** Whether there is a struct of type `wanted` at this offset of another: itself, or a member that starts there. */
export function isOrContains(
  env: Env,
  btf: Btf,
  id: number,
  off: number,
  wantedBtf: Btf,
  wanted: number,
  strict: boolean,
): boolean {
  if (off === 0 && btf === wantedBtf && id === wanted) return true;
  if (off === 0 && id === wanted && id < wantedBtf.firstId) return true;
  if (strict) return false;
  let at = id;
  let offset = off;
  for (let step = 0; step < MAX_STEPS; step++) {
    const hit = tryWalk(env, btf, at, offset);
    if (hit?.kind !== 'struct') return false;
    if (hit.id === wanted) return true;
    at = hit.id;
    offset = 0;
  }
  return false;
}

function tryWalk(env: Env, btf: Btf, id: number, off: number): Hit | undefined {
  const hit = walk(btf, id, off, 1, 0);
  if (typeof hit !== 'string') return hit;
  env.print(`${hit}\n`);
  return undefined;
}

function walkStruct(env: Env, btf: Btf, id: number, off: number, size: number, flags: number): Hit {
  const hit = walk(btf, id, off, size, flags);
  if (typeof hit !== 'string') return hit;
  const missing = hit.includes("doesn't have field") || hit.includes('is not a struct');
  env.reject('bad-struct-access', missing ? EINVAL : EACCES, hit);
}

/** One struct, and the structs nested in it up to one that starts exactly at the offset. A string says what is wrong. */
function walk(btf: Btf, id: number, off: number, size: number, flags: number): Hit | string {
  let type = btf.resolve(id);
  let at = off;
  let marks = flags;
  for (let step = 0; step < MAX_STEPS; step++) {
    if (!isStruct(type)) return `Type '${type.name}' is not a struct`;
    // Which member of a union is alive is not known.
    if (type.kind === 'union' && type.members.length !== 1) marks |= PTR_UNTRUSTED;
    if (at + size > type.size) {
      const flexible = flexibleElement(btf, type, at);
      if (flexible === undefined) return `access beyond struct ${type.name} at off ${at} size ${size}`;
      if (flexible.type.kind === 'int') return SCALAR;
      type = flexible.type;
      at = flexible.off;
      continue;
    }
    const found = memberAt(btf, type, at, size);
    if (found === 'bits') return SCALAR;
    if (found === undefined) return `struct ${type.name} doesn't have field at offset ${at}`;
    if (isStruct(found.type)) {
      if (at === found.offset) return { kind: 'struct', id: found.id, flags: marks };
      at -= found.offset;
      type = found.type;
      continue;
    }
    return hitMember(btf, type, found, at, size, marks);
  }
  return `Type '${type.name}' is not a struct`;
}

/** A struct that ends in an array of no size: the element that the offset is in. */
function flexibleElement(
  btf: Btf,
  type: BtfStruct,
  off: number,
): { readonly type: BtfType; readonly off: number } | undefined {
  const last = type.members.at(-1);
  const array = last && btf.resolve(last.type);
  if (last === undefined || array?.kind !== 'array' || array.count !== 0) return undefined;
  const start = Math.floor(last.bitOffset / 8);
  if (off < start) return undefined;
  const element = btf.resolve(array.elementType);
  if (element.kind === 'int') return { type: element, off: 0 };
  if (!isStruct(element) || element.size === 0) return undefined;
  return { type: element, off: (off - start) % element.size };
}

/** The member, or array element, that an access hits. */
interface Found {
  readonly member: BtfMember;
  /** Without arrays and modifiers. */
  readonly type: BtfType;
  readonly id: number;
  /** Where it begins, and where the whole member ends. */
  readonly offset: number;
  readonly size: number;
  readonly end: number;
}

function memberAt(btf: Btf, type: BtfStruct, off: number, size: number): Found | 'bits' | undefined {
  for (const member of type.members) {
    const start = Math.floor(member.bitOffset / 8);
    if (off + size <= start) return undefined;
    if (member.bitSize > 0) {
      const end = Math.ceil((member.bitOffset + member.bitSize) / 8);
      if (off <= start && end <= off + size) return 'bits';
      continue;
    }
    if (off < start) return undefined;
    const found = elementAt(btf, member, start, off);
    if (found !== undefined) return found;
  }
  return undefined;
}

function elementAt(btf: Btf, member: BtfMember, start: number, off: number): Found | undefined {
  let id = member.type;
  let count = 1;
  let type = btf.resolve(id);
  let array = false;
  while (type.kind === 'array') {
    array = true;
    count *= type.count;
    id = type.elementType;
    type = btf.resolve(id);
  }
  const size = type.kind === 'ptr' ? 8 : btf.sizeOf(type.id);
  const end = start + count * size;
  if (off >= end || (array && end === start)) return undefined;
  const offset = array ? start + Math.floor((off - start) / size) * size : start;
  return { member, type, id: array ? id : skipModifiers(btf, id), offset, size, end };
}

function hitMember(
  btf: Btf,
  type: BtfStruct,
  found: Found,
  off: number,
  size: number,
  flags: number,
): Hit | string {
  const { member, end } = found;
  if (found.type.kind === 'ptr') {
    if (found.size !== size || off !== found.offset)
      return `cannot access ptr member ${member.name} with moff ${found.offset} in struct ${type.name} with off ${off} size ${size}`;
    const target = skipModifiers(btf, found.type.type);
    if (isStruct(btf.typeById(target)))
      return {
        kind: 'ptr',
        id: target,
        flags: flags | tagFlag(btf, found.type.type),
        field: member.name,
      };
  }
  if (off + size > end && (flags & PTR_UNTRUSTED) === 0)
    return `access beyond the end of member ${member.name} (mend:${end}) in struct ${type.name} with off ${off} size ${size}`;
  return SCALAR;
}
