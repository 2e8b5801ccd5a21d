/**
 * The words in which helper prototypes are written: argument and return types with their modifiers, as enum bpf_arg_type,
 * enum bpf_return_type and enum bpf_type_flag of include/linux/bpf.h (Linux 6.12) spell and number them, and the shape of a
 * row of the helper table. A type is a base in the low eight bits with modifiers above it.
 */

/** Bits of a type that hold its base; the modifiers lie above. */
export const BPF_BASE_TYPE_BITS = 8;

/** A base type of arguments or returns with its modifiers, e.g. `ARG_PTR_TO_MEM | MEM_RDONLY`. */
export type TypeWord = number;

/** The base of a type, without modifiers. */
export function baseType(type: TypeWord): TypeWord {
  return type & ((1 << BPF_BASE_TYPE_BITS) - 1);
}

/** The modifiers of a type, without its base. */
export function typeFlags(type: TypeWord): TypeWord {
  return type & ~((1 << BPF_BASE_TYPE_BITS) - 1);
}

// Modifiers.
/** The pointer may be NULL. */
export const PTR_MAYBE_NULL = 1 << 8;
/** As an argument: read-only memory will do. */
export const MEM_RDONLY = 1 << 9;
/** Memory of a ring buffer record. */
export const MEM_RINGBUF = 1 << 10;
export const MEM_USER = 1 << 11;
export const MEM_PERCPU = 1 << 12;
/** The call releases what the argument refers to. */
export const OBJ_RELEASE = 1 << 13;
export const PTR_UNTRUSTED = 1 << 14;
/** The memory need not be initialized. */
export const MEM_UNINIT = 1 << 15;
export const DYNPTR_TYPE_LOCAL = 1 << 16;
export const DYNPTR_TYPE_RINGBUF = 1 << 17;
/** The size is in the prototype (`argSize`), not in the next argument. */
export const MEM_FIXED_SIZE = 1 << 18;
export const MEM_ALLOC = 1 << 19;
export const PTR_TRUSTED = 1 << 20;
export const MEM_RCU = 1 << 21;
export const NON_OWN_REF = 1 << 22;
export const DYNPTR_TYPE_SKB = 1 << 23;
export const DYNPTR_TYPE_XDP = 1 << 24;
/** The memory must be aligned to its size where the machine wants it. */
export const MEM_ALIGNED = 1 << 25;
/** The helper writes the memory; without it, it only reads. */
export const MEM_WRITE = 1 << 26;

// Arguments.
export const ARG_DONTCARE = 0;
export const ARG_CONST_MAP_PTR = 1;
export const ARG_PTR_TO_MAP_KEY = 2;
export const ARG_PTR_TO_MAP_VALUE = 3;
/** Memory whose size is the next argument. */
export const ARG_PTR_TO_MEM = 4;
export const ARG_PTR_TO_ARENA = 5;
/** Size of the memory in the argument before, not zero. */
export const ARG_CONST_SIZE = 6;
export const ARG_CONST_SIZE_OR_ZERO = 7;
export const ARG_PTR_TO_CTX = 8;
/** Any initialized value. */
export const ARG_ANYTHING = 9;
export const ARG_SCALAR = 10;
export const ARG_PTR_TO_SPIN_LOCK = 11;
export const ARG_PTR_TO_SOCK_COMMON = 12;
export const ARG_PTR_TO_SOCKET = 13;
/** A kernel object of the type that `argBtf` names. */
export const ARG_PTR_TO_BTF_ID = 14;
export const ARG_PTR_TO_RINGBUF_MEM = 15;
/** A constant: so many bytes are allocated and returned. */
export const ARG_CONST_ALLOC_SIZE_OR_ZERO = 16;
export const ARG_PTR_TO_BTF_ID_SOCK_COMMON = 17;
export const ARG_PTR_TO_PERCPU_BTF_ID = 18;
export const ARG_PTR_TO_FUNC = 19;
export const ARG_PTR_TO_STACK = 20;
export const ARG_PTR_TO_CONST_STR = 21;
export const ARG_PTR_TO_TIMER = 22;
export const ARG_KPTR_XCHG_DEST = 23;
export const ARG_PTR_TO_DYNPTR = 24;

export const ARG_PTR_TO_MAP_VALUE_OR_NULL = ARG_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL;
export const ARG_PTR_TO_MEM_OR_NULL = ARG_PTR_TO_MEM | PTR_MAYBE_NULL;
export const ARG_PTR_TO_CTX_OR_NULL = ARG_PTR_TO_CTX | PTR_MAYBE_NULL;
export const ARG_PTR_TO_SOCKET_OR_NULL = ARG_PTR_TO_SOCKET | PTR_MAYBE_NULL;
export const ARG_PTR_TO_STACK_OR_NULL = ARG_PTR_TO_STACK | PTR_MAYBE_NULL;
export const ARG_PTR_TO_BTF_ID_OR_NULL = ARG_PTR_TO_BTF_ID | PTR_MAYBE_NULL;
export const ARG_PTR_TO_UNINIT_MEM = ARG_PTR_TO_MEM | MEM_UNINIT | MEM_WRITE;
export const ARG_PTR_TO_FIXED_SIZE_MEM = ARG_PTR_TO_MEM | MEM_FIXED_SIZE;

// Returns.
export const RET_INTEGER = 0;
export const RET_VOID = 1;
export const RET_PTR_TO_MAP_VALUE = 2;
export const RET_PTR_TO_SOCKET = 3;
export const RET_PTR_TO_TCP_SOCK = 4;
export const RET_PTR_TO_SOCK_COMMON = 5;
export const RET_PTR_TO_MEM = 6;
export const RET_PTR_TO_MEM_OR_BTF_ID = 7;
/** A kernel object of the type that `retBtf` names. */
export const RET_PTR_TO_BTF_ID = 8;

export const RET_PTR_TO_MAP_VALUE_OR_NULL = RET_PTR_TO_MAP_VALUE | PTR_MAYBE_NULL;
export const RET_PTR_TO_SOCKET_OR_NULL = RET_PTR_TO_SOCKET | PTR_MAYBE_NULL;
export const RET_PTR_TO_TCP_SOCK_OR_NULL = RET_PTR_TO_TCP_SOCK | PTR_MAYBE_NULL;
export const RET_PTR_TO_SOCK_COMMON_OR_NULL = RET_PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL;
export const RET_PTR_TO_RINGBUF_MEM_OR_NULL = RET_PTR_TO_MEM | PTR_MAYBE_NULL | MEM_RINGBUF;
export const RET_PTR_TO_DYNPTR_MEM_OR_NULL = RET_PTR_TO_MEM | PTR_MAYBE_NULL;
export const RET_PTR_TO_BTF_ID_OR_NULL = RET_PTR_TO_BTF_ID | PTR_MAYBE_NULL;
export const RET_PTR_TO_BTF_ID_TRUSTED = RET_PTR_TO_BTF_ID | PTR_TRUSTED;

/** In place of a BTF type name: the type comes from the program's own BTF (the map's value), not from the prototype. */
export const BPF_PTR_POISON = 'BPF_PTR_POISON';

/** Arguments are numbered as in the kernel's log: R1 to R5. */
export type ArgNumber = 1 | 2 | 3 | 4 | 5;

/** Further conditions on who may call, each a function of the kernel by that name. */
export type AllowedRule =
  | 'bpf_d_path_allowed'
  | 'bpf_ima_inode_hash_allowed'
  | 'bpf_sk_storage_tracing_allowed';

/** struct bpf_func_proto: what the verifier checks a call against. */
export interface HelperProto {
  readonly ret: TypeWord;
  readonly args: readonly TypeWord[];
  /** Only programs with a GPL-compatible licence may call. */
  readonly gplOnly: boolean;
  /** Packet pointers may be given for memory arguments. */
  readonly pktAccess: boolean;
  /** Only sleepable programs may call. */
  readonly mightSleep: boolean;
  /** Calls leave registers beyond the arguments as they were (LLVM's bpf_fastcall). */
  readonly allowFastcall: boolean;
  /** Kernel struct (without `struct`) that is returned. */
  readonly retBtf?: string;
  /** Kernel struct that an argument points to. */
  readonly argBtf?: Readonly<Partial<Record<ArgNumber, string>>>;
  /** Bytes of an argument with MEM_FIXED_SIZE. */
  readonly argSize?: Readonly<Partial<Record<ArgNumber, number>>>;
  readonly allowed?: AllowedRule;
}

/**
 * How many bits of r0 a RET_INTEGER helper sets in earnest. `int`: a C int or errno, sign-extended; `u32`: zero-extended; `u64`: all.
 */
export type HelperValue = 'int' | 'u32' | 'u64';

/** The program that calls, as far as prototypes depend on it. */
export interface HelperUser {
  /** BPF_PROG_TYPE_* number. */
  readonly type: number;
  /** Expected attach type. */
  readonly attachType: number;
  readonly sleepable: boolean;
}

/** Which programs a variant is for; what is left out does not matter. */
export interface UserCondition {
  readonly types?: readonly number[];
  readonly attachTypes?: readonly number[];
  readonly sleepable?: boolean;
}

/** A prototype that replaces the usual one for some programs. */
export interface HelperVariant {
  readonly when: UserCondition;
  readonly proto: HelperProto;
}

/** One helper. */
export interface HelperSpec {
  readonly id: number;
  /** With its prefix: `bpf_map_lookup_elem`. */
  readonly name: string;
  readonly proto: HelperProto;
  /** The first that fits the calling program takes the place of `proto`. */
  readonly variants: readonly HelperVariant[];
  /** Of RET_INTEGER helpers; the others return a pointer or nothing. */
  readonly value: HelperValue;
  /** Registers that the helper reads beyond the prototype's arguments, unchecked: bpf_trace_printk's values. */
  readonly uncheckedArgs: number;
}
