/**
 * The context: which bytes a program may read and write, and what a read gives. For most program types that is a table
 * (spec/program-types.ts); for those that attach through BTF the context is an array of a kernel function's arguments.
 * Source: check_ctx_access in kernel/bpf/verifier.c; btf_ctx_access, get_ctx_arg_idx in kernel/bpf/btf.c.
 */
import type { Btf, BtfFuncProto, BtfType } from '../../btf/index.ts';
import {
  BpfAttachType as A,
  BOOLEAN_LSM_HOOKS,
  type ContextResult,
  contextKey,
  ITERATOR_TARGETS,
  MEM_PERCPU,
  MEM_RDONLY,
  MEM_USER,
  NULLABLE_TRACEPOINT_ARGS,
  BpfProgType as P,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
  UNTRUSTED_LSM_HOOKS,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EACCES, Rejection, unsupported } from '../errors.ts';
import type { AttachTarget } from '../found.ts';
import { MAX_ERRNO } from '../limits.ts';
import {
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_FLOW_KEYS,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_TP_BUFFER,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import { btfKindName } from '../structure/attach.ts';
import { isSmallInt } from '../structure/btf-info.ts';
import { skipModifiers, tagFlag } from './btf-walk.ts';

/** What a read of the context gives. */
export interface ContextValue {
  /** Register type with modifiers. */
  readonly type: number;
  /** Of kernel pointers: index of the BTF, and type. */
  readonly btf: number;
  readonly btfId: number;
  /** Range of a return value, where it is known. */
  readonly range?: { readonly min: number; readonly max: number };
}

const SCALAR: ContextValue = { type: SCALAR_VALUE, btf: 0, btfId: 0 };

const TYPES: Readonly<Record<Exclude<ContextResult, `trusted_ptr ${string}`>, number>> = {
  scalar: SCALAR_VALUE,
  pkt: PTR_TO_PACKET,
  pkt_meta: PTR_TO_PACKET_META,
  pkt_end: PTR_TO_PACKET_END,
  sock: PTR_TO_SOCKET,
  sock_or_null: PTR_TO_SOCKET | PTR_MAYBE_NULL,
  sock_common_or_null: PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL,
  flow_keys: PTR_TO_FLOW_KEYS,
  tp_buffer: PTR_TO_TP_BUFFER,
};

/** Contexts that are plain memory, from one offset up to another. */
interface PlainContext {
  readonly from: number;
  readonly end: number;
  readonly writable: boolean;
}

/**
 * Programs of the system call have whatever context a call gives them, those of tracepoints a record behind a word that is not theirs
 * (syscall_prog_is_valid_access, tp_prog_is_valid_access). The tables of spec/ stop where the kernel was not asked any further.
 */
const PLAIN_CONTEXTS: Readonly<Record<number, PlainContext>> = {
  [P.BPF_PROG_TYPE_SYSCALL]: { from: 0, end: 0xffff, writable: true },
  [P.BPF_PROG_TYPE_TRACEPOINT]: { from: 8, end: 8192, writable: false },
};

/** Checks an access to the context, and says what it gives. */
export function accessContext(
  env: Env,
  off: number,
  size: number,
  write: boolean,
  signed: boolean,
): ContextValue {
  const value =
    env.contextReads === undefined
      ? readArgument(env, off, size, write)
      : lookUp(env, off, size, write, signed);
  if (value !== undefined) {
    env.contextBytes = Math.max(env.contextBytes, off + size);
    return value;
  }
  env.print(`invalid bpf_context access off=${off} size=${size}\n`);
  env.observer?.source?.(env.insn, '; ');
  return rejectAccess(off, size);
}

function rejectAccess(off: number, size: number): never {
  throw new Rejection('bad-context-access', EACCES, `invalid bpf_context access off=${off} size=${size}`);
}

function lookUp(
  env: Env,
  off: number,
  size: number,
  write: boolean,
  signed: boolean,
): ContextValue | undefined {
  const plain = PLAIN_CONTEXTS[env.input.type];
  if (plain !== undefined) {
    const allowed = off >= plain.from && off < plain.end && off % size === 0 && (plain.writable || !write);
    return allowed ? SCALAR : undefined;
  }
  const result = (write ? env.contextWrites : env.contextReads)?.get(contextKey(off, size));
  // Pointers are no numbers that could be sign-extended.
  if (result === undefined || (signed && result !== 'scalar')) return undefined;
  if (result === 'trusted_ptr sk_buff' || result === 'trusted_ptr nf_hook_state') {
    const btf = env.input.kernelBtf;
    const type = btf?.findByName(result.slice('trusted_ptr '.length), 'struct');
    if (btf === undefined || type === undefined)
      throw unsupported("kernel pointers without the kernel's BTF");
    return { type: PTR_TO_BTF_ID | PTR_TRUSTED, btf: env.btfIndex(btf), btfId: type.id };
  }
  return { ...SCALAR, type: TYPES[result] };
}

/** Size of an argument in the context, in whole words. */
function words(type: BtfType): number {
  if (type.kind === 'ptr') return 8;
  return 'size' in type ? Math.ceil(type.size / 8) * 8 : 0;
}

/** Number of the argument at a byte offset; one more than the last is the return value, two more nothing. */
function argumentAt(btf: Btf, proto: BtfFuncProto, off: number): number {
  let end = 0;
  for (const [i, param] of proto.params.entries()) {
    end += words(btf.resolve(param.type));
    if (off < end) return i;
  }
  end += words(btf.resolve(proto.returnType));
  return off < end ? proto.params.length : proto.params.length + 1;
}

/** A read from the arguments of the function that the program is attached to. Undefined if it is not allowed. */
function readArgument(env: Env, off: number, size: number, write: boolean): ContextValue | undefined {
  const { attach } = env;
  // Tracing programs see off and size checked first (tracing_prog_is_valid_access); LSM programs do not.
  if (env.input.type === P.BPF_PROG_TYPE_TRACING) {
    if (off < 0 || off >= MAX_CONTEXT || write || off % size !== 0) return undefined;
  }
  if (attach === undefined) return undefined;
  const btf = env.btfOf(attach.btf);
  if (off % 8 !== 0) {
    env.print(`func '${attach.name}' offset ${off} is not multiple of 8\n`);
    return undefined;
  }
  const skipped = attach.rawTracepoint ? 1 : 0;
  const params = attach.proto.params.slice(skipped);
  const index = argumentAt(btf, attach.proto, off);
  if (index > params.length) {
    noArgument(env, attach, index);
    return undefined;
  }
  if (index === params.length) return readReturn(env, attach, btf, index, size);
  const { type, name } = params[index]!;
  return argumentValue(env, { attach, btf, type, index, off, name }, size);
}

/** Bytes of the context of tracing programs: twelve arguments of eight bytes. */
const MAX_CONTEXT = 96;

function noArgument(env: Env, attach: AttachTarget, index: number): void {
  env.print(`func '${attach.name}' doesn't have ${index + 1}-th argument\n`);
}

/** The return value, for programs that run when the function has returned. */
function readReturn(
  env: Env,
  attach: AttachTarget,
  btf: Btf,
  index: number,
  size: number,
): ContextValue | undefined {
  const { returnType } = attach.proto;
  const returned: Argument = { attach, btf, type: returnType, index, off: 8 * index, name: '' };
  switch (env.input.attachType) {
    case A.BPF_LSM_MAC: {
      const value = argumentValue(env, returned, size);
      const range = lsmRange(env, attach);
      return value?.type === SCALAR_VALUE && range !== undefined ? { ...value, range } : value;
    }
    case A.BPF_LSM_CGROUP:
    case A.BPF_TRACE_FEXIT:
      return argumentValue(env, returned, size);
    case A.BPF_MODIFY_RETURN: {
      const type = btf.resolve(returnType);
      if (isSmallInt(type)) return SCALAR;
      env.print(`ret type ${btfKindName(type)} not allowed for fmod_ret\n`);
      return undefined;
    }
    default:
      noArgument(env, attach, index);
      return undefined;
  }
}

/** What an LSM hook can return; undefined if nothing. */
export function lsmRange(env: Env, attach: AttachTarget): { min: number; max: number } | undefined {
  if (env.input.type !== P.BPF_PROG_TYPE_LSM || env.input.attachType !== A.BPF_LSM_MAC) return undefined;
  if (attach.proto.returnType === 0) return undefined;
  return BOOLEAN_LSM_HOOKS.has(attach.name) ? { min: 0, max: 1 } : { min: -MAX_ERRNO, max: 0 };
}

/** Arguments of these programs are objects that the kernel holds on to (prog_args_trusted). */
function argumentsTrusted(env: Env, attach: AttachTarget): boolean {
  const { type, attachType } = env.input;
  if (type === P.BPF_PROG_TYPE_LSM) return !UNTRUSTED_LSM_HOOKS.has(attach.name);
  return attachType === A.BPF_TRACE_RAW_TP || attachType === A.BPF_TRACE_ITER;
}

/** An argument of the function that the program is attached to, or what it returned. */
interface Argument {
  readonly attach: AttachTarget;
  readonly btf: Btf;
  /** Id of its type. */
  readonly type: number;
  readonly index: number;
  /** Offset in the context. */
  readonly off: number;
  readonly name: string;
}

function argumentValue(env: Env, argument: Argument, size: number): ContextValue | undefined {
  const { attach, btf, index, off } = argument;
  const type = btf.resolve(argument.type);
  if (isSmallInt(type) || ['enum', 'enum64', 'struct'].includes(type.kind)) return SCALAR;
  if (type.kind !== 'ptr') {
    env.print(
      `func '${attach.name}' arg${index} '${type.name}' has type ${btfKindName(type)}. Only pointer access is allowed\n`,
    );
    return undefined;
  }
  if (size !== 8) {
    env.print(`func '${attach.name}' size ${size} must be 8\n`);
    return undefined;
  }
  const special = iteratorValue(env, attach, off, type.type === 0 || btf.resolve(type.type).kind === 'int');
  if (special !== undefined) return special;
  // Pointers to nothing in particular, or to numbers, are numbers.
  if (type.type === 0 || btf.resolve(type.type).kind === 'int') return SCALAR;
  return kernelPointer(env, argument, type.type);
}

/** What the iterator's registration says of this part of its context (ctx_arg_info). */
function iteratorValue(
  env: Env,
  attach: AttachTarget,
  off: number,
  plain: boolean,
): ContextValue | undefined {
  if (env.input.attachType !== A.BPF_TRACE_ITER) return undefined;
  const arg = ITERATOR_TARGETS[attach.name.slice('bpf_iter_'.length)]?.find(({ offset }) => offset === off);
  if (arg?.buffer !== undefined)
    return { ...SCALAR, type: PTR_TO_BUF | PTR_MAYBE_NULL | (arg.buffer === 'rdonly' ? MEM_RDONLY : 0) };
  if (arg?.struct === undefined || plain) return undefined;
  const type = env.btfOf(1).findByName(arg.struct, 'struct');
  if (type === undefined) throw unsupported(`iterators without the kernel's struct ${arg.struct}`);
  const trusted = arg.trusted === true ? PTR_TRUSTED : 0;
  return { type: PTR_TO_BTF_ID | PTR_MAYBE_NULL | trusted, btf: 1, btfId: type.id };
}

/** A pointer to the type `target`. */
function kernelPointer(
  env: Env,
  { attach, btf, index, name }: Argument,
  target: number,
): ContextValue | undefined {
  let type = PTR_TO_BTF_ID | (argumentsTrusted(env, attach) ? PTR_TRUSTED : 0);
  if (name.endsWith('__nullable')) type |= PTR_MAYBE_NULL;
  let mayBeError = false;
  if (attach.rawTracepoint) {
    const nulls = Object.hasOwn(NULLABLE_TRACEPOINT_ARGS, attach.name)
      ? NULLABLE_TRACEPOINT_ARGS[attach.name]!
      : undefined;
    const bits = ((nulls ?? 0) >>> (4 * index)) & 3;
    if ((bits & 1) !== 0 || (nulls === undefined && btf.base !== undefined)) type |= PTR_MAYBE_NULL;
    mayBeError = (bits & 2) !== 0;
  }
  type |= tagFlag(btf, target) & (MEM_USER | MEM_PERCPU);
  const id = skipModifiers(btf, target);
  const struct = btf.typeById(id);
  if (struct.kind !== 'struct' && struct.kind !== 'union') {
    env.print(`func '${attach.name}' arg${index} type ${btfKindName(struct)} is not a struct\n`);
    return undefined;
  }
  env.print(
    `func '${attach.name}' arg${index} has btf_id ${id} type ${btfKindName(struct)} '${struct.name}'\n`,
  );
  if (!mayBeError) return { type, btf: attach.btf, btfId: id };
  env.print(`marking pointer arg${index} as scalar as it may encode error`);
  return SCALAR;
}
