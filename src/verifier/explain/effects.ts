/** What an instruction reads and writes, as its opcode alone tells: the data flow that a slice follows back. */
import { helperById } from '../../spec/index.ts';
import {
  ATOMIC_CMPXCHG,
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_JMP,
  CLASS_JMP32,
  CLASS_LD,
  CLASS_LDX,
  CLASS_ST,
  CLASS_STX,
  classOf,
  MODE_ATOMIC,
  MODE_IMM,
  MODE_IND,
  modeOf,
  OP_CALL,
  OP_END,
  OP_EXIT,
  OP_JA,
  OP_JCOND,
  OP_MOV,
  OP_NEG,
  opOf,
  type Program,
  SRC_X,
} from '../program.ts';

/** r1 to r5 as a mask. */
const ARGUMENTS = 0x3e;
const FIRST_ARGUMENT = 1;
const LAST_ARGUMENT = 5;

/** The registers that an instruction reads, as bits. Calls of functions: all five argument registers. */
export function readsOf(program: Program, i: number): number {
  const code = program.code[i]!;
  const dst = 1 << program.dst[i]!;
  const src = 1 << program.src[i]!;
  switch (classOf(code)) {
    case CLASS_ALU:
    case CLASS_ALU64: {
      const op = opOf(code);
      if (op === OP_NEG || op === OP_END) return dst;
      return (op === OP_MOV ? 0 : dst) | ((code & SRC_X) === 0 ? 0 : src);
    }
    case CLASS_LDX:
      return src;
    case CLASS_ST:
      return dst;
    case CLASS_STX: {
      const exchange = modeOf(code) === MODE_ATOMIC && program.imm[i] === ATOMIC_CMPXCHG;
      return dst | src | (exchange ? 1 : 0);
    }
    case CLASS_LD:
      if (modeOf(code) === MODE_IMM) return 0;
      return (1 << 6) | (modeOf(code) === MODE_IND ? src : 0);
    case CLASS_JMP:
    case CLASS_JMP32:
      return jumpReads(program, i, dst, src);
    default:
      return 0;
  }
}

function jumpReads(program: Program, i: number, dst: number, src: number): number {
  const code = program.code[i]!;
  switch (opOf(code)) {
    case OP_CALL:
      return program.isHelperCall(i) ? helperReads(program.imm[i]!) : ARGUMENTS;
    case OP_EXIT:
      return 1;
    case OP_JA:
    case OP_JCOND:
      return 0;
    default:
      return dst | ((code & SRC_X) === 0 ? 0 : src);
  }
}

/** The arguments of a helper; none if there is no such helper. */
function helperReads(id: number): number {
  const spec = helperById(id);
  if (spec === undefined) return 0;
  const count = Math.min(spec.proto.args.length + spec.uncheckedArgs, LAST_ARGUMENT);
  let mask = 0;
  for (let reg = FIRST_ARGUMENT; reg < FIRST_ARGUMENT + count; reg++) mask |= 1 << reg;
  return mask;
}

/** It is a conditional jump (may_goto is not: it compares nothing). */
export function isConditional(program: Program, i: number): boolean {
  const code = program.code[i]!;
  const kind = classOf(code);
  if (kind !== CLASS_JMP && kind !== CLASS_JMP32) return false;
  const op = opOf(code);
  return op !== OP_CALL && op !== OP_EXIT && op !== OP_JA && op !== OP_JCOND;
}
