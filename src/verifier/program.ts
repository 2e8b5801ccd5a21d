/** The instructions of a program, field by field in typed arrays, and what an opcode byte is made of. */
import type { RawInsn } from '../isa/index.ts';

// Classes.
export const CLASS_LD = 0;
export const CLASS_LDX = 1;
export const CLASS_ST = 2;
export const CLASS_STX = 3;
export const CLASS_ALU = 4;
export const CLASS_JMP = 5;
export const CLASS_JMP32 = 6;
export const CLASS_ALU64 = 7;

// Operations of arithmetic, in the upper four bits.
export const OP_ADD = 0x00;
export const OP_SUB = 0x10;
export const OP_DIV = 0x30;
export const OP_LSH = 0x60;
export const OP_RSH = 0x70;
export const OP_NEG = 0x80;
export const OP_MOD = 0x90;
export const OP_MOV = 0xb0;
export const OP_ARSH = 0xc0;
export const OP_END = 0xd0;

// Operations of jumps.
export const OP_JA = 0x00;
export const OP_CALL = 0x80;
export const OP_EXIT = 0x90;
export const OP_JCOND = 0xe0;

// Modes of loads and stores.
export const MODE_IMM = 0x00;
export const MODE_ABS = 0x20;
export const MODE_IND = 0x40;
export const MODE_MEM = 0x60;
export const MODE_MEMSX = 0x80;
export const MODE_ATOMIC = 0xc0;

/** The operand is a register. */
export const SRC_X = 0x08;

// Whole opcodes.
export const LD_IMM64 = 0x18;
export const JMP_CALL = 0x85;
export const JMP_EXIT = 0x95;
export const JMP_JA = 0x05;
export const JMP32_JA = 0x06;
export const STX_DW = 0x7b;
export const LDX_DW = 0x79;

// What the source field of calls and of ld_imm64 says.
export const PSEUDO_CALL = 1;
export const PSEUDO_KFUNC_CALL = 2;
export const PSEUDO_MAP_FD = 1;
export const PSEUDO_MAP_VALUE = 2;
export const PSEUDO_BTF_ID = 3;
export const PSEUDO_FUNC = 4;
export const PSEUDO_MAP_IDX = 5;
export const PSEUDO_MAP_IDX_VALUE = 6;

// Atomic operations in imm.
export const ATOMIC_FETCH = 0x01;
export const ATOMIC_CMPXCHG = 0xf1;

/** The low three bits of an opcode: BPF_CLASS. */
export function classOf(code: number): number {
  return code & 7;
}

/** The high four bits of an opcode of arithmetic or jumps: BPF_OP. */
export function opOf(code: number): number {
  return code & 0xf0;
}

/** The high three bits of an opcode of loads and stores: BPF_MODE. */
export function modeOf(code: number): number {
  return code & 0xe0;
}

/** Bytes of a load or store. */
export function sizeOf(code: number): 1 | 2 | 4 | 8 {
  switch (code & 0x18) {
    case 0x00:
      return 4;
    case 0x08:
      return 2;
    case 0x10:
      return 1;
    default:
      return 8;
  }
}

/** A program, indexed by slot. */
export class Program {
  readonly raws: readonly RawInsn[];
  readonly length: number;
  readonly code: Uint8Array;
  readonly dst: Uint8Array;
  readonly src: Uint8Array;
  readonly off: Int16Array;
  readonly imm: Int32Array;

  constructor(raws: readonly RawInsn[]) {
    this.raws = raws;
    this.length = raws.length;
    this.code = new Uint8Array(raws.length);
    this.dst = new Uint8Array(raws.length);
    this.src = new Uint8Array(raws.length);
    this.off = new Int16Array(raws.length);
    this.imm = new Int32Array(raws.length);
    raws.forEach((raw, i) => {
      this.code[i] = raw.opcode;
      this.dst[i] = raw.dst;
      this.src[i] = raw.src;
      this.off[i] = raw.offset;
      this.imm[i] = raw.imm;
    });
  }

  /** A call of another function of the program. */
  isSubprogCall(i: number): boolean {
    return this.code[i] === JMP_CALL && this.src[i] === PSEUDO_CALL;
  }

  isHelperCall(i: number): boolean {
    return this.code[i] === JMP_CALL && this.src[i] === 0;
  }

  isKfuncCall(i: number): boolean {
    return this.code[i] === JMP_CALL && this.src[i] === PSEUDO_KFUNC_CALL;
  }

  /** A call of a kernel function that the loader did not find. */
  isMissingKfuncCall(i: number): boolean {
    return this.isKfuncCall(i) && this.imm[i] === 0 && this.off[i] === 0;
  }

  /** A ld_imm64 of the address of a function of the program. */
  isFunctionAddress(i: number): boolean {
    return this.code[i] === LD_IMM64 && this.src[i] === PSEUDO_FUNC;
  }

  isMayGoto(i: number): boolean {
    return this.code[i] === (CLASS_JMP | OP_JCOND) && this.src[i] === 0;
  }

  /** An atomic operation that gives the old value back. */
  isAtomicFetch(i: number): boolean {
    const code = this.code[i]!;
    return classOf(code) === CLASS_STX && modeOf(code) === MODE_ATOMIC && (this.imm[i]! & ATOMIC_FETCH) !== 0;
  }
}
