/**
 * How doubt spreads along a concrete run. Where a path ended at a checkpoint, the verifier did not compare what nothing depends on; so
 * such a record, and all that is computed from it, says nothing of the concrete value any more, until it is overwritten.
 */
import type { RawInsn } from '../../src/isa/index.ts';
import {
  ATOMIC_CMPXCHG,
  ATOMIC_FETCH,
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_JMP,
  CLASS_JMP32,
  CLASS_LD,
  CLASS_LDX,
  CLASS_STX,
  classOf,
  MODE_ATOMIC,
  modeOf,
  OP_CALL,
  OP_END,
  OP_EXIT,
  OP_JA,
  OP_MOV,
  opOf,
  PSEUDO_CALL,
  SRC_X,
  sizeOf,
} from '../../src/verifier/program.ts';
import {
  ADD_CONST,
  FP,
  ID,
  isSpill,
  REGISTERS,
  regAt,
  slotAt,
  TYPE,
} from '../../src/verifier/state/layout.ts';
import { SCALAR_VALUE } from '../../src/verifier/state/reg-type.ts';
import { CERTAIN, DEAD, type Doubt, LOOSE, type Node, RECORDS } from './recording.ts';

/** Where a load or store went: a frame's slots, if it was one; `whole` if all bytes of the slot. */
export interface StackPlace {
  readonly frame: number;
  readonly slot: number;
  readonly whole: boolean;
}

/** What one instruction did. */
export interface Executed {
  readonly insn: RawInsn;
  /** The stack that it accessed, if any. */
  readonly place: StackPlace | undefined;
}

/** Takes an instruction that `node` is about. Returns a record that should not have been read, or undefined. */
export function spread(doubts: Doubt[], node: Node, { insn, place }: Executed): string | undefined {
  const running = doubts[doubts.length - 1]!;
  const code = insn.opcode;
  const opcodeClass = classOf(code);
  const dead = readsOf(insn).find((reg) => running[reg] === DEAD);
  if (dead !== undefined) return `r${dead}, which no path reads from here on, is read`;
  switch (opcodeClass) {
    case CLASS_ALU:
    case CLASS_ALU64: {
      const keeps = opOf(code) !== OP_MOV;
      const from = (code & SRC_X) !== 0 && opOf(code) !== OP_END ? running[insn.src]! : CERTAIN;
      running[insn.dst] = (keeps ? running[insn.dst]! : CERTAIN) | from;
      return undefined;
    }
    case CLASS_LD:
      running[insn.dst] = CERTAIN;
      return undefined;
    case CLASS_LDX: {
      const slot = slotDoubt(doubts, place);
      if (slot === DEAD) return `fp-${8 * place!.slot + 8}, which no path reads from here on, is read`;
      running[insn.dst] = slot;
      return undefined;
    }
    case CLASS_JMP:
    case CLASS_JMP32:
      jump(doubts, node, insn);
      return undefined;
    default:
      store(doubts, insn, place);
      return undefined;
  }
}

/** Registers that the instruction reads by itself; what calls read is up to what is called. */
function readsOf(insn: RawInsn): readonly number[] {
  const code = insn.opcode;
  switch (classOf(code)) {
    case CLASS_ALU:
    case CLASS_ALU64: {
      const source = (code & SRC_X) !== 0 && opOf(code) !== OP_END ? [insn.src] : [];
      return opOf(code) === OP_MOV ? source : [insn.dst, ...source];
    }
    case CLASS_LD:
      return [];
    case CLASS_LDX:
      return [insn.src];
    case CLASS_JMP:
    case CLASS_JMP32:
      if (opOf(code) === OP_CALL || opOf(code) === OP_EXIT || opOf(code) === OP_JA) return [];
      return (code & SRC_X) !== 0 ? [insn.dst, insn.src] : [insn.dst];
    case CLASS_STX:
      return [insn.dst, insn.src];
    default:
      return [insn.dst];
  }
}

function slotDoubt(doubts: readonly Doubt[], place: StackPlace | undefined): number {
  return place === undefined ? CERTAIN : doubts[place.frame]![REGISTERS + place.slot]!;
}

function store(doubts: readonly Doubt[], insn: RawInsn, place: StackPlace | undefined): void {
  const running = doubts[doubts.length - 1]!;
  const stored = classOf(insn.opcode) === CLASS_STX ? running[insn.src]! : CERTAIN;
  const atomic = classOf(insn.opcode) === CLASS_STX && modeOf(insn.opcode) === MODE_ATOMIC;
  const before = slotDoubt(doubts, place);
  if (place !== undefined) {
    const keeps = atomic || !place.whole || sizeOf(insn.opcode) !== 8;
    // A slot that is dead and written in part may be read in that part.
    const kept = keeps && before !== CERTAIN ? LOOSE : CERTAIN;
    doubts[place.frame]![REGISTERS + place.slot] = kept | (stored === CERTAIN ? CERTAIN : LOOSE);
  }
  if (!atomic || (insn.imm & ATOMIC_FETCH) === 0) return;
  running[insn.imm === ATOMIC_CMPXCHG ? 0 : insn.src] = before === CERTAIN ? CERTAIN : LOOSE;
}

function jump(doubts: Doubt[], node: Node, insn: RawInsn): void {
  const running = doubts[doubts.length - 1]!;
  const op = opOf(insn.opcode);
  if (op === OP_CALL) {
    if (insn.src === PSEUDO_CALL) enter(doubts);
    else running.fill(CERTAIN, 0, 6);
  } else if (op === OP_EXIT) leave(doubts);
  else if (op !== OP_JA) compare(doubts, node, insn);
}

/** A static function takes r1 to r5. */
function enter(doubts: Doubt[]): void {
  const running = doubts[doubts.length - 1]!;
  const callee = new Uint8Array(RECORDS);
  callee.set(running.subarray(1, 6), 1);
  running.fill(CERTAIN, 0, 6);
  doubts.push(callee);
}

/** It gives r0 back. */
function leave(doubts: Doubt[]): void {
  if (doubts.length === 1) return;
  const callee = doubts.pop()!;
  const caller = doubts[doubts.length - 1]!;
  caller.fill(CERTAIN, 1, 6);
  caller[0] = callee[0]!;
}

/**
 * A comparison tells the verifier something of both operands and of all scalars that are linked with them: if one is in doubt, all are
 * afterwards.
 */
function compare(doubts: readonly Doubt[], node: Node, insn: RawInsn): void {
  const running = doubts[doubts.length - 1]!;
  const { words } = node.frames[node.frames.length - 1]!;
  const operands = (insn.opcode & SRC_X) !== 0 ? [insn.dst, insn.src] : [insn.dst];
  if (operands.every((reg) => running[reg] === CERTAIN)) return;
  const ids = operands
    .filter((reg) => words[regAt(reg) + TYPE] === SCALAR_VALUE)
    .map((reg) => words[regAt(reg) + ID]! & ~ADD_CONST);
  for (const reg of operands)
    if (reg !== FP && words[regAt(reg) + TYPE] === SCALAR_VALUE) running[reg] = LOOSE;
  node.frames.forEach((frame, fr) => {
    const linked = (o: number): boolean =>
      frame.words[o + TYPE] === SCALAR_VALUE &&
      frame.words[o + ID] !== 0 &&
      ids.includes(frame.words[o + ID]! & ~ADD_CONST);
    for (let reg = 0; reg < FP; reg++) if (linked(regAt(reg))) doubts[fr]![reg]! |= LOOSE;
    for (let spi = 0; spi < frame.slots; spi++)
      if (isSpill(frame.words, spi) && linked(slotAt(frame.words, spi)))
        doubts[fr]![REGISTERS + spi]! |= LOOSE;
  });
}
