/**
 * Random programs to ask the kernel about: those of the soundness tests, most of them with one instruction spoilt, so that errors of many kinds
 * come up. One seed makes one program. Callbacks need types, which the kernel cannot be asked with this way: programs with some are left out.
 */
import { type RawInsn, rawFromBytes, rawToBytes, SLOT_BYTES } from '../../src/isa/index.ts';
import { Random } from '../soundness/random.ts';
import { randomProgram } from '../soundness/random-program.ts';
import { DATA_FD, MAP_FD } from '../soundness/world.ts';

const LD_IMM64 = 0x18;
const PSEUDO_FUNC = 4;
/** Three programs of four are spoilt. */
const SPOILT = 3 / 4;

/** `count` programs, maps by their numbers 0 and 1 as .prog files want them. */
export function programsToAsk(count: number): RawInsn[][] {
  const programs: RawInsn[][] = [];
  for (let seed = 1; programs.length < count; seed++) {
    const insns = randomProgram(seed);
    if (insns.some(({ opcode, src }) => opcode === LD_IMM64 && src === PSEUDO_FUNC)) continue;
    const random = new Random(seed);
    const numbered = insns.map(byNumber);
    programs.push(random.below(100) < 100 * SPOILT ? spoil(numbered, random) : numbered);
  }
  return programs;
}

function byNumber(insn: RawInsn): RawInsn {
  if (insn.opcode !== LD_IMM64) return insn;
  const number = new Map([
    [MAP_FD, 0],
    [DATA_FD, 1],
  ]).get(insn.imm);
  return number === undefined ? insn : { ...insn, imm: number };
}

/** Changes one instruction, two, or three in one way. */
function spoil(insns: readonly RawInsn[], random: Random): RawInsn[] {
  const bytes = rawToBytes(insns, 'little');
  for (let times = random.between(1, 3); times > 0; times--) {
    const at = SLOT_BYTES * random.below(insns.length);
    const from = SLOT_BYTES * random.below(insns.length);
    switch (random.below(6)) {
      case 0: // another instruction in its place
        bytes.copyWithin(at, from, from + SLOT_BYTES);
        break;
      case 1: // other registers
        bytes[at + 1] = random.below(11) | (random.below(11) << 4);
        break;
      case 2: // another offset
        bytes[at + 2] = random.between(-40, 40);
        break;
      case 3: // another constant
        bytes[at + 4] = random.pick([0, 1, 7, 8, 64, 127, 255]);
        break;
      case 4: // another operation
        bytes[at] = bytes[from]!;
        break;
      default:
        bytes[at + random.below(SLOT_BYTES)] = random.below(256);
    }
  }
  return rawFromBytes(bytes, 'little');
}
