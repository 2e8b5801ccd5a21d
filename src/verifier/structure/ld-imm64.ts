/**
 * Every ld_imm64 against what it refers to, maps and kernel symbols, and every opcode against the instruction set.
 * Source: resolve_pseudo_ldimm64, check_pseudo_btf_id in kernel/bpf/verifier.c; map_direct_value_addr of the map types.
 */
import { Errno } from '../../base/errno.ts';
import { BtfError } from '../../base/errors.ts';
import type { Btf } from '../../btf/index.ts';
import { rowsOf } from '../../isa/index.ts';
import { BpfMapType as M, MEM_PERCPU, MEM_RDONLY } from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EINVAL, unsupported } from '../errors.ts';
import type { BtfVariable, UsedMap } from '../found.ts';
import { MAX_VAR_OFF } from '../limits.ts';
import {
  CLASS_LDX,
  classOf,
  LD_IMM64,
  MODE_MEM,
  MODE_MEMSX,
  modeOf,
  PSEUDO_BTF_ID,
  PSEUDO_FUNC,
  PSEUDO_MAP_FD,
  PSEUDO_MAP_IDX,
  PSEUDO_MAP_IDX_VALUE,
  PSEUDO_MAP_VALUE,
} from '../program.ts';
import { PTR_TO_BTF_ID, PTR_TO_FUNC, PTR_TO_MEM } from '../state/reg-type.ts';
import { useMap } from './maps.ts';

/** Indirect calls exist in the instruction set but not for programs. */
const CALLX = 0x8d;

/** Checks all instructions in order. */
export function resolveLdImm64(env: Env): void {
  const { program } = env;
  for (let i = 0; i < program.length; i++) {
    const code = program.code[i]!;
    if (classOf(code) === CLASS_LDX) {
      const plain = modeOf(code) === MODE_MEM || modeOf(code) === MODE_MEMSX;
      if (!plain || program.imm[i] !== 0)
        env.reject('reserved-field', EINVAL, 'BPF_LDX uses reserved fields');
    }
    if (code === LD_IMM64) resolveOne(env, i++);
    else if (code === CALLX || rowsOf(code).length === 0)
      env.reject('unknown-opcode', EINVAL, `unknown opcode ${code.toString(16).padStart(2, '0')}`);
  }
}

function resolveOne(env: Env, i: number): void {
  const { program } = env;
  const second = i + 1;
  if (
    second >= program.length ||
    program.code[second] !== 0 ||
    program.dst[second] !== 0 ||
    program.src[second] !== 0 ||
    program.off[second] !== 0
  )
    env.reject('bad-ld-imm64', EINVAL, 'invalid bpf_ld_imm64 insn');
  switch (program.src[i]) {
    case 0:
      return;
    case PSEUDO_BTF_ID:
      env.btfVariables.set(i, kernelVariable(env, i));
      return;
    case PSEUDO_FUNC:
      env.pointerTypes[i] = PTR_TO_FUNC;
      return;
    case PSEUDO_MAP_FD:
      if (program.imm[second] !== 0) break;
      env.mapIndex[i] = useMap(env, program.imm[i]!).index;
      return;
    case PSEUDO_MAP_VALUE:
      resolveValue(env, i, useMap(env, program.imm[i]!));
      return;
    case PSEUDO_MAP_IDX:
      if (program.imm[second] !== 0) break;
      rejectIndex(env);
      break;
    case PSEUDO_MAP_IDX_VALUE:
      rejectIndex(env);
      break;
    default:
      break;
  }
  env.reject('bad-ld-imm64', EINVAL, 'unrecognized bpf_ld_imm64 insn');
}

/** Whoever loads a program with an fd_array has put the descriptors in its place. */
function rejectIndex(env: Env): never {
  env.reject('bad-map-fd', Errno.EPROTO, 'fd_idx without fd_array is invalid');
}

/** The address of a byte of an array's only element. */
function resolveValue(env: Env, i: number, map: UsedMap): void {
  const offset = env.program.imm[i + 1]! >>> 0;
  if (offset >= MAX_VAR_OFF)
    env.reject('value-offset', EINVAL, `direct value offset of ${offset} is not allowed`);
  if (map.info.type === M.BPF_MAP_TYPE_ARENA) throw unsupported('arenas');
  if (map.info.type !== M.BPF_MAP_TYPE_ARRAY)
    env.reject('no-direct-value', EINVAL, 'no direct value access support for this map type');
  const outside = (errno: number): never =>
    env.reject(
      'value-offset',
      errno,
      `invalid access to map value pointer, value_size=${map.info.valueSize} off=${offset}`,
    );
  if (map.info.maxEntries !== 1) outside(Errno.ENOTSUPP);
  if (offset >= map.info.valueSize) outside(EINVAL);
  env.mapIndex[i] = map.index;
  env.mapOffset[i] = offset;
}

/** What a reference to a kernel symbol gives: a struct, plain memory, or per-CPU data. */
function kernelVariable(env: Env, i: number): BtfVariable {
  const { program } = env;
  if (program.imm[i + 1] !== 0) throw unsupported('types of kernel modules');
  const btf = env.input.kernelBtf;
  if (btf === undefined) throw unsupported("kernel symbols without the kernel's BTF");
  const id = program.imm[i]!;
  if (id < 0 || id >= btf.typeCount)
    env.reject('bad-btf-id', Errno.ENOENT, `ldimm64 insn specifies invalid btf_id ${id}.`);
  const type = btf.typeById(id);
  if (type.kind === 'func') return memory(0);
  if (type.kind !== 'var')
    env.reject('bad-btf-id', EINVAL, `pseudo btf_id ${id} in ldimm64 isn't KIND_VAR or KIND_FUNC`);
  const index = env.btfIndex(btf);
  const struct = { btf: index, btfId: type.type, memSize: 0 };
  if (isPerCpu(btf, id)) return { regType: PTR_TO_BTF_ID | MEM_PERCPU, ...struct };
  const value = btf.resolve(type.type);
  if (value.kind === 'struct' || value.kind === 'union') return { regType: PTR_TO_BTF_ID, ...struct };
  try {
    return memory(btf.sizeOf(type.type));
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    env.reject('bad-btf-id', EINVAL, `ldimm64 unable to resolve the size of type '${value.name}': -22`);
  }
}

function memory(memSize: number): BtfVariable {
  return { regType: PTR_TO_MEM | MEM_RDONLY, btf: 0, btfId: 0, memSize };
}

function isPerCpu(btf: Btf, variable: number): boolean {
  const section = btf.findByName('.data..percpu', 'datasec');
  return section?.vars.some(({ type }) => type === variable) ?? false;
}
