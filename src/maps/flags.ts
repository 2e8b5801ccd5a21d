/**
 * What maps make of flags, and limits that creation checks against (include/uapi/linux/bpf.h, include/linux/slab.h,
 * include/linux/percpu.h; x86-64).
 */
import { MapFlag } from '../spec/index.ts';

export { MapFlag };

/** Flags of updates and lookups (uapi/linux/bpf.h). */
export const BPF_ANY = 0;
/** Update only a key that is not there. */
export const BPF_NOEXIST = 1;
/** Update only a key that is there. */
export const BPF_EXIST = 2;
/** Copy under the value's spin lock. */
export const BPF_F_LOCK = 4;

/** Whether an update's flags are none that kinds with BPF_F_LOCK know: one of ANY, NOEXIST and EXIST, with or without it. */
export function unknownUpdateFlags(flags: number): boolean {
  return !(flags >= 0 && flags <= (BPF_F_LOCK | BPF_EXIST)) || (flags & ~BPF_F_LOCK) > BPF_EXIST;
}

/** The same for kinds without BPF_F_LOCK. */
export function unknownPlainUpdateFlags(flags: number): boolean {
  return !(flags >= 0 && flags <= BPF_EXIST);
}

/** Who may read and write: the BPF_F_ACCESS_MASK of include/linux/bpf.h. */
export const ACCESS_FLAGS =
  MapFlag.BPF_F_RDONLY | MapFlag.BPF_F_WRONLY | MapFlag.BPF_F_RDONLY_PROG | MapFlag.BPF_F_WRONLY_PROG;

/** The flags that stay with the map; BPF_F_RDONLY and BPF_F_WRONLY belong to the file descriptor that creation returns. */
export function permanentFlags(flags: number): number {
  return flags & ~(MapFlag.BPF_F_RDONLY | MapFlag.BPF_F_WRONLY);
}

/** KMALLOC_MAX_SIZE. */
export const KMALLOC_MAX_BYTES = 1 << 22;

/** PCPU_MIN_UNIT_SIZE: the largest value of a per-CPU kind, after rounding up to 8. */
export const PERCPU_MAX_BYTES = 32 << 10;

/** The names of the set bits, for messages: `BPF_F_NO_PREALLOC | 0x80000`. */
export function describeFlags(flags: number): string {
  const parts: string[] = [];
  let unnamed = flags;
  for (const [name, bit] of Object.entries(MapFlag)) {
    if ((flags & bit) === 0) continue;
    parts.push(name);
    unnamed &= ~bit;
  }
  if (unnamed !== 0) parts.push(`0x${(unnamed >>> 0).toString(16)}`);
  return parts.join(' | ');
}
