/**
 * The words of a register record beyond the number that verifier/domain owns: what the register is, what it points to, its ids, and
 * the bookkeeping of liveness and precision. Source: struct bpf_reg_state and struct bpf_stack_state, include/linux/bpf_verifier.h.
 *
 * A stack slot of eight bytes is a record too: the spilled register, and a kind for each byte.
 */
import { REG_WORDS, SCALAR_WORDS } from '../domain/index.ts';

/** Register type with its modifiers, see reg-type.ts. */
export const TYPE = SCALAR_WORDS;
/** Pointers: the fixed part of the offset. Linked scalars with ADD_CONST in their id: their distance from the others. */
export const OFF = 17;
/**
 * What the pointer is about, by type: index of the map (1-based), index of the BTF (1-based), bytes of a memory region, number of a
 * subprogram; of a packet pointer, how many bytes from here are known to be inside the packet.
 */
export const AUX = 18;
/** The rest of that: id of the BTF type, or what tells the maps of a map-in-map apart. */
export const AUX2 = 19;
/** Ties registers together: pointers that are checked as one, scalars that have the same value. */
export const ID = 20;
/** Id of the reference that the register holds or was made from. */
export const REF = 21;
/** Stack pointers: which frame's stack. */
export const FRAMENO = 22;
/** Scalars: 1 if the walk came to depend on the exact value. */
export const PRECISE = 23;
/** Liveness marks, LIVE_*. */
export const LIVE = 24;
/** Handle of the same register in the checkpoint that this state grew from, 0 for none (see pool.ts). */
export const PARENT = 25;
/** Kinds of a slot's bytes 0 to 3 and 4 to 7, one byte each; byte 7 is the one at the lowest address, fp-8 in slot 0. */
export const SLOT_LO = 26;
export const SLOT_HI = 27;

/** Words that say what a register is: all but liveness, parent and slot kinds. */
export const VALUE_WORDS = LIVE;

/** Registers of a frame; the frame pointer is the last. */
export const REGISTERS = 11;
/** Number of the frame pointer. */
export const FP = 10;
/** Word offset of a register in its frame. */
export function regAt(reg: number): number {
  return reg * REG_WORDS;
}
/** Word offset of a stack slot in its frame; slot 0 is fp-8. */
export function slotAt(spi: number): number {
  return (REGISTERS + spi) * REG_WORDS;
}

/** In an id: the register is a linked scalar plus a constant (BPF_ADD_CONST). */
export const ADD_CONST = -0x80000000;

// Liveness (enum bpf_reg_liveness).
export const LIVE_READ32 = 1;
export const LIVE_READ64 = 2;
export const LIVE_READ = 3;
export const LIVE_WRITTEN = 4;
export const LIVE_DONE = 8;

// Kinds of a stack byte (enum bpf_stack_slot_type).
export const STACK_INVALID = 0;
export const STACK_SPILL = 1;
export const STACK_MISC = 2;
export const STACK_ZERO = 3;

/** Range of a packet pointer that is known to be at, or beyond, the end. */
export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

/** The kind of byte `i` of the slot at `o`. */
export function slotKind(words: Int32Array, o: number, i: number): number {
  return (words[o + SLOT_LO + (i >> 2)]! >>> ((i & 3) << 3)) & 0xff;
}

/** Sets the kind of one byte. */
export function setSlotKind(words: Int32Array, o: number, i: number, kind: number): void {
  const at = o + SLOT_LO + (i >> 2);
  const shift = (i & 3) << 3;
  words[at] = (words[at]! & ~(0xff << shift)) | (kind << shift);
}

/** Sets the kind of all eight bytes. */
export function setSlotKinds(words: Int32Array, o: number, kind: number): void {
  const four = kind * 0x01010101;
  words[o + SLOT_LO] = four;
  words[o + SLOT_HI] = four;
}

/** Whether the slot holds a register, or its lower half: the byte at the lowest address tells (is_spilled_reg). */
export function isSpill(words: Int32Array, o: number): boolean {
  return words[o + SLOT_HI]! >>> 24 === STACK_SPILL;
}
