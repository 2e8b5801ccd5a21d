/** Which register or stack slot a failure is about: the message names it, or the instruction reads only one that can be meant. */
import type { VerifierFailure } from '../input.ts';
import {
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_LDX,
  CLASS_ST,
  CLASS_STX,
  classOf,
  type Program,
  SRC_X,
} from '../program.ts';
import { REGISTERS } from '../state/layout.ts';
import type { PathRecorder } from './path.ts';
import { type Location, registerLocation, slotLocation } from './slice.ts';

/** Messages that name a register. */
const REGISTER = /\bR(\d+)\b/;
const ARGUMENT = /\b(?:helper arg|trusted arg)(\d)/;
/** The bytes begin inside of the stack. */
const STACK_AND_SIZE =
  /^invalid indirect access to stack R([1-4]) off=-(?:\d|[1-9]\d|[1-4]\d\d|50\d|51[0-2]) size=\d+$/;
const STACK_READ = /read from stack (?:R\d+ )?off (-?\d+)\+(\d+)/;

/** What the failure at the end of a path is about; undefined if it is about no value. `frame` is the running one. */
export function culpritOf(
  program: Program,
  failure: VerifierFailure,
  lines: readonly string[],
  frame: number,
): Location | undefined {
  if (NO_CULPRIT.has(failure.code)) return undefined;
  const { message } = failure;
  const stack = STACK_READ.exec(message);
  if (stack !== null) {
    const off = Number(stack[1]) + Number(stack[2]);
    return off < 0 && off >= -512 ? slotLocation(frame, (-off - 1) >> 3) : undefined;
  }
  // A helper's memory that is too small for its size: the size is in the next argument.
  const size = STACK_AND_SIZE.exec(message);
  if (size !== null) return registerLocation(frame, Number(size[1]) + 1);
  for (const text of [message, ...lines]) {
    const reg = Number((REGISTER.exec(text) ?? ARGUMENT.exec(text))?.[1] ?? -1);
    if (reg >= 0 && reg < REGISTERS) return registerLocation(frame, reg);
  }
  const reg = failure.insn === undefined ? -1 : operandOf(program, failure.insn);
  return reg < 0 ? undefined : registerLocation(frame, reg);
}

/** The register that a message without a name can only mean: what is accessed, or what is added to a pointer. */
function operandOf(program: Program, insn: number): number {
  const code = program.code[insn]!;
  switch (classOf(code)) {
    case CLASS_LDX:
      return program.src[insn]!;
    case CLASS_ST:
    case CLASS_STX:
      return program.dst[insn]!;
    case CLASS_ALU:
    case CLASS_ALU64:
      return (code & SRC_X) === 0 ? program.dst[insn]! : program.src[insn]!;
    default:
      return -1;
  }
}

/** Failures that are about no value although their text may have a register in it. */
const NO_CULPRIT: ReadonlySet<string> = new Set([
  'backtracking-too-long',
  'infinite-loop',
  'out-of-memory',
  'reference-leak',
  'too-complex',
  'too-many-jumps',
  'bad-register',
  'spin-lock',
  'call-with-lock',
]);

/** The last step of the path that ran instruction `insn`, or -1. */
export function lastVisit(path: PathRecorder, insn: number, end: number): number {
  for (let i = end - 1; i >= 0; i--) if (path.insn(i) === insn) return i;
  return -1;
}
