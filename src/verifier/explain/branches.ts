/** The conditional jumps of the failing path: which way it went at each. */
import { CLASS_JMP32, classOf, opOf, type Program, SRC_X } from '../program.ts';
import { isConditional } from './effects.ts';
import type { PathRecorder } from './path.ts';
import type { Places } from './places.ts';
import type { BranchFact } from './types.ts';

/** What holds where a jump is taken, and where it is not, by the upper four bits of the opcode. */
const CONDITIONS: Readonly<Record<number, readonly [taken: string, not: string]>> = {
  16: ['==', '!='],
  32: ['>', '<='],
  48: ['>=', '<'],
  64: ['&', '&'],
  80: ['!=', '=='],
  96: ['s>', 's<='],
  112: ['s>=', 's<'],
  160: ['<', '>='],
  176: ['<=', '>'],
  192: ['s<', 's>='],
  208: ['s<=', 's>'],
};
const BIT_TEST = 0x40;

/** What is known to hold on one side of a conditional jump: `r1 <= 5`, `r1 & 4 is zero`. */
export function conditionText(program: Program, insn: number, taken: boolean): string {
  const code = program.code[insn]!;
  const letter = classOf(code) === CLASS_JMP32 ? 'w' : 'r';
  const left = `${letter}${program.dst[insn]}`;
  const right = (code & SRC_X) === 0 ? `${program.imm[insn]}` : `${letter}${program.src[insn]}`;
  const op = opOf(code);
  const sign = CONDITIONS[op]?.[taken ? 0 : 1] ?? '?';
  const text = `${left} ${sign} ${right}`;
  if (op !== BIT_TEST) return text;
  return `${text} is ${taken ? 'not zero' : 'zero'}`;
}

/** Whether the path took the jump that is step `i`; `next` is the instruction that came after it. */
export function wasTaken(program: Program, insn: number, next: number): boolean {
  return next === insn + program.off[insn]! + 1;
}

/** The jumps in order; each side of each once, where the path last went that way. `last`: the instruction after the path's end. */
export function branchFacts(
  program: Program,
  path: PathRecorder,
  end: number,
  last: number,
  places: Places,
): BranchFact[] {
  const seen = new Map<number, { index: number; times: number; taken: boolean }>();
  for (let i = 0; i < end; i++) {
    const insn = path.insn(i);
    if (!isConditional(program, insn)) continue;
    const taken = wasTaken(program, insn, i + 1 < path.length ? path.insn(i + 1) : last);
    const key = 2 * insn + (taken ? 1 : 0);
    const before = seen.get(key);
    seen.set(key, { index: i, times: (before?.times ?? 0) + 1, taken });
  }
  return [...seen.values()]
    .sort((a, b) => a.index - b.index)
    .map(({ index, times, taken }) => ({
      place: places.at(path.insn(index)),
      condition: conditionText(program, path.insn(index), taken),
      taken,
      decided: path.isDecided(index),
      times,
    }));
}
