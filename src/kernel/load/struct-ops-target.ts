/**
 * Which member of which kernel struct a struct_ops program implements: found through the object's struct_ops variables that name the
 * program (find_struct_ops_kern_types, bpf_map__init_kern_struct_ops in tools/lib/bpf/libbpf.c).
 */
import { LoadError } from '../../base/errors.ts';
import { type Btf, essentialName } from '../../btf/index.ts';
import type { MapSpec, ObjectSpec, ProgramSpec } from '../../loader/index.ts';
import { STRUCT_OPS_VALUE_PREFIX } from '../../spec/uapi.ts';
import { findKernelType, type KernelType } from './kernel-symbols.ts';

/** The kernel's struct, and the index of the member in it, which is the program's attach type. */
export interface StructOpsTarget {
  readonly struct: KernelType;
  readonly member: number;
}

/**
 * @throws LoadError when no variable names the program, or the kernel has no such struct or member.
 */
export function structOpsTarget(
  object: ObjectSpec,
  program: ProgramSpec,
  kernelTypes: readonly Btf[],
): StructOpsTarget {
  for (const map of object.maps) {
    const slot =
      map.origin === 'struct_ops' ? map.values.find((value) => value.name === program.name) : undefined;
    if (slot !== undefined && object.btf !== undefined)
      return memberTarget(object.btf, map, slot.index, kernelTypes);
  }
  throw new LoadError(
    'struct-ops-unused',
    `no struct_ops variable names the program; put it into a member of one in SEC(".struct_ops")`,
    { program: program.name },
  );
}

function memberTarget(local: Btf, map: MapSpec, index: number, kernelTypes: readonly Btf[]): StructOpsTarget {
  const declared = local.typeOfKind(map.btfValueTypeId, 'struct');
  const name = essentialName(declared.name);
  const place = { map: map.name };
  const value = findKernelType(kernelTypes, STRUCT_OPS_VALUE_PREFIX + name, 'struct');
  const struct = value === undefined ? undefined : findKernelType([value.btf], name, 'struct');
  if (value === undefined || struct === undefined)
    throw new LoadError('struct-ops-type', `this kernel has no operations of type struct ${name}`, place);
  const wanted = declared.members[index]?.name ?? '';
  const member = struct.btf
    .typeOfKind(struct.id, 'struct')
    .members.findIndex((candidate) => candidate.name === wanted);
  if (member < 0)
    throw new LoadError('struct-ops-member', `this kernel's struct ${name} has no member '${wanted}'`, place);
  return { struct: { ...struct, module: value.module }, member };
}
