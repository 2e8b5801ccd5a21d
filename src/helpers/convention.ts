/**
 * How a helper's arguments and result cross from a program to JavaScript, derived from its row in the spec: the engines, the
 * compiler's imports and the implementations agree through this one function.
 */
import {
  ARG_ANYTHING,
  ARG_CONST_ALLOC_SIZE_OR_ZERO,
  ARG_CONST_SIZE,
  ARG_CONST_SIZE_OR_ZERO,
  ARG_SCALAR,
  baseType,
  type HelperSpec,
  RET_INTEGER,
  RET_VOID,
  type TypeWord,
} from '../spec/index.ts';
import type { ArgPass, ReturnPass } from '../vm/index.ts';

/** The ways of one helper's arguments, R1 first, and of its result. */
export interface CallingConvention {
  readonly args: readonly ArgPass[];
  readonly returns: ReturnPass;
}

/** What may hold any 64 bits, and what is a size below 2^32; every other argument is a pointer. */
const NUMBERS: ReadonlyMap<TypeWord, ArgPass> = new Map<TypeWord, ArgPass>([
  [ARG_ANYTHING, 'u64'],
  [ARG_SCALAR, 'u64'],
  [ARG_CONST_SIZE, 'u32'],
  [ARG_CONST_SIZE_OR_ZERO, 'u32'],
  [ARG_CONST_ALLOC_SIZE_OR_ZERO, 'u32'],
]);

/**
 * The calling convention of a helper. Where the prototypes of one id differ, an argument is passed as the longest list of
 * arguments says, so that one implementation serves all program types.
 */
export function callingConvention(spec: HelperSpec): CallingConvention {
  let { args } = spec.proto;
  for (const { proto } of spec.variants) if (proto.args.length > args.length) args = proto.args;
  return {
    args: [
      ...args.map((arg) => NUMBERS.get(baseType(arg)) ?? 'ptr'),
      ...new Array<ArgPass>(spec.uncheckedArgs).fill('u64'),
    ],
    returns: returnPass(spec),
  };
}

function returnPass(spec: HelperSpec): ReturnPass {
  if (spec.proto.ret === RET_VOID) return 'void';
  if (spec.proto.ret !== RET_INTEGER) return 'ptr';
  return spec.value === 'int' ? 'int' : 'u64';
}
