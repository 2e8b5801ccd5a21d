/**
 * Which registers fit which kind of argument, as a table, and the checks of pointer arguments by type alone.
 * Source: compatible_reg_types, check_reg_type, check_func_arg_reg_off in kernel/bpf/verifier.c.
 */
import {
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_MAP_PTR,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_PTR_TO_BTF_ID,
  ARG_PTR_TO_BTF_ID_SOCK_COMMON,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_CTX,
  ARG_PTR_TO_FUNC,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_PERCPU_BTF_ID,
  ARG_PTR_TO_RINGBUF_MEM,
  ARG_PTR_TO_SOCK_COMMON,
  ARG_PTR_TO_SOCKET,
  ARG_PTR_TO_SPIN_LOCK,
  ARG_PTR_TO_STACK,
  ARG_SCALAR,
  baseType,
  helperName,
  MEM_ALLOC,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  OBJ_RELEASE,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EACCES, EINVAL, unsupported } from '../errors.ts';
import { regTypeName } from '../log/type-names.ts';
import { checkUnmodified } from '../memory/bounds.ts';
import { isOrContains } from '../memory/btf-walk.ts';
import { AUX, AUX2, OFF, regAt, TYPE } from '../state/layout.ts';
import {
  CONST_PTR_TO_MAP,
  mayBeNull,
  PTR_TO_ARENA,
  PTR_TO_BTF_ID,
  PTR_TO_BUF,
  PTR_TO_CTX,
  PTR_TO_FUNC,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  PTR_TO_SOCKET,
  PTR_TO_STACK,
  PTR_TO_TCP_SOCK,
  PTR_TO_XDP_SOCK,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import { SK_RELEASE } from './helper-kinds.ts';

const MEMORY = [
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BTF_ID | PTR_TRUSTED,
];
const SCALAR = [SCALAR_VALUE];
const SOCKETS = [PTR_TO_SOCK_COMMON, PTR_TO_SOCKET, PTR_TO_TCP_SOCK, PTR_TO_XDP_SOCK];

/** By argument type, the register types that fit, in the order of the kernel's messages. */
const FITTING: Readonly<Record<number, readonly number[]>> = {
  [ARG_PTR_TO_MAP_KEY]: MEMORY,
  [ARG_PTR_TO_MAP_VALUE]: MEMORY,
  [ARG_CONST_SIZE]: SCALAR,
  [ARG_CONST_SIZE_OR_ZERO]: SCALAR,
  [ARG_CONST_ALLOC_SIZE_OR_ZERO]: SCALAR,
  [ARG_SCALAR]: SCALAR,
  [ARG_CONST_MAP_PTR]: [CONST_PTR_TO_MAP],
  [ARG_PTR_TO_CTX]: [PTR_TO_CTX],
  [ARG_PTR_TO_SOCK_COMMON]: SOCKETS,
  [ARG_PTR_TO_BTF_ID_SOCK_COMMON]: [...SOCKETS, PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED],
  [ARG_PTR_TO_SOCKET]: [PTR_TO_SOCKET],
  [ARG_PTR_TO_BTF_ID]: [PTR_TO_BTF_ID, PTR_TO_BTF_ID | PTR_TRUSTED, PTR_TO_BTF_ID | MEM_RCU],
  [ARG_PTR_TO_SPIN_LOCK]: [PTR_TO_MAP_VALUE, PTR_TO_BTF_ID | MEM_ALLOC],
  [ARG_PTR_TO_MEM]: MEMORY,
  [ARG_PTR_TO_RINGBUF_MEM]: [PTR_TO_MEM | MEM_RINGBUF],
  [ARG_PTR_TO_PERCPU_BTF_ID]: [
    PTR_TO_BTF_ID | MEM_PERCPU,
    PTR_TO_BTF_ID | MEM_PERCPU | MEM_RCU,
    PTR_TO_BTF_ID | MEM_PERCPU | PTR_TRUSTED,
  ],
  [ARG_PTR_TO_FUNC]: [PTR_TO_FUNC],
  [ARG_PTR_TO_STACK]: [PTR_TO_STACK],
  [ARG_PTR_TO_CONST_STR]: [PTR_TO_MAP_VALUE],
};

/** Whether the register's type fits the argument; `struct` is the kernel struct that the prototype asks for. */
export function checkArgType(
  env: Env,
  reg: number,
  argType: number,
  struct: string | number | undefined,
  helper: number,
): void {
  const type = env.frame.words[regAt(reg) + TYPE]!;
  const fitting = FITTING[baseType(argType)];
  if (fitting === undefined)
    throw unsupported(`this kind of argument of ${helperName(helper) ?? 'a function'}`);
  let plain = type;
  if ((argType & MEM_RDONLY) !== 0) plain &= ~MEM_RDONLY;
  if ((argType & PTR_MAYBE_NULL) !== 0) plain &= ~PTR_MAYBE_NULL;
  if (!fitting.includes(plain)) {
    const expected = fitting.map(regTypeName).join(', ');
    env.reject('bad-argument', EACCES, `R${reg} type=${regTypeName(type)} expected=${expected}`);
  }
  if (baseType(type) !== PTR_TO_BTF_ID) return;
  if (fitting === MEMORY) {
    if ((argType & MEM_RDONLY) !== 0) return;
    env.reject(
      'bad-argument',
      EACCES,
      `${helperName(helper) ?? ''}() may write into memory pointed by R${reg} type=${regTypeName(type)}`,
    );
  }
  if ((type & MEM_ALLOC) !== 0) throw unsupported('objects of the program (bpf_obj_new)');
  if ((type & MEM_PERCPU) === 0) checkStruct(env, reg, argType, struct ?? 'sock_common', helper);
}

/** A pointer to a kernel struct must point to that struct, or one that begins with it. */
function checkStruct(env: Env, reg: number, argType: number, struct: string | number, helper: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const release = (argType & OBJ_RELEASE) !== 0;
  if (mayBeNull(words[o + TYPE]!) && (!mayBeNull(argType) || release))
    env.reject('null-argument', EACCES, `Possibly NULL pointer passed to helper arg${reg}`);
  const kernel = env.input.kernelBtf;
  if (kernel === undefined) throw unsupported("kernel pointers without the kernel's BTF");
  const wanted = typeof struct === 'number' ? struct : kernel.findByName(struct, 'struct')?.id;
  if (wanted === undefined) throw unsupported(`arguments of the kernel struct ${struct}`);
  const btf = env.btfOf(words[o + AUX]!);
  const id = words[o + AUX2]!;
  const strict = release && helper !== SK_RELEASE;
  if (isOrContains(env, btf, id, words[o + OFF]!, kernel, wanted, strict)) return;
  env.reject(
    'bad-argument',
    EACCES,
    `R${reg} is of type ${btf.nameOf(id)} but ${kernel.nameOf(wanted)} is expected`,
  );
}

/** Types whose fixed and variable offset is the memory check's business. */
const ANY_OFFSET: readonly number[] = [
  PTR_TO_STACK,
  PTR_TO_PACKET,
  PTR_TO_PACKET_META,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_MEM | MEM_RDONLY,
  PTR_TO_MEM | MEM_RINGBUF,
  PTR_TO_BUF,
  PTR_TO_BUF | MEM_RDONLY,
  PTR_TO_ARENA,
  SCALAR_VALUE,
];
/** Types that may have a fixed offset: it selects a member. */
const FIXED_OFFSET: readonly number[] = [
  PTR_TO_BTF_ID,
  PTR_TO_BTF_ID | MEM_ALLOC,
  PTR_TO_BTF_ID | PTR_TRUSTED,
  PTR_TO_BTF_ID | MEM_RCU,
];

/** Whether the pointer's offset is one that such an argument may have (check_func_arg_reg_off). */
export function checkArgOffset(env: Env, reg: number, argType: number): void {
  const { words } = env.frame;
  const o = regAt(reg);
  const type = words[o + TYPE]!;
  if ((argType & OBJ_RELEASE) !== 0) {
    if (words[o + OFF] !== 0)
      env.reject(
        'modified-pointer',
        EINVAL,
        `R${reg} must have zero offset when passed to release func or trusted arg to kfunc`,
      );
    checkUnmodified(env, words, reg, false);
    return;
  }
  if (!ANY_OFFSET.includes(type)) checkUnmodified(env, words, reg, FIXED_OFFSET.includes(type));
}
