/**
 * What a register can be: enum bpf_reg_type with the modifiers of enum bpf_type_flag (include/linux/bpf.h, Linux 6.12), and the
 * questions about a type that have no state. Modifiers are the words of spec/helper-types.ts.
 */
import {
  baseType,
  MEM_ALLOC,
  NON_OWN_REF,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
  typeFlags,
} from '../../spec/index.ts';

export const NOT_INIT = 0;
export const SCALAR_VALUE = 1;
export const PTR_TO_CTX = 2;
export const CONST_PTR_TO_MAP = 3;
export const PTR_TO_MAP_VALUE = 4;
export const PTR_TO_MAP_KEY = 5;
export const PTR_TO_STACK = 6;
export const PTR_TO_PACKET_META = 7;
export const PTR_TO_PACKET = 8;
export const PTR_TO_PACKET_END = 9;
export const PTR_TO_FLOW_KEYS = 10;
export const PTR_TO_SOCKET = 11;
export const PTR_TO_SOCK_COMMON = 12;
export const PTR_TO_TCP_SOCK = 13;
export const PTR_TO_TP_BUFFER = 14;
export const PTR_TO_XDP_SOCK = 15;
export const PTR_TO_BTF_ID = 16;
export const PTR_TO_MEM = 17;
export const PTR_TO_ARENA = 18;
export const PTR_TO_BUF = 19;
export const PTR_TO_FUNC = 20;
export const CONST_PTR_TO_DYNPTR = 21;

/** Modifiers that make a kernel pointer trusted (BPF_REG_TRUSTED_MODIFIERS). */
export const TRUSTED_MODIFIERS = MEM_ALLOC | PTR_TRUSTED | NON_OWN_REF;

/** NULL, or what the type says otherwise. */
export function mayBeNull(type: number): boolean {
  return (type & PTR_MAYBE_NULL) !== 0;
}

/** A pointer into the packet or its metadata. */
export function isPacketPointer(type: number): boolean {
  const base = baseType(type);
  return base === PTR_TO_PACKET || base === PTR_TO_PACKET_META;
}

/** A pointer into the packet, or to its end (reg_is_pkt_pointer_any). */
export function isPacketOrEnd(type: number): boolean {
  return isPacketPointer(type) || type === PTR_TO_PACKET_END;
}

/** A socket in one of the views that programs have of it, surely not NULL. */
export function isSocketPointer(type: number): boolean {
  return (
    type === PTR_TO_SOCKET ||
    type === PTR_TO_SOCK_COMMON ||
    type === PTR_TO_TCP_SOCK ||
    type === PTR_TO_XDP_SOCK
  );
}

/** Pointers that may be stored whole in a stack slot and read back (is_spillable_regtype): all that exist. */
export function isSpillable(type: number): boolean {
  const base = baseType(type);
  return (
    base !== NOT_INIT && base !== SCALAR_VALUE && base !== PTR_TO_TP_BUFFER && base !== CONST_PTR_TO_DYNPTR
  );
}

/** Types with any modifier that makes them untrustworthy (bpf_type_has_unsafe_modifiers). */
export function hasUnsafeModifiers(type: number): boolean {
  return (typeFlags(type) & ~TRUSTED_MODIFIERS) !== 0;
}

/** A program's own object (bpf_obj_new), type_is_ptr_alloc_obj. */
export function isAllocatedObject(type: number): boolean {
  return baseType(type) === PTR_TO_BTF_ID && (type & MEM_ALLOC) !== 0 && (type & PTR_UNTRUSTED) === 0;
}
