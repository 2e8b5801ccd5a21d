/**
 * The numbers that make up an opcode byte and the constants of the other fields, under the kernel's names.
 * Sources: RFC 9669 sections 3 and 4; include/uapi/linux/bpf.h and bpf_common.h. Which combinations exist is opcodes.ts.
 */

/** Registers a program names: r0 to r9 and the read-only frame pointer r10. */
export const REGISTER_COUNT = 11;
/** The frame pointer, r10. */
export const FRAME_POINTER = 10;

/** Instruction class: the low three bits of the opcode. */
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ST = 0x02;
export const BPF_STX = 0x03;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_JMP32 = 0x06;
export const BPF_ALU64 = 0x07;

/** Source bit of arithmetic and jumps: immediate or register. */
export const BPF_K = 0x00;
export const BPF_X = 0x08;

/** Access size of loads and stores. */
export const BPF_W = 0x00;
export const BPF_H = 0x08;
export const BPF_B = 0x10;
export const BPF_DW = 0x18;

/** Addressing mode of loads and stores. */
export const BPF_IMM = 0x00;
export const BPF_ABS = 0x20;
export const BPF_IND = 0x40;
export const BPF_MEM = 0x60;
export const BPF_MEMSX = 0x80;
export const BPF_ATOMIC = 0xc0;

/** Operation: the high four bits of arithmetic opcodes; ADD, OR, AND and XOR also name atomic operations. */
export const BPF_ADD = 0x00;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_MOD = 0x90;
export const BPF_XOR = 0xa0;
export const BPF_MOV = 0xb0;
export const BPF_ARSH = 0xc0;
export const BPF_END = 0xd0;

/** Byte order of BPF_END; shares the source bit. */
export const BPF_TO_LE = 0x00;
export const BPF_TO_BE = 0x08;

/** Operation: the high four bits of jump opcodes. */
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
export const BPF_JNE = 0x50;
export const BPF_JSGT = 0x60;
export const BPF_JSGE = 0x70;
export const BPF_CALL = 0x80;
export const BPF_EXIT = 0x90;
export const BPF_JLT = 0xa0;
export const BPF_JLE = 0xb0;
export const BPF_JSLT = 0xc0;
export const BPF_JSLE = 0xd0;
export const BPF_JCOND = 0xe0;

/** Immediate of atomic instructions: an operation, with FETCH when the old value comes back. */
export const BPF_FETCH = 0x01;
export const BPF_XCHG = 0xe1;
export const BPF_CMPXCHG = 0xf1;

/** Offset of a 64-bit register move that makes it a cast between address spaces. */
export const BPF_ADDR_SPACE_CAST = 1;

/** src of ld_imm64: what its immediate stands for. */
export const BPF_PSEUDO_MAP_FD = 1;
export const BPF_PSEUDO_MAP_VALUE = 2;
export const BPF_PSEUDO_BTF_ID = 3;
export const BPF_PSEUDO_FUNC = 4;
export const BPF_PSEUDO_MAP_IDX = 5;
export const BPF_PSEUDO_MAP_IDX_VALUE = 6;

/** src of calls: a bpf-to-bpf call, a kernel function; 0 is a helper. */
export const BPF_PSEUDO_CALL = 1;
export const BPF_PSEUDO_KFUNC_CALL = 2;

/** src of BPF_JCOND: the only condition there is. */
export const BPF_MAY_GOTO = 0;
