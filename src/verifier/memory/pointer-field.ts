/**
 * Kernel pointers that map values hold (kptrs): loads give a pointer to the struct, stores must store one.
 * Source: check_map_kptr_access, map_kptr_match_type, btf_ld_kptr_type in kernel/bpf/verifier.c.
 */
import {
  baseType,
  MEM_RCU,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  RCU_PROTECTED_STRUCTS,
  typeFlags,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EACCES, unsupported } from '../errors.ts';
import type { UsedMap } from '../found.ts';
import { regTypeName } from '../log/type-names.ts';
import { markPrecise } from '../precision/chain.ts';
import { CLASS_LDX, CLASS_ST, CLASS_STX, classOf, MODE_MEM, modeOf } from '../program.ts';
import { AUX, AUX2, OFF, regAt, TYPE } from '../state/layout.ts';
import { isNull } from '../state/reg.ts';
import { PTR_TO_BTF_ID } from '../state/reg-type.ts';
import type { ValueField } from '../values/fields.ts';
import { checkUnmodified } from './bounds.ts';
import { isOrContains } from './btf-walk.ts';
import { inRcuSection, markLoaded } from './kernel-pointer.ts';

/** What a field points to. */
interface Pointee {
  readonly btf: number;
  readonly id: number;
  readonly name: string;
}

/** The current instruction loads or stores a pointer field; `reg` is the register loaded or stored, -1 for none. */
export function accessPointerField(env: Env, map: UsedMap, field: ValueField, reg: number): void {
  const { program, insn } = env;
  const code = program.code[insn]!;
  const refuse = (message: string): never => env.reject('special-field', EACCES, message);
  if (modeOf(code) !== MODE_MEM) refuse('kptr in map can only be accessed using BPF_MEM instruction mode');
  const kind = classOf(code);
  if (kind !== CLASS_LDX && field.referenced === true) refuse('store to referenced kptr disallowed');
  const pointee = pointeeOf(env, map, field);
  if (kind === CLASS_LDX) load(env, field, pointee, reg);
  else if (kind === CLASS_STX) store(env, field, pointee, reg);
  else if (kind === CLASS_ST && program.imm[insn] !== 0)
    refuse(`BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`);
}

function pointeeOf(env: Env, map: UsedMap, field: ValueField): Pointee {
  const name = map.info.btf?.nameOf(field.pointee ?? 0) ?? '';
  const found = env.kernelStruct(name);
  if (found === undefined || field.kind === 'percpu_kptr')
    throw unsupported('objects of the program in map values');
  return { ...found, name };
}

/** The object lives as long as the RCU read section, if it is of a kind that RCU frees; else it may be gone. */
function load(env: Env, field: ValueField, pointee: Pointee, reg: number): void {
  if (reg < 0) return;
  const safe = field.referenced === true && RCU_PROTECTED_STRUCTS.includes(pointee.name) && inRcuSection(env);
  const flags = PTR_MAYBE_NULL | (safe ? MEM_RCU : PTR_UNTRUSTED);
  markLoaded(
    env,
    env.frame.words,
    regAt(reg),
    pointee.btf,
    { kind: 'ptr', id: pointee.id, flags, field: '' },
    flags,
  );
}

function store(env: Env, field: ValueField, pointee: Pointee, reg: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  if (isNull(words, o)) {
    markPrecise(env, reg);
    return;
  }
  const type = words[o + TYPE]!;
  const unreferenced = field.referenced !== true;
  const allowed = PTR_MAYBE_NULL | PTR_TRUSTED | MEM_RCU | (unreferenced ? PTR_UNTRUSTED : 0);
  const kernelPointer = baseType(type) === PTR_TO_BTF_ID && (typeFlags(type) & ~allowed) === 0;
  let name = '';
  if (kernelPointer) {
    const btf = env.btfOf(words[o + AUX]!);
    name = btf.nameOf(words[o + AUX2]!);
    checkUnmodified(env, words, reg, true);
    const wanted = env.btfOf(pointee.btf);
    if (isOrContains(env, btf, words[o + AUX2]!, words[o + OFF]!, wanted, pointee.id, !unreferenced)) return;
  }
  const alternative = unreferenced ? ` or ${regTypeName(PTR_TO_BTF_ID | PTR_UNTRUSTED)}${pointee.name}` : '';
  env.reject(
    'special-field',
    EACCES,
    `invalid kptr access, R${reg} type=${regTypeName(type)}${name} expected=${regTypeName(PTR_TO_BTF_ID)}${pointee.name}${alternative}`,
  );
}
