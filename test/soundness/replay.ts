/**
 * Follows concrete runs through a recorded walk. Claim: at every instruction some recorded state, reached by edges along the way that the
 * run took, contains every register of the running function and every readable stack slot of all functions, apart from
 * what the edge of a pruned path put in doubt and what was computed from that.
 */
import type { RawInsn } from '../../src/isa/index.ts';
import {
  CLASS_LDX,
  CLASS_ST,
  CLASS_STX,
  classOf,
  JMP_CALL,
  JMP_EXIT,
  PSEUDO_CALL,
  sizeOf,
} from '../../src/verifier/program.ts';
import {
  FP,
  isSpill,
  REGISTERS,
  regAt,
  STACK_SPILL,
  STACK_ZERO,
  slotAt,
  slotKind,
  TYPE,
} from '../../src/verifier/state/layout.ts';
import { SCALAR_VALUE } from '../../src/verifier/state/reg-type.ts';
import type { Interpreter, Memory } from '../../src/vm/index.ts';
import { contains, containsLow, type Regions } from './contain.ts';
import { type Executed, type StackPlace, spread } from './doubts.ts';
import { type Doubt, type Edge, type Node, RECORDS, type Recording } from './recording.ts';

/** A recorded state that may be the one of the concrete run. */
interface Candidate {
  readonly node: Node;
  /** By frame; empty while nothing is in doubt. */
  readonly doubts: Doubt[];
}

/** A concrete state outside of all recorded ones. */
export class Miss extends Error {}

/** More ways than this at once never occur with small programs. */
const MAX_CANDIDATES = 64;
const STACK_SIZE = 512;

/** What runs are compared with. */
export interface Subject {
  readonly recording: Recording;
  readonly insns: readonly RawInsn[];
  readonly memory: Memory;
}

/** One concrete run. `onInsn` goes to the interpreter. */
export class Replay {
  steps = 0;
  /** Register and slot values that were compared, and those that were in doubt. */
  compared = 0;
  doubted = 0;
  private readonly subject: Subject;
  private readonly regions: Regions & { readonly framePointers: number[] };
  private candidates: readonly Candidate[];
  private previous: Executed | undefined;
  private previousSlot = -1;
  private why = '';

  constructor(subject: Subject, regions: Omit<Regions, 'framePointers'>) {
    this.subject = subject;
    this.regions = { ...regions, framePointers: [] };
    this.candidates = [{ node: subject.recording.entries.get(0)!, doubts: [] }];
  }

  readonly onInsn = (interpreter: Interpreter): void => {
    const { slot, depth, registers } = interpreter;
    this.steps++;
    this.regions.framePointers.length = depth;
    this.regions.framePointers[depth - 1] = registers[2 * FP]!;
    this.why = '';
    const found: Candidate[] = [];
    for (const candidate of this.candidates) this.advance(candidate, slot, depth, found);
    const fitting = found.filter((candidate) => this.fits(candidate, registers));
    if (fitting.length === 0 || fitting.length > MAX_CANDIDATES) {
      const why = found.length === 0 && this.why === '' ? 'the walk was never here on this way' : this.why;
      throw new Miss(`insn ${slot} (after ${this.previousSlot}), frame ${depth - 1}: ${why}`);
    }
    this.candidates = fitting;
    const insn = this.subject.insns[slot]!;
    this.previous = { insn, place: this.placeOf(insn, registers) };
    this.previousSlot = slot;
  };

  /** Adds what follows a candidate at this instruction. */
  private advance({ node, doubts }: Candidate, slot: number, depth: number, found: Candidate[]): void {
    const after = doubts.map((doubt) => doubt.slice());
    if (this.previous !== undefined && after.length > 0) {
      const fault = spread(after, node, this.previous);
      if (fault !== undefined) {
        this.why = fault;
        return;
      }
    }
    for (const edge of node.next) this.follow(edge, after, slot, depth, found, true);
  }

  private follow(
    edge: Edge,
    doubts: readonly Doubt[],
    slot: number,
    depth: number,
    found: Candidate[],
    mayRepeat: boolean,
  ): void {
    const { to } = edge;
    const own = joined(doubts, edge.doubts, to.frames.length);
    if (to.insn === slot && to.frames.length === depth) {
      found.push({ node: to, doubts: own });
      for (const other of to.again) this.follow(other, own, slot, depth, found, false);
    } else if (mayRepeat && this.previous?.insn.opcode === JMP_EXIT && this.callsBack(to.insn)) {
      // The walk comes back to a helper call after each round of its callback; the run goes on with the next round, or after it.
      const rounds = own.map((doubt) => doubt.slice());
      const running = rounds[rounds.length - 1];
      running?.fill(0, 0, 6);
      for (const next of to.next) this.follow(next, rounds, slot, depth, found, false);
    }
  }

  private callsBack(slot: number): boolean {
    const insn = this.subject.insns[slot];
    return insn?.opcode === JMP_CALL && insn.src !== PSEUDO_CALL;
  }

  private fits({ node, doubts }: Candidate, registers: Int32Array): boolean {
    const last = node.frames.length - 1;
    const { words } = node.frames[last]!;
    const doubt = doubts[last];
    for (let reg = 0; reg < REGISTERS; reg++) {
      if (doubt !== undefined && doubt[reg] !== 0) {
        this.doubted++;
        continue;
      }
      this.compared++;
      if (contains(words, regAt(reg), registers[2 * reg]!, registers[2 * reg + 1]!, this.regions)) continue;
      this.why = `r${reg} is ${hex(registers[2 * reg]!, registers[2 * reg + 1]!)}`;
      return false;
    }
    for (let fr = 0; fr <= last; fr++) if (!this.stackFits(node, fr, doubts[fr])) return false;
    return true;
  }

  private stackFits(node: Node, fr: number, doubt: Doubt | undefined): boolean {
    const { words, slots } = node.frames[fr]!;
    const { view } = this.subject.memory;
    for (let spi = 0; spi < slots; spi++) {
      if (doubt !== undefined && doubt[REGISTERS + spi] !== 0) {
        this.doubted++;
        continue;
      }
      const address = this.regions.framePointers[fr]! - 8 * spi - 8;
      this.compared++;
      if (this.slotFits(words, spi, view, address)) continue;
      const value = hex(view.getInt32(address, true), view.getInt32(address + 4, true));
      this.why = `frame ${fr} fp-${8 * spi + 8} is ${value}`;
      return false;
    }
    return true;
  }

  /** A spilled register, whole or its lower bytes, or bytes that are zero. Byte 7 of a slot is the one at the lowest address. */
  private slotFits(words: Int32Array, spi: number, view: DataView, address: number): boolean {
    if (isSpill(words, spi)) {
      const o = slotAt(words, spi);
      if (slotKind(words, spi, 0) === STACK_SPILL)
        return contains(
          words,
          o,
          view.getInt32(address, true),
          view.getInt32(address + 4, true),
          this.regions,
        );
      let size = 1;
      while (slotKind(words, spi, 7 - size) === STACK_SPILL) size++;
      let low = 0;
      for (let i = 0; i < Math.min(size, 4); i++) low |= view.getUint8(address + i) << (8 * i);
      if (words[o + TYPE] === SCALAR_VALUE && size <= 4 && !containsLow(words, o, low, size)) return false;
    }
    for (let i = 0; i < 8; i++)
      if (slotKind(words, spi, i) === STACK_ZERO && view.getUint8(address + 7 - i) !== 0) return false;
    return true;
  }

  /** The stack that an instruction is about to access. */
  private placeOf(insn: RawInsn, registers: Int32Array): StackPlace | undefined {
    const opcodeClass = classOf(insn.opcode);
    if (opcodeClass !== CLASS_LDX && opcodeClass !== CLASS_STX && opcodeClass !== CLASS_ST) return undefined;
    const base = opcodeClass === CLASS_LDX ? insn.src : insn.dst;
    const address = registers[2 * base]! + insn.offset;
    const frame = this.regions.framePointers.findIndex((fp) => address < fp && address >= fp - STACK_SIZE);
    if (frame < 0) return undefined;
    const below = this.regions.framePointers[frame]! - address;
    const slot = (below - 1) >> 3;
    return { frame, slot, whole: sizeOf(insn.opcode) === 8 && below === 8 * slot + 8 };
  }
}

/** Doubts of a path and those of an edge, together; empty if there are none. */
function joined(doubts: readonly Doubt[], more: readonly Doubt[] | undefined, frames: number): Doubt[] {
  if (doubts.length === 0 && more === undefined) return [];
  const all: Doubt[] = [];
  let any = 0;
  for (let fr = 0; fr < frames; fr++) {
    const doubt = doubts[fr]?.slice() ?? new Uint8Array(RECORDS);
    const added = more?.[fr];
    if (added !== undefined) for (let i = 0; i < RECORDS; i++) doubt[i]! |= added[i]!;
    for (let i = 0; i < RECORDS; i++) any |= doubt[i]!;
    all.push(doubt);
  }
  return any === 0 ? [] : all;
}

function hex(lo: number, hi: number): string {
  return `0x${((BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)).toString(16)}`;
}
