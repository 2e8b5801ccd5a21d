/**
 * From a map's spec to the live map, with what libbpf adds to BPF_MAP_CREATE (bpf_object__create_map in tools/lib/bpf/libbpf.c): sizes
 * that the file leaves open, kinds that take no BTF, a second try without BTF.
 */
import { SyscallError } from '../../base/errno.ts';
import { MAX_OBJ_NAME } from '../../base/limits.ts';
import type { MapSpec, ObjectSpec } from '../../loader/index.ts';
import { type BpfMap, createMap, type MapAttr } from '../../maps/index.ts';
import { BpfMapType } from '../../spec/index.ts';
import type { Machine } from '../machine/machine.ts';
import type { LiveMap } from '../objects/live-map.ts';

/** Kinds whose keys and values have no types for the kernel. */
const WITHOUT_BTF: ReadonlySet<number> = new Set([
  BpfMapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  BpfMapType.BPF_MAP_TYPE_CGROUP_ARRAY,
  BpfMapType.BPF_MAP_TYPE_STACK_TRACE,
  BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS,
  BpfMapType.BPF_MAP_TYPE_DEVMAP,
  BpfMapType.BPF_MAP_TYPE_DEVMAP_HASH,
  BpfMapType.BPF_MAP_TYPE_CPUMAP,
  BpfMapType.BPF_MAP_TYPE_XSKMAP,
  BpfMapType.BPF_MAP_TYPE_SOCKMAP,
  BpfMapType.BPF_MAP_TYPE_SOCKHASH,
  BpfMapType.BPF_MAP_TYPE_QUEUE,
  BpfMapType.BPF_MAP_TYPE_STACK,
  BpfMapType.BPF_MAP_TYPE_ARENA,
]);

/**
 * Creates the map that a spec describes and makes it known to the machine.
 * @param maxEntries What the user set instead of the spec's.
 * @throws SyscallError with the map's name, as the kernel's errno says.
 */
export function createFromSpec(
  machine: Machine,
  object: ObjectSpec,
  spec: MapSpec,
  maxEntries?: number,
): LiveMap {
  const inner = spec.inner === undefined ? undefined : createFromSpec(machine, object, spec.inner);
  try {
    const map = createWithOrWithoutBtf(machine, object, spec, {
      type: spec.type,
      name: spec.name.slice(0, MAX_OBJ_NAME),
      keySize: spec.keySize,
      valueSize: spec.valueSize,
      maxEntries: maxEntries ?? entriesOf(spec, machine),
      flags: spec.flags,
      mapExtra: spec.mapExtra,
      numaNode: spec.numaNode,
      ...(inner === undefined ? {} : { innerMap: inner.map }),
    });
    return machine.addMap(map);
  } catch (error) {
    throw withPlace(error, spec);
  } finally {
    // The template only lends its attributes.
    inner?.release();
  }
}

/** A perf event array without a size has a slot for each CPU. */
function entriesOf(spec: MapSpec, machine: Machine): number {
  const open = spec.type === BpfMapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY ? machine.cpuCount : 0;
  return spec.maxEntries === 0 ? open : spec.maxEntries;
}

/** Whether libbpf gives the map's types to the kernel. */
export function takesTypes(spec: MapSpec): boolean {
  return (spec.btfKeyTypeId !== 0 || spec.btfValueTypeId !== 0) && !WITHOUT_BTF.has(spec.type);
}

function createWithOrWithoutBtf(machine: Machine, object: ObjectSpec, spec: MapSpec, attr: MapAttr): BpfMap {
  if (object.btf === undefined || !takesTypes(spec)) return createMap(machine, attr);
  const { btfKeyTypeId, btfValueTypeId } = spec;
  try {
    return createMap(machine, { ...attr, btf: object.btf, btfKeyTypeId, btfValueTypeId });
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return createMap(machine, attr);
  }
}

/** Adds where the map was declared to errors of the system call. */
function withPlace(error: unknown, spec: MapSpec): unknown {
  if (!(error instanceof SyscallError) || error.place.section !== undefined) return error;
  const message = error.message.replace(/ \([A-Z0-9]+\)$/, '');
  return new SyscallError(error.errno, message, { ...error.place, map: spec.name, section: spec.section });
}
