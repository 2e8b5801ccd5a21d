/**
 * What the program attaches to through BTF, and whether it may: tracepoints, kernel functions, LSM hooks, iterators.
 * Source: check_attach_btf_id, bpf_check_attach_target, btf_distill_func_proto in kernel/bpf; bpf_lsm_verify_prog.
 */
import type { Btf, BtfFuncProto, BtfType } from '../../btf/index.ts';
import {
  BpfAttachType as A,
  DISABLED_LSM_HOOKS,
  helperByName,
  ITERATOR_TARGETS,
  isModifiable,
  isSleepableFunction,
  NORETURN_FUNCTIONS,
  BpfProgType as P,
  SLEEPABLE_LSM_HOOKS,
  SOCKOPT_ITERATORS,
  UNTRACEABLE_FUNCTIONS,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, Rejection, unsupported } from '../errors.ts';

/** Attach types of sleepable tracing programs. */
const SLEEPABLE_TRACING: readonly number[] = [
  A.BPF_TRACE_FENTRY,
  A.BPF_TRACE_FEXIT,
  A.BPF_MODIFY_RETURN,
  A.BPF_TRACE_ITER,
];

/** Arguments that a function may have for a program to attach to it (MAX_BPF_FUNC_ARGS). */
const MAX_ARGS = 12;
const TRACEPOINT_PREFIX = 'btf_trace_';
const ITERATOR_PREFIX = 'bpf_iter_';

/** Resolves the attach target of programs that have one. */
export function checkAttachTarget(env: Env): void {
  const { type, attachType } = env.input;
  if (type === P.BPF_PROG_TYPE_SYSCALL) {
    if (env.sleepable) return;
    env.reject('must-sleep', EINVAL, 'Syscall programs can only be sleepable');
  }
  if (env.sleepable && !canSleep(type, attachType))
    env.reject(
      'cannot-sleep',
      EINVAL,
      'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable',
    );
  if (type === P.BPF_PROG_TYPE_STRUCT_OPS) throw unsupported('struct_ops programs');
  if (type === P.BPF_PROG_TYPE_EXT) throw unsupported('extension programs (freplace)');
  if (type !== P.BPF_PROG_TYPE_TRACING && type !== P.BPF_PROG_TYPE_LSM) return;
  if (env.input.attachProgram === true) throw unsupported('attaching to other programs');
  attachToKernel(env);
}

function canSleep(type: number, attachType: number): boolean {
  if (type === P.BPF_PROG_TYPE_TRACING) return SLEEPABLE_TRACING.includes(attachType);
  if (type === P.BPF_PROG_TYPE_LSM) return attachType !== A.BPF_LSM_CGROUP;
  return type === P.BPF_PROG_TYPE_KPROBE || type === P.BPF_PROG_TYPE_STRUCT_OPS;
}

function attachToKernel(env: Env): void {
  const { input } = env;
  const id = input.attachBtfId ?? 0;
  if (id === 0) env.reject('no-attach-target', EINVAL, 'Tracing programs must provide btf_id');
  const btf = input.attachBtf ?? input.kernelBtf;
  if (btf === undefined) throw unsupported("attaching without the kernel's BTF");
  if (id >= btf.typeCount) env.reject('no-attach-target', EINVAL, `attach_btf_id ${id} is invalid`);
  const type = btf.typeById(id);
  if (type.name === '') env.reject('no-attach-target', EINVAL, `attach_btf_id ${id} doesn't have a name`);
  const rawTracepoint = input.attachType === A.BPF_TRACE_RAW_TP;
  const proto = rawTracepoint ? tracepointProto(env, btf, type) : functionProto(env, btf, type);
  const name = rawTracepoint ? type.name.slice(TRACEPOINT_PREFIX.length) : type.name;
  env.attach = { btf: env.btfIndex(btf), name, proto, rawTracepoint };
  checkByAttachType(env, btf, type.name);
}

function tracepointProto(env: Env, btf: Btf, type: BtfType): BtfFuncProto {
  if (type.kind !== 'typedef')
    env.reject('no-attach-target', EINVAL, `attach_btf_id ${type.id} is not a typedef`);
  if (!type.name.startsWith(TRACEPOINT_PREFIX))
    env.reject('no-attach-target', EINVAL, `attach_btf_id ${type.id} points to wrong type name ${type.name}`);
  // The kernel prefers the prototype of the tracepoint's own function, which names the arguments.
  const own = btf.findByName(`__bpf_trace_${type.name.slice(TRACEPOINT_PREFIX.length)}`, 'func');
  if (own !== undefined) return btf.typeOfKind(own.type, 'func_proto');
  const pointer = btf.typeById(type.type);
  const proto = pointer.kind === 'ptr' ? btf.typeById(pointer.type) : undefined;
  if (proto?.kind !== 'func_proto') throw new Rejection('no-attach-target', EINVAL, '');
  return proto;
}

function functionProto(env: Env, btf: Btf, type: BtfType): BtfFuncProto {
  if (type.kind !== 'func')
    env.reject('no-attach-target', EINVAL, `attach_btf_id ${type.id} is not a function`);
  const proto = btf.typeOfKind(type.type, 'func_proto');
  checkArguments(env, btf, type.name, proto);
  return proto;
}

/** The trampoline can pass on and return only what fits registers (btf_distill_func_proto). */
function checkArguments(env: Env, btf: Btf, name: string, proto: BtfFuncProto): void {
  const refuse = (message: string): never => env.reject('bad-attach-target', EINVAL, message);
  if (proto.params.length > MAX_ARGS)
    refuse(`The function ${name} has ${proto.params.length} arguments. Too many.`);
  const returned = btf.resolve(proto.returnType);
  if (returned.kind === 'struct' || returned.kind === 'union' || sizeInRegisters(returned) < 0)
    refuse(`The function ${name} return type ${btfKindName(returned)} is unsupported.`);
  proto.params.forEach((param, i) => {
    const type = btf.resolve(param.type);
    if (i === proto.params.length - 1 && param.type === 0)
      refuse(`The function ${name} with variable args is unsupported.`);
    const size = sizeInRegisters(type);
    if (size < 0 || size > 16)
      refuse(`The function ${name} arg${i} type ${btfKindName(type)} is unsupported.`);
    if (size === 0) refuse(`The function ${name} has malformed void argument.`);
  });
}

function sizeInRegisters(type: BtfType): number {
  switch (type.kind) {
    case 'void':
      return 0;
    case 'ptr':
      return 8;
    case 'int':
    case 'enum':
    case 'enum64':
    case 'struct':
    case 'union':
      return type.size;
    default:
      return -1;
  }
}

/** A kind as the kernel's log writes it: `STRUCT`. */
export function btfKindName(type: BtfType): string {
  return type.kind === 'void' ? 'UNKNOWN' : type.kind.toUpperCase();
}

function checkByAttachType(env: Env, btf: Btf, name: string): void {
  const { type, attachType } = env.input;
  switch (attachType) {
    case A.BPF_TRACE_RAW_TP:
      return;
    case A.BPF_TRACE_ITER:
      if (
        !name.startsWith(ITERATOR_PREFIX) ||
        !Object.hasOwn(ITERATOR_TARGETS, name.slice(ITERATOR_PREFIX.length))
      )
        throw new Rejection('bad-attach-target', EINVAL, '');
      if (SOCKOPT_ITERATORS.includes(name.slice(ITERATOR_PREFIX.length)))
        env.helpers = new Set([
          ...env.helpers,
          helperByName('setsockopt')!.id,
          helperByName('getsockopt')!.id,
        ]);
      return;
    case A.BPF_TRACE_FENTRY:
    case A.BPF_TRACE_FEXIT:
    case A.BPF_MODIFY_RETURN:
    case A.BPF_LSM_MAC:
    case A.BPF_LSM_CGROUP:
      break;
    default:
      throw new Rejection('bad-attach-target', EINVAL, '');
  }
  if (env.sleepable) checkSleepable(env, name);
  else if (attachType === A.BPF_MODIFY_RETURN && !isModifiable(name))
    env.reject('bad-attach-target', EINVAL, `${name}() is not modifiable`);
  if (type === P.BPF_PROG_TYPE_LSM) checkLsmHook(env, btf, name);
  else if (UNTRACEABLE_FUNCTIONS.has(name)) throw new Rejection('bad-attach-target', EINVAL, '');
  else if (attachType !== A.BPF_TRACE_FENTRY && NORETURN_FUNCTIONS.has(name))
    env.reject('bad-attach-target', EINVAL, 'Attaching fexit/fmod_ret to __noreturn functions is rejected.');
}

function checkSleepable(env: Env, name: string): void {
  const sleepable =
    env.input.type === P.BPF_PROG_TYPE_LSM ? SLEEPABLE_LSM_HOOKS.has(name) : isSleepableFunction(name);
  if (!sleepable) env.reject('cannot-sleep', EINVAL, `${name} is not sleepable`);
}

function checkLsmHook(env: Env, btf: Btf, name: string): void {
  if (!env.gplCompatible) env.reject('gpl-only', EINVAL, 'LSM programs must have a GPL compatible license');
  const id = env.input.attachBtfId ?? 0;
  if (DISABLED_LSM_HOOKS.has(name))
    env.reject('bad-attach-target', EINVAL, `attach_btf_id ${id} points to disabled hook ${name}`);
  if (!name.startsWith('bpf_lsm_') || btf.findByName(name, 'func') === undefined)
    env.reject('bad-attach-target', EINVAL, `attach_btf_id ${id} points to wrong type name ${name}`);
}
