/**
 * Upper bounds on everything that is read from outside. A parser checks a count or size against the bound
 * before it allocates or loops, so that no input can exhaust memory or time.
 */

/** Largest object file that is read, in bytes. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Most sections of an ELF file; real BPF objects have some hundreds at most. */
export const MAX_SECTIONS = 4096;
/** Most symbols of an object file. */
export const MAX_SYMBOLS = 1 << 20;
/** Most relocations of one section. */
export const MAX_RELOCATIONS = 1 << 20;
/** Most BTF types; as BTF_MAX_TYPE in include/uapi/linux/btf.h. */
export const MAX_BTF_TYPES = 0x000fffff;
/** Last valid offset into the BTF string section; as BTF_MAX_NAME_OFFSET. */
export const MAX_BTF_STRING_OFFSET = 0x00ffffff;
/** Members, enumerators or parameters of one type; the kernel's vlen has 16 bits. */
export const MAX_BTF_VLEN = 0xffff;
/** Depth of modifier, array and struct nesting that is followed before a type counts as cyclic. */
export const MAX_BTF_DEPTH = 64;
/**
 * Parts (members, elements) that a value of so many bytes may have before its type counts as hostile. Structs of bitfields and unions have
 * several a byte; a small file can describe unions without end.
 */
export function maxValueParts(bytes: number): number {
  return (1 << 16) + 16 * bytes;
}
/** Instruction slots of one program; as BPF_COMPLEXITY_LIMIT_INSNS in include/linux/bpf.h. */
export const MAX_INSNS = 1_000_000;
/** Maps that one program may use; as MAX_USED_MAPS. */
export const MAX_USED_MAPS = 64;
/** Most CPUs of a simulated machine. */
export const MAX_CPUS = 4096;
/** Largest linear memory of a VM, in bytes: with a quarter more for its access bitmaps, addresses fit 32 bits. */
export const MAX_MEMORY_BYTES = 0xcccc_0000;
/** Longest name of a program, map or BTF object without its terminating zero; BPF_OBJ_NAME_LEN - 1. */
export const MAX_OBJ_NAME = 15;
