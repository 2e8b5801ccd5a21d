/**
 * The arguments of a function of the program, from its BTF: what a global function may be called with, and starts with when it is checked by
 * itself. Source: btf_prepare_func_args, btf_is_prog_ctx_type, btf_validate_prog_ctx_type, btf_get_ptr_to_btf_id in kernel/bpf/btf.c.
 */
import { Errno } from '../../base/errno.ts';
import { BtfError } from '../../base/errors.ts';
import { type Btf, type BtfFunc, type BtfRef, type BtfType, essentialName } from '../../btf/index.ts';
import {
  ARG_ANYTHING,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_MEM,
  BpfProgType as P,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, Rejection, unsupported } from '../errors.ts';
import type { SubprogArg } from '../found.ts';
import { btfKindName } from '../structure/attach.ts';
import { prototypeOf } from '../structure/btf-info.ts';
import { acceptsAsContext, CONTEXT_STRUCTS } from './context-types.ts';

const MAX_ARGS = 5;
const TAG_PREFIX = 'arg:';

/** The arguments of function number `index`; found out once. Fails with the kernel's message, which callers may ignore. */
export function functionArgs(env: Env, index: number): readonly SubprogArg[] {
  const subprog = env.subprogs[index]!;
  subprog.args ??= prepare(env, index);
  return subprog.args;
}

function prepare(env: Env, index: number): SubprogArg[] {
  const record = env.functions[index];
  const { btf } = env.input;
  const aux = env.functionAux[index];
  if (record === undefined || btf === undefined || aux === undefined)
    return fail(env, 'Verifier bug', Errno.EFAULT);
  const func = btf.typeOfKind(record.typeId, 'func');
  if (aux.unreliable) return fail(env, `Verifier bug in function ${func.name}()`, Errno.EFAULT);
  const proto = prototypeOf(btf, record);
  const global = aux.global;
  if (proto.params.length > MAX_ARGS)
    return refuse(
      env,
      global,
      `Global function ${func.name}() with ${proto.params.length} > ${MAX_ARGS} args. Buggy compiler.`,
    );
  const returned = btf.resolve(proto.returnType);
  if (!isNumber(returned))
    return refuse(
      env,
      global,
      `Global function ${func.name}() doesn't return scalar. Only those are supported.`,
    );
  return proto.params.map((param, i) => argument(env, btf, func, global, i, btf.resolve(param.type)));
}

function fail(env: Env, message: string, errno: number = EINVAL): never {
  env.reject('bad-function-argument', errno, message);
}

/** Static functions are checked with what they are called with: they only miss the shortcut. */
function refuse(env: Env, global: boolean, message: string): never {
  if (global) fail(env, message);
  throw new Rejection('bad-function-argument', EINVAL, '');
}

function isNumber(type: BtfType): boolean {
  return type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64';
}

/** The tags `__arg_ctx` … of an argument. */
function tagsOf(env: Env, btf: Btf, func: BtfFunc, global: boolean, i: number): Set<string> {
  const tags = new Set<string>();
  for (const tag of declTags(btf, func.id)) {
    if (tag.component !== i || !tag.name.startsWith(TAG_PREFIX)) continue;
    if (!global) fail(env, `arg#${i} type tag is not supported in static functions`, Errno.EOPNOTSUPP);
    const name = tag.name.slice(TAG_PREFIX.length);
    if (!['ctx', 'trusted', 'nonnull', 'nullable', 'arena'].includes(name))
      fail(env, `arg#${i} has unsupported set of tags`, Errno.EOPNOTSUPP);
    tags.add(name);
  }
  return tags;
}

/** Declaration tags by the type that they are on, found once for each BTF. */
const tagCache = new WeakMap<Btf, Map<number, { component: number; name: string }[]>>();

function declTags(btf: Btf, id: number): readonly { component: number; name: string }[] {
  let all = tagCache.get(btf);
  if (all === undefined) {
    all = new Map();
    for (let at = btf.firstId; at < btf.typeCount; at++) {
      if (btf.kindOf(at) !== 'decl_tag') continue;
      const tag = btf.typeOfKind(at, 'decl_tag');
      const list = all.get(tag.type) ?? [];
      list.push({ component: tag.componentIndex, name: tag.name });
      all.set(tag.type, list);
    }
    tagCache.set(btf, all);
  }
  return all.get(id) ?? [];
}

function argument(env: Env, btf: Btf, func: BtfFunc, global: boolean, i: number, type: BtfType): SubprogArg {
  const tags = tagsOf(env, btf, func, global, i);
  if (type.kind === 'ptr') {
    const pointer = pointerArgument(env, btf, global, i, type, tags);
    if (pointer !== undefined) return pointer;
  }
  if (tags.size > 0) fail(env, `arg#${i} has pointer tag, but is not a pointer type`);
  if (isNumber(type)) return { type: ARG_ANYTHING, memSize: 0, btfId: 0 };
  return refuse(env, global, `Arg#${i} type ${btfKindName(type)} in ${func.name}() is not supported yet.`);
}

/** Undefined for pointers that only static functions can have. */
function pointerArgument(
  env: Env,
  btf: Btf,
  global: boolean,
  i: number,
  type: BtfRef,
  tags: ReadonlySet<string>,
): SubprogArg | undefined {
  const combination = (): never => fail(env, `arg#${i} has invalid combination of tags`);
  if (tags.has('ctx') || isContext(env, btf, type)) {
    if (tags.size > (tags.has('ctx') ? 1 : 0)) combination();
    if (tags.has('ctx')) checkContextTag(env, btf, type, i);
    return { type: ARG_PTR_TO_CTX, memSize: 0, btfId: 0 };
  }
  const target = btf.resolve(type.type);
  if (target.kind === 'struct' && target.name === 'bpf_dynptr') throw unsupported('dynptrs');
  if (tags.has('trusted')) {
    if (tags.has('nonnull')) combination();
    const nullable = tags.has('nullable') ? PTR_MAYBE_NULL : 0;
    return {
      type: ARG_PTR_TO_BTF_ID | PTR_TRUSTED | nullable,
      memSize: 0,
      btfId: kernelType(env, target, i),
    };
  }
  if (tags.has('arena')) throw unsupported('arenas');
  if (!global) return undefined;
  if (tags.has('nullable')) combination();
  const nullable = tags.has('nonnull') ? 0 : PTR_MAYBE_NULL;
  return { type: ARG_PTR_TO_MEM | nullable, memSize: sizeOf(env, btf, type.type, i), btfId: 0 };
}

function sizeOf(env: Env, btf: Btf, id: number, i: number): number {
  try {
    return btf.sizeOf(id);
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    const type = btf.resolve(id);
    return fail(
      env,
      `arg#${i} reference type('${btfKindName(type)} ${type.kind === 'void' ? '' : type.name}') size cannot be determined: -22`,
    );
  }
}

/** The one struct of this name in the kernel. */
function kernelType(env: Env, target: BtfType, i: number): number {
  const kernel = env.input.kernelBtf;
  if (kernel === undefined) throw unsupported("trusted arguments without the kernel's BTF");
  const name = essentialName(target.name);
  const found = [...kernel.idsByEssentialName(name)].filter((id) => kernel.kindOf(id) === target.kind);
  if (found.length === 1) return found[0]!;
  const problem = found.length === 0 ? 'has no matches' : 'is ambiguous';
  return fail(
    env,
    `arg#${i} reference type('${btfKindName(target)} ${target.name}') ${problem}`,
    found.length === 0 ? Errno.ENOENT : Errno.ESRCH,
  );
}

/** A pointer to this program type's context, by the name of the struct. */
function isContext(env: Env, btf: Btf, type: BtfRef): boolean {
  const { type: progType } = env.input;
  if (progType === P.BPF_PROG_TYPE_KPROBE && namedOnTheWay(btf, type.type, 'bpf_user_pt_regs_t')) return true;
  const target = btf.resolve(type.type);
  if (target.kind !== 'struct' && target.kind !== 'union') return false;
  return CONTEXT_STRUCTS[progType]?.includes(target.name) ?? false;
}

/** Whether a typedef of this name is what the modifiers lead to first. */
function namedOnTheWay(btf: Btf, id: number, name: string): boolean {
  for (let type = btf.typeById(id), steps = 0; steps < 32; steps++) {
    if (type.kind === 'typedef') return type.name === name;
    if (
      type.kind !== 'const' &&
      type.kind !== 'volatile' &&
      type.kind !== 'restrict' &&
      type.kind !== 'type_tag'
    )
      return false;
    type = btf.typeById(type.type);
  }
  return false;
}

/** An argument that is said to be the context must be declared as something that can be one. */
function checkContextTag(env: Env, btf: Btf, type: BtfRef, i: number): void {
  const { type: progType, attachType } = env.input;
  const userRegs = progType === P.BPF_PROG_TYPE_KPROBE || progType === P.BPF_PROG_TYPE_PERF_EVENT;
  if (userRegs && namedOnTheWay(btf, type.type, 'bpf_user_pt_regs_t')) return;
  const target = btf.resolve(type.type);
  if (target.kind === 'void') return;
  if (target.name === '') fail(env, `arg#${i} type doesn't have a name`);
  if (acceptsAsContext(progType, attachType, target)) return;
  const struct = CONTEXT_STRUCTS[progType]?.[0];
  if (struct === undefined) fail(env, `arg#${i} should be void pointer`);
  if (target.kind !== 'struct' || target.name !== struct)
    fail(env, `arg#${i} should be \`struct ${struct} *\``);
}
