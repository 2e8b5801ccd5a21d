/**
 * How a frame lies in its words: masks that say which records were read, written or spilled; where each record comes from; the registers;
 * the stack slots. And the words of a register record beyond the number that verifier/domain owns: what the register is, what it points
 * to, its ids, its precision. Source: struct bpf_reg_state and struct bpf_stack_state, include/linux/bpf_verifier.h.
 *
 * A slot of eight bytes has a kind for each byte, and the spilled register if its lowest byte is one's. Copying and comparing states is
 * most of the walk's work on programs that use much stack; masks let it look only at records that matter.
 */
import { REG_WORDS, SCALAR_WORDS } from '../domain/index.ts';

/** Registers of a frame; the frame pointer is the last. */
export const REGISTERS = 11;
/** Number of the frame pointer. */
export const FP = 10;
/** Stack slots that a frame can have. */
export const MAX_SLOTS = 64;

// Records have numbers: registers 0 to 10, stack slots from FIRST_SLOT on. So a record's bit is in word `record >> 5` of a mask.
/** Number of the record of slot 0, which is fp-8. */
export const FIRST_SLOT = 32;
/** Words of a mask: registers, slots 0 to 31, slots 32 to 63. */
export const MASK_WORDS = 3;

/** Records of which some path read the lower half, or all, before writing them (REG_LIVE_READ32, REG_LIVE_READ64); never both. */
export const READ32 = 0;
export const READ64 = 3;
/** Records that were written since the last checkpoint (REG_LIVE_WRITTEN). */
export const WRITTEN = 6;
/** Slots that hold a register, or its lower half. A mask too; its first word is no register's and holds something else. */
export const SPILLED = 9;
/** Slots that have a parent; those beyond came into use since the last checkpoint. */
export const SLOTS_WITH_PARENT = 9;
/** Handle of the frame, in the checkpoint that this state grew from, that the slots come from (see pool.ts). */
export const SLOT_PARENT = 12;
/** Handles of the records that the registers come from, 0 for none. */
export const REG_PARENT = 13;
/** The registers' records. */
const REGS = REG_PARENT + REGISTERS;
/** Two words a slot: the kinds of its bytes, and where its record is. */
export const SLOTS = REGS + REGISTERS * REG_WORDS;
/** Where slot records begin in a frame that has room for all. */
export const SLOT_RECORDS = SLOTS + 2 * MAX_SLOTS;

// The words of a record.

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

/** Word offset of a register's record in its frame. */
export function regAt(reg: number): number {
  return REGS + reg * REG_WORDS;
}

/** Word offset of a slot's record in its frame. In states that do not run only slots that hold a register have one. */
export function slotAt(words: Int32Array, spi: number): number {
  return words[SLOTS + 2 * spi + 1]!;
}

/** The register or slot (from REGISTERS on) whose record is at an offset of its frame. */
export function recordAt(words: Int32Array, offset: number): number {
  if (offset < SLOTS) return (offset - REGS) / REG_WORDS;
  let spi = 0;
  while (slotAt(words, spi) !== offset) spi++;
  return REGISTERS + spi;
}

/** In an id: the register is a linked scalar plus a constant (BPF_ADD_CONST). */
export const ADD_CONST = -0x80000000;

// Kinds of a stack byte (enum bpf_stack_slot_type).
export const STACK_INVALID = 0;
export const STACK_SPILL = 1;
export const STACK_MISC = 2;
export const STACK_ZERO = 3;

/** Range of a packet pointer that is known to be at, or beyond, the end. */
export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

/** Whether some path read a record before writing it. */
export function isRead(words: Int32Array, record: number): boolean {
  const word = record >> 5;
  return ((words[READ32 + word]! | words[READ64 + word]!) & (1 << (record & 31))) !== 0;
}

/** Whether a record was written since the last checkpoint. */
export function isWritten(words: Int32Array, record: number): boolean {
  return (words[WRITTEN + (record >> 5)]! & (1 << (record & 31))) !== 0;
}

/** Notes that a record is written, so that reads of it do not concern earlier checkpoints. */
export function markWritten(words: Int32Array, record: number): void {
  words[WRITTEN + (record >> 5)]! |= 1 << (record & 31);
}

/** The kinds of all bytes of a slot, four bits each; byte 7 is the one at the lowest address, fp-8 in slot 0. */
export function slotKinds(words: Int32Array, spi: number): number {
  return words[SLOTS + 2 * spi]!;
}

/** The kind of byte `i` of a slot. */
export function slotKind(words: Int32Array, spi: number, i: number): number {
  return (words[SLOTS + 2 * spi]! >>> (4 * i)) & 15;
}

/** Sets the kind of one byte. */
export function setSlotKind(words: Int32Array, spi: number, i: number, kind: number): void {
  const at = SLOTS + 2 * spi;
  words[at] = (words[at]! & ~(15 << (4 * i))) | (kind << (4 * i));
  if (i === 7) noteSpilled(words, spi, kind === STACK_SPILL);
}

/** Sets the kind of all eight bytes. */
export function setSlotKinds(words: Int32Array, spi: number, kind: number): void {
  words[SLOTS + 2 * spi] = kind * 0x11111111;
  noteSpilled(words, spi, kind === STACK_SPILL);
}

/** Whether the slot holds a register, or its lower half: the byte at the lowest address tells (is_spilled_reg). */
export function isSpill(words: Int32Array, spi: number): boolean {
  return words[SLOTS + 2 * spi]! >>> 28 === STACK_SPILL;
}

function noteSpilled(words: Int32Array, spi: number, spilled: boolean): void {
  const word = SPILLED + 1 + (spi >> 5);
  const bit = 1 << (spi & 31);
  words[word] = spilled ? words[word]! | bit : words[word]! & ~bit;
}

/** The lowest bit that is set in a mask that is not 0, as its number. */
export function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}
