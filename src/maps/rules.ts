/**
 * Create-time rules as data: what is wrong with the attributes of a map, which errno the kernel gives for it, and how to say so. A kind
 * lists its rules in the kernel's order; the first that is broken counts.
 */
import { Errno, SyscallError } from '../base/errno.ts';
import { alignUp } from '../base/int64.ts';
import { mapTypeName } from '../spec/index.ts';
import { ACCESS_FLAGS, describeFlags, MapFlag, PERCPU_MAX_BYTES } from './flags.ts';
import type { MapAttr, MapCapability, MapEnv } from './map.ts';

/** One thing that can be wrong. */
export interface Rule {
  readonly errno: number;
  /** What is wrong, or undefined. */
  broken(attr: MapAttr, env: MapEnv): string | undefined;
}

/**
 * Applies rules in order.
 * @throws SyscallError of the first broken one.
 */
export function applyRules(rules: readonly Rule[], attr: MapAttr, env: MapEnv): void {
  for (const rule of rules) {
    const problem = rule.broken(attr, env);
    if (problem !== undefined) throw creationError(rule.errno, attr, problem);
  }
}

/** The error of a map that cannot be made. */
export function creationError(errno: number, attr: MapAttr, problem: string): SyscallError {
  const message = `map '${attr.name}' (${mapTypeName(attr.type)}) cannot be made: ${problem}`;
  return new SyscallError(errno, message, { map: attr.name });
}

const { EINVAL, E2BIG, EPERM } = Errno;

/** A rule whose message does not depend on anything but the attributes. */
export function rule(errno: number, broken: (attr: MapAttr) => string | undefined): Rule {
  return { errno, broken };
}

/** EINVAL without entries. */
export const someEntries = rule(EINVAL, (attr) =>
  attr.maxEntries === 0 ? 'max_entries must not be 0' : undefined,
);

/** EINVAL without a key. */
export const someKey = rule(EINVAL, (attr) => (attr.keySize === 0 ? 'key_size must not be 0' : undefined));

/** EINVAL without a value. */
export const someValue = rule(EINVAL, (attr) =>
  attr.valueSize === 0 ? 'value_size must not be 0' : undefined,
);

/** EINVAL for keys of another size. */
export const keySizeIs = (bytes: number): Rule =>
  rule(EINVAL, (attr) =>
    attr.keySize === bytes ? undefined : `key_size must be ${bytes}, not ${attr.keySize}`,
  );

/** EINVAL for values of other sizes. */
export const valueSizeIs = (bytes: number): Rule =>
  rule(EINVAL, (attr) =>
    attr.valueSize === bytes ? undefined : `value_size must be ${bytes}, not ${attr.valueSize}`,
  );

/** Only these flags; of the program's access flags at most one (bpf_map_flags_access_ok). */
export const flagsWithin = (allowed: number): readonly Rule[] => [
  rule(EINVAL, (attr) => {
    const excess = attr.flags & ~allowed;
    return excess === 0 ? undefined : `map_flags may not contain ${describeFlags(excess)}`;
  }),
  ...((allowed & ACCESS_FLAGS) === 0 ? [] : [oneProgramAccess]),
];

const oneProgramAccess = rule(EINVAL, (attr) => {
  const both = MapFlag.BPF_F_RDONLY_PROG | MapFlag.BPF_F_WRONLY_PROG;
  return (attr.flags & both) === both
    ? 'BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other'
    : undefined;
});

/** None of these flags may be set. */
export const flagsWithout = (forbidden: number): Rule =>
  rule(EINVAL, (attr) => {
    const found = attr.flags & forbidden;
    return found === 0 ? undefined : `map_flags may not contain ${describeFlags(found)}`;
  });

/** Per-CPU kinds choose memory themselves. */
export const noNumaNode = flagsWithout(MapFlag.BPF_F_NUMA_NODE);

/** A value fits what the per-CPU allocator gives. */
export const percpuValueFits = rule(E2BIG, (attr) =>
  alignUp(attr.valueSize, 8) > PERCPU_MAX_BYTES
    ? `value_size of a per-CPU map may be ${PERCPU_MAX_BYTES} at most, not ${attr.valueSize}`
    : undefined,
);

/** A capability that the caller needs, in general or under a condition on the attributes. */
export const needs = (capability: MapCapability, when?: (attr: MapAttr) => boolean): Rule => ({
  errno: EPERM,
  broken: (attr, env) =>
    (when?.(attr) ?? true) && env.capable?.(capability) === false ? `that needs ${capability}` : undefined,
});
