/**
 * Turns a prepared program into rows of four 32-bit words that the loop runs: one row a slot, plus one behind the end. Owns the
 * numbering of the loop's operations. Checks what the loop relies on: registers, jump and call targets, resolved references.
 *
 * Words of a row: 0 = operation | dst << 8 | src << 16, registers as byte offsets in the machine's registers; 1 and 2 as each packer says.
 * A row says nothing of where it is: jumps lead so many bytes forwards or backwards.
 */
import { IsaError } from '../base/errors.ts';
import type { AluOp, AtomicOp, Insn, InsnOf, JmpOp } from '../isa/index.ts';
import type { PreparedProgram } from './abi.ts';

/** Words of a row, and bytes. */
export const ROW = 4;
export const ROW_BYTES = 16;

const MAX_REG = 10;

/** First operation of each group; within `ALU` and `JMP`, an operation is base + 4 * index + (32-bit ? 2 : 0) + (immediate ? 1 : 0). */
export const Op = {
  ALU: 0,
  JMP: 56,
  LOAD: 100,
  STORE: 107,
  NEG: 115,
  MOVSX: 117,
  ZERO_EXTEND: 122,
  SWAP: 125,
  NOP: 128,
  LD_IMM64: 129,
  JA: 130,
  CALL_SUBPROG: 131,
  EXIT: 132,
  CALLX: 133,
  MAY_GOTO: 134,
  LD_PACKET: 135,
  /** A call that the machine carries out: tail calls, helpers that call back, helpers that there are not. */
  CALL_SPECIAL: 136,
  /** Plain helpers: 137 + the number of what they return (RETURN_CODES in calls.ts). */
  CALL_PLAIN: 137,
  PROBE_LOAD: 141,
  ATOMIC: 148,
  NONE: 172,
} as const;

/** Order of the two-operand operations. */
export const ALU_ORDER: readonly AluOp[] = [
  'add',
  'sub',
  'mul',
  'or',
  'and',
  'xor',
  'lsh',
  'rsh',
  'arsh',
  'mov',
  'div',
  'mod',
  'sdiv',
  'smod',
];

/** Order of the conditions. */
export const JMP_ORDER: readonly JmpOp[] = [
  'eq',
  'ne',
  'gt',
  'ge',
  'lt',
  'le',
  'set',
  'sgt',
  'sge',
  'slt',
  'sle',
];

/** Order of the atomic operations; an operation is ATOMIC + 4 * index + (fetch ? 2 : 0) + (8 bytes ? 1 : 0). */
export const ATOMIC_ORDER: readonly AtomicOp[] = ['add', 'or', 'and', 'xor', 'xchg', 'cmpxchg'];

/** A call that a program makes outside itself: resolved by the engine to an entry of its helper table. */
export type CallTarget =
  | { readonly kind: 'helper'; readonly id: number }
  | { readonly kind: 'kfunc'; readonly btfId: number; readonly module: number };

/** The packed form of a program. Depends on the program alone, not on an engine. */
export interface PackedProgram {
  readonly program: PreparedProgram;
  readonly rows: Int32Array;
  /** What the CALL_SPECIAL rows call: word 1 is an index into this list. */
  readonly calls: readonly CallTarget[];
}

/**
 * Lowest code pointer. Code pointers lie in the part of memory that is never mapped, so that a program which reads through
 * one faults, and are 8 apart, one a subprogram.
 */
export const CODE_BASE = 0x1000;

/** The code pointer of the subprogram that starts at `slot`, or undefined when none does. */
export function codePointer(program: PreparedProgram, slot: number): number | undefined {
  const index = program.subprogs.indexOf(slot);
  return index < 0 ? undefined : CODE_BASE + 8 * index;
}

/** The start slot that a code pointer stands for, or undefined when it is none. */
export function slotOfCodePointer(program: PreparedProgram, low: number, high: number): number | undefined {
  const index = (low - CODE_BASE) / 8;
  return high === 0 ? program.subprogs[index] : undefined;
}

/**
 * Packs a program.
 * @throws IsaError with the slot: `bad-register`, `jump-out-of-range`, `bad-call-target`, `bad-function-pointer`, `unresolved-reference`.
 */
export function pack(program: PreparedProgram): PackedProgram {
  const packer = new Packer(program);
  return { program, rows: packer.rows, calls: packer.calls };
}

class Packer {
  readonly rows: Int32Array;
  readonly calls: CallTarget[] = [];
  private readonly program: PreparedProgram;
  private readonly callIndex = new Map<string, number>();
  private slot = 0;

  constructor(program: PreparedProgram) {
    this.program = program;
    const { insns } = program;
    this.rows = new Int32Array((insns.length + 1) * ROW);
    for (; this.slot < insns.length; this.slot++) {
      const insn = insns[this.slot];
      if (insn === undefined) this.put(Op.NONE, 0, 0, 0, 0);
      else this.packInsn(insn);
    }
    this.put(Op.NONE, 0, 0, 0, 0);
  }

  private put(op: number, dst: number, src: number, word1: number, word2: number): void {
    if (dst > MAX_REG || src > MAX_REG) {
      throw this.error(
        'bad-register',
        `r${Math.max(dst, src)} does not exist; registers are r0 to r${MAX_REG}`,
      );
    }
    const row = this.slot * ROW;
    this.rows[row] = op | ((dst * 8) << 8) | ((src * 8) << 16);
    this.rows[row + 1] = word1;
    this.rows[row + 2] = word2;
  }

  private packInsn(insn: Insn): void {
    switch (insn.kind) {
      case 'alu':
        this.packAlu(insn);
        break;
      case 'neg':
        this.put(Op.NEG + (insn.width === 32 ? 1 : 0), insn.dst, 0, 0, 0);
        break;
      case 'movsx':
        this.packMovsx(insn);
        break;
      case 'endian':
        this.packEndian(insn);
        break;
      case 'addr-space-cast':
        // Both address spaces are this linear memory, whose pointers have no high half.
        this.put(aluOp('mov', 32, false), insn.dst, insn.src, 0, 0);
        break;
      case 'ld-imm64':
        this.packLdImm64(insn);
        break;
      case 'ld-packet':
        this.put(Op.LD_PACKET, 0, insn.src, 0, 0);
        break;
      case 'load':
        this.packLoad(insn);
        break;
      case 'store':
        this.packStore(insn);
        break;
      case 'atomic':
        this.packAtomic(insn);
        break;
      case 'ja':
        this.put(Op.JA, 0, 0, 0, this.target(insn.offset));
        break;
      case 'jmp':
        this.packJmp(insn);
        break;
      case 'may-goto':
        this.put(Op.MAY_GOTO, 0, 0, 0, this.target(insn.offset));
        break;
      case 'call-helper':
        this.packCall({ kind: 'helper', id: insn.id });
        break;
      case 'call-kfunc':
        this.packCall({ kind: 'kfunc', btfId: insn.btfId, module: insn.module });
        break;
      case 'call-subprog':
        this.packCallSubprog(insn);
        break;
      case 'callx':
        this.put(Op.CALLX, insn.reg, 0, 0, 0);
        break;
      case 'exit':
        this.put(Op.EXIT, 0, 0, 0, 0);
        break;
    }
  }

  /** Word 1: the immediate, a shift count already masked. */
  private packAlu(insn: InsnOf<'alu'>): void {
    const { op, width, operand } = insn;
    const imm = operand.kind === 'imm' ? operand.imm : 0;
    const isShift = op === 'lsh' || op === 'rsh' || op === 'arsh';
    const src = operand.kind === 'reg' ? operand.reg : 0;
    this.put(aluOp(op, width, operand.kind === 'imm'), insn.dst, src, isShift ? imm & (width - 1) : imm, 0);
  }

  private packMovsx(insn: InsnOf<'movsx'>): void {
    const op = insn.width === 32 ? (insn.bits === 8 ? 3 : 4) : insn.bits === 8 ? 0 : insn.bits === 16 ? 1 : 2;
    this.put(Op.MOVSX + op, insn.dst, insn.src, 0, 0);
  }

  private packEndian(insn: InsnOf<'endian'>): void {
    const index = insn.bits === 16 ? 0 : insn.bits === 32 ? 1 : 2;
    if (insn.op !== 'le') this.put(Op.SWAP + index, insn.dst, 0, 0, 0);
    else if (insn.bits === 64) this.put(Op.NOP, 0, 0, 0, 0);
    else this.put(Op.ZERO_EXTEND + index, insn.dst, 0, 0, 0);
  }

  /** Words 1 and 2: the halves of the constant. */
  private packLdImm64(insn: InsnOf<'ld-imm64'>): void {
    if (insn.pseudo === 'const') {
      this.put(Op.LD_IMM64, insn.dst, 0, insn.lo, insn.hi);
      return;
    }
    if (insn.pseudo !== 'func') {
      throw this.error(
        'unresolved-reference',
        `this ${insn.pseudo} reference was not resolved before the run`,
      );
    }
    const pointer = codePointer(this.program, insn.lo);
    if (pointer === undefined) {
      throw this.error(
        'bad-function-pointer',
        `no subprogram starts at slot ${insn.lo}, which this takes the address of`,
      );
    }
    this.put(Op.LD_IMM64, insn.dst, 0, pointer, 0);
  }

  /** Word 1: the offset. */
  private packLoad(insn: InsnOf<'load'>): void {
    const index = sizeIndex(insn.size);
    const kind = insn.signed ? 4 + index : index;
    const isProbe = this.program.probeLoads?.has(this.slot) === true;
    this.put((isProbe ? Op.PROBE_LOAD : Op.LOAD) + kind, insn.dst, insn.src, insn.offset, 0);
  }

  /** Word 1: the offset; word 2: the immediate. */
  private packStore(insn: InsnOf<'store'>): void {
    const { operand } = insn;
    const op = Op.STORE + sizeIndex(insn.size) + (operand.kind === 'imm' ? 4 : 0);
    const src = operand.kind === 'reg' ? operand.reg : 0;
    this.put(op, insn.dst, src, insn.offset, operand.kind === 'imm' ? operand.imm : 0);
  }

  /** Word 1: the offset. */
  private packAtomic(insn: InsnOf<'atomic'>): void {
    const which = ATOMIC_ORDER.indexOf(insn.op) * 4 + (insn.fetch ? 2 : 0) + (insn.size === 8 ? 1 : 0);
    this.put(Op.ATOMIC + which, insn.dst, insn.src, insn.offset, 0);
  }

  /** Word 1: the immediate; word 2: the distance that the jump leads. */
  private packJmp(insn: InsnOf<'jmp'>): void {
    const { operand } = insn;
    const index =
      JMP_ORDER.indexOf(insn.op) * 4 + (insn.width === 32 ? 2 : 0) + (operand.kind === 'imm' ? 1 : 0);
    const src = operand.kind === 'reg' ? operand.reg : 0;
    const imm = operand.kind === 'imm' ? operand.imm : 0;
    this.put(Op.JMP + index, insn.dst, src, imm, this.target(insn.offset));
  }

  /** Word 1: index into `calls`. Becomes CALL_PLAIN when the helper turns out to be one. */
  private packCall(target: CallTarget): void {
    const key = target.kind === 'helper' ? `${target.id}` : `${target.btfId} ${target.module}`;
    let index = this.callIndex.get(key);
    if (index === undefined) {
      index = this.calls.push(target) - 1;
      this.callIndex.set(key, index);
    }
    this.put(Op.CALL_SPECIAL, 0, 0, index, 0);
  }

  /** Word 2: the distance to the subprogram. */
  private packCallSubprog(insn: InsnOf<'call-subprog'>): void {
    const target = this.slot + 1 + insn.offset;
    if (!this.program.subprogs.includes(target)) {
      throw this.error('bad-call-target', `no subprogram starts at slot ${target}, which this calls`);
    }
    this.put(Op.CALL_SUBPROG, 0, 0, 0, this.distance(target));
  }

  /** The distance that a jump leads. */
  private target(offset: number): number {
    const target = this.slot + 1 + offset;
    const { insns } = this.program;
    if (target < 0 || target >= insns.length) {
      throw this.error('jump-out-of-range', `this jumps to slot ${target}; the program has ${insns.length}`);
    }
    if (insns[target] === undefined) {
      throw this.error(
        'jump-out-of-range',
        `this jumps into the middle of the instruction at slot ${target - 1}`,
      );
    }
    return this.distance(target);
  }

  /** Bytes from the row that is packed to that of a slot. */
  private distance(slot: number): number {
    return (slot - this.slot) * ROW_BYTES;
  }

  private error(code: string, message: string): IsaError {
    return new IsaError(code, message, { program: this.program.name, insn: this.slot });
  }
}

function aluOp(op: AluOp, width: 32 | 64, immediate: boolean): number {
  return Op.ALU + ALU_ORDER.indexOf(op) * 4 + (width === 32 ? 2 : 0) + (immediate ? 1 : 0);
}

/** 0 to 3 for 1, 2, 4, 8 bytes. */
function sizeIndex(size: 1 | 2 | 4 | 8): number {
  return 31 - Math.clz32(size);
}
