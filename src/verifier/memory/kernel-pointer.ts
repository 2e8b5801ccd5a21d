/**
 * Loads and stores through pointers to kernel structs: typed by BTF, read-only, and the more trusted the better is known that the
 * object lives. Source: check_ptr_to_btf_access, check_ptr_to_map_access, is_trusted_reg, mark_btf_ld_reg in kernel/bpf/verifier.c.
 */
import {
  baseType,
  type FieldTrust,
  MAP_STRUCTS,
  MEM_PERCPU,
  MEM_RCU,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  SAFE_FIELDS,
  typeFlags,
} from '../../spec/index.ts';
import { formatTnum } from '../domain/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL, unsupported } from '../errors.ts';
import { AUX, AUX2, ID, REF, regAt, TYPE } from '../state/layout.ts';
import { markRegKnownZero, markRegUnknown } from '../state/reg.ts';
import {
  CONST_PTR_TO_MAP,
  hasUnsafeModifiers,
  isAllocatedObject,
  mayBeNull,
  PTR_TO_BTF_ID,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TCP_SOCK,
  TRUSTED_MODIFIERS,
} from '../state/reg-type.ts';
import type { Access } from './access-kind.ts';
import { isZero } from './bounds.ts';
import { accessStruct, type Hit } from './btf-walk.ts';

/** Types that stand for a kernel struct (reg2btf_ids). */
const KERNEL_VIEWS: readonly number[] = [
  PTR_TO_SOCKET,
  PTR_TO_SOCK_COMMON,
  PTR_TO_TCP_SOCK,
  CONST_PTR_TO_MAP,
];

/** The object is known to live as long as the program runs. */
export function isTrusted(words: Int32Array, o: number): boolean {
  if (words[o + REF] !== 0) return true;
  const type = words[o + TYPE]!;
  if (KERNEL_VIEWS.includes(baseType(type)) && !hasUnsafeModifiers(type)) return true;
  return (typeFlags(type) & TRUSTED_MODIFIERS) !== 0 && !hasUnsafeModifiers(type);
}

/** RCU protects objects here: programs that do not sleep always run inside of a read section. */
export function inRcuSection(env: Env): boolean {
  return env.state.lockMap !== 0 || !env.sleepable;
}

/** The register becomes what was read: a number, or a pointer to a kernel struct. */
export function markLoaded(
  env: Env,
  words: Int32Array,
  o: number,
  btf: number,
  hit: Exclude<Hit, { kind: 'struct' }>,
  flags: number,
): void {
  if (hit.kind === 'scalar') {
    markRegUnknown(words, o);
    return;
  }
  markRegKnownZero(words, o);
  words[o + TYPE] = PTR_TO_BTF_ID | flags;
  words[o + AUX] = btf;
  words[o + AUX2] = hit.id;
  if (mayBeNull(flags)) words[o + ID] = ++env.idGen;
}

/** An access through a PTR_TO_BTF_ID register. */
export function accessKernelStruct(env: Env, reg: number, off: number, access: Access): void {
  const { size, write, value } = access;
  const { words } = env.frame;
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  const btf = env.btfOf(words[o + AUX]!);
  const name = btf.nameOf(words[o + AUX2]!);
  if (!env.gplCompatible)
    env.reject('gpl-only', EINVAL, `Cannot access kernel 'struct ${name}' from non-GPL compatible program`);
  const refuse = (message: string): never => env.reject('bad-struct-access', EACCES, message);
  if (off < 0) refuse(`R${reg} is ptr_${name} invalid negative access: off=${off}`);
  if (!isZero(words, o))
    refuse(`R${reg} is ptr_${name} invalid variable offset: off=${off}, var_off=${formatTnum(words, o)}`);
  if ((type & MEM_USER) !== 0) refuse(`R${reg} is ptr_${name} access user memory: off=${off}`);
  if ((type & MEM_PERCPU) !== 0) refuse(`R${reg} is ptr_${name} access percpu memory: off=${off}`);
  if (isAllocatedObject(type)) throw unsupported('objects of the program (bpf_obj_new)');
  if (write) refuse('only read is supported');
  const hit = accessStruct(env, btf, words[o + AUX2]!, off, size);
  if (value < 0) return;
  const flags = hit.kind === 'ptr' ? trustOf(env, words, o, name, hit.field, hit.flags) : 0;
  markLoaded(env, env.frame.words, regAt(value), words[o + AUX]!, hit, flags);
}

/** How far a pointer can be trusted that was read from the pointer at `o`, whose struct is `name`. */
function trustOf(env: Env, words: Int32Array, o: number, name: string, field: string, flags: number): number {
  const type = words[o + TYPE]!;
  if ((type & PTR_UNTRUSTED) !== 0) return PTR_UNTRUSTED;
  const safe = (trust: FieldTrust): boolean =>
    Object.hasOwn(SAFE_FIELDS[trust], name) && SAFE_FIELDS[trust][name]!.includes(field);
  const plain = flags & ~(TRUSTED_MODIFIERS | MEM_RCU);
  if (!isTrusted(words, o) && (type & MEM_RCU) === 0) return plain;
  if (safe('trusted')) return flags | PTR_TRUSTED;
  if (safe('trusted_or_null')) return flags | PTR_TRUSTED | PTR_MAYBE_NULL;
  if (!inRcuSection(env) || mayBeNull(type)) return PTR_UNTRUSTED;
  if (safe('rcu')) return flags | MEM_RCU;
  if ((flags & MEM_RCU) !== 0 || safe('rcu_or_null')) {
    const all = flags | MEM_RCU | PTR_MAYBE_NULL;
    return safe('rcu_or_null') ? all & ~PTR_UNTRUSTED : all;
  }
  return (flags & (MEM_PERCPU | MEM_USER)) === 0 ? plain : flags;
}

/** A map pointer read as the kernel's struct of that map. */
export function accessMapStruct(env: Env, reg: number, off: number, access: Access): void {
  const { size, write, value } = access;
  const { words } = env.frame;
  const { info } = env.mapOf(words[regAt(reg) + AUX]!);
  const btf = env.input.kernelBtf;
  if (btf === undefined) throw unsupported("reading map structs without the kernel's BTF");
  const name = MAP_STRUCTS[info.type];
  const type = name === undefined ? undefined : btf.findByName(name, 'struct');
  if (type === undefined)
    env.reject('bad-struct-access', 524, `map_ptr access not supported for map type ${info.type}`);
  if (off < 0)
    env.reject('bad-struct-access', EACCES, `R${reg} is ${type.name} invalid negative access: off=${off}`);
  if (write) env.reject('bad-struct-access', EACCES, `only read from ${type.name} is supported`);
  const hit = accessStruct(env, btf, type.id, off, size);
  if (value < 0) return;
  markLoaded(env, words, regAt(value), env.btfIndex(btf), hit, hit.kind === 'ptr' ? hit.flags : 0);
}
