/**
 * The program's function and line records against its instructions and its BTF. Source: check_btf_info_early, check_btf_func,
 * check_btf_line, check_abnormal_return in kernel/bpf/verifier.c.
 */
import { Errno } from '../../base/errno.ts';
import { BtfError } from '../../base/errors.ts';
import type { Btf, BtfFunc, BtfFuncProto, BtfType } from '../../btf/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, Rejection } from '../errors.ts';
import type { FunctionInfo } from '../input.ts';

/** Function records alone: they must be in order and name functions. Runs before subprograms are known. */
export function checkFunctionRecords(env: Env): void {
  const { functions = [], lines = [], btf } = env.input;
  if (functions.length === 0 && lines.length === 0) return;
  if (btf === undefined) throw new Rejection('no-btf', Errno.EINVAL, '');
  let previous = -1;
  for (const record of functions) {
    if (previous === -1 && record.insn !== 0)
      fail(env, `nonzero insn_off ${record.insn} for the first func info record`);
    if (record.insn <= previous)
      fail(env, `same or smaller insn offset (${record.insn}) than previous func info record (${previous})`);
    if (functionType(btf, record.typeId) === undefined)
      fail(env, `invalid type id ${record.typeId} in func info`);
    previous = record.insn;
  }
  env.functions = functions;
}

/** These messages have no line end in the kernel. */
function fail(env: Env, message: string): never {
  env.print(message);
  throw new Rejection('bad-func-info', EINVAL, message);
}

function functionType(btf: Btf, typeId: number): BtfFunc | undefined {
  try {
    const type = btf.typeById(typeId);
    return type.kind === 'func' && btf.typeById(type.type).kind === 'func_proto' ? type : undefined;
  } catch (error) {
    if (error instanceof BtfError) return undefined;
    throw error;
  }
}

/** The func_proto of a function record that `checkFunctionRecords` accepted. */
export function prototypeOf(btf: Btf, record: FunctionInfo): BtfFuncProto {
  return btf.typeOfKind(btf.typeOfKind(record.typeId, 'func').type, 'func_proto');
}

/** An int, or enum, of the sizes that a register returns. */
function isScalarType(type: BtfType): boolean {
  return type.kind === 'enum' || type.kind === 'enum64' || isSmallInt(type);
}

/** btf_type_is_small_int: 1, 2, 4 or 8 bytes. */
export function isSmallInt(type: BtfType): boolean {
  return type.kind === 'int' && [1, 2, 4, 8].includes(type.size);
}

/** Function and line records against the subprograms. */
export function checkRecordsOfSubprogs(env: Env): void {
  checkFunctions(env);
  if (env.input.lines !== undefined && env.input.lines.length > 0) checkLines(env);
}

function checkFunctions(env: Env): void {
  const { btf } = env.input;
  if (env.functions.length === 0) {
    checkWithoutBtf(env);
    return;
  }
  if (env.functions.length !== env.subprogs.length)
    env.reject('bad-func-info', EINVAL, "number of funcs in func_info doesn't match number of subprogs");
  env.functionAux = env.functions.map((record, i) => {
    const subprog = env.subprogs[i]!;
    if (subprog.start !== record.insn)
      env.reject(
        'bad-func-info',
        EINVAL,
        "func_info BTF section doesn't match subprog layout in BPF program",
      );
    const returned = btf!.resolve(prototypeOf(btf!, record).returnType);
    if (i > 0 && !isScalarType(returned)) {
      if (subprog.hasLdAbs)
        env.reject('ld-abs-in-subprog', EINVAL, "LD_ABS is only allowed in functions that return 'int'.");
      if (subprog.hasTailCall)
        env.reject(
          'tail-call-in-subprog',
          EINVAL,
          "tail_call is only allowed in functions that return 'int'.",
        );
    }
    const global = btf!.typeOfKind(record.typeId, 'func').linkage === 'global' && record.hidden !== true;
    return { global, unreliable: false, called: false, verified: false };
  });
}

/** Without BTF nobody knows what a subprogram returns: those that end in the middle are not allowed (check_abnormal_return). */
function checkWithoutBtf(env: Env): void {
  for (const subprog of env.subprogs.slice(1)) {
    if (subprog.hasLdAbs)
      env.reject('ld-abs-in-subprog', EINVAL, 'LD_ABS is not allowed in subprogs without BTF');
    if (subprog.hasTailCall)
      env.reject('tail-call-in-subprog', EINVAL, 'tail_call is not allowed in subprogs without BTF');
  }
}

function checkLines(env: Env): void {
  const lines = env.input.lines ?? [];
  const { program, subprogs } = env;
  let previous = 0;
  let next = 0;
  lines.forEach((line, i) => {
    if ((i > 0 && line.insn <= previous) || line.insn >= program.length)
      env.reject(
        'bad-line-info',
        EINVAL,
        `Invalid line_info[${i}].insn_off:${line.insn} (prev_offset:${previous} prog->len:${program.length})`,
      );
    if (program.code[line.insn] === 0)
      env.reject('bad-line-info', EINVAL, `Invalid insn code at line_info[${i}].insn_off`);
    const subprog = subprogs[next];
    if (subprog !== undefined && line.insn === subprog.start) next++;
    else if (subprog !== undefined && subprog.start < line.insn)
      env.reject('bad-line-info', EINVAL, `missing bpf_line_info for func#${next}`);
    previous = line.insn;
  });
  if (next !== subprogs.length)
    env.reject(
      'bad-line-info',
      EINVAL,
      `missing bpf_line_info for ${subprogs.length - next} funcs starting from func#${next}`,
    );
}
