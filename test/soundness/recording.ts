/**
 * The walk as a graph: every state at every instruction, and which one follows which. A path that ended at a checkpoint goes on where
 * that was made; what need not have been the same there is noted on the edge.
 */
import { baseType } from '../../src/spec/index.ts';
import { REG_WORDS } from '../../src/verifier/domain/layout.ts';
import type { MapInfo, VerifierObserver, VerifierState, Walk } from '../../src/verifier/index.ts';
import { CLASS_ALU, CLASS_ALU64, classOf } from '../../src/verifier/program.ts';
import { loopEntryOf } from '../../src/verifier/prune/loops.ts';
import {
  AUX,
  FIRST_SLOT,
  isRead,
  isSpill,
  PRECISE,
  REGISTERS,
  regAt,
  SLOT_RECORDS,
  slotAt,
  TYPE,
} from '../../src/verifier/state/layout.ts';
import { CONST_PTR_TO_MAP, PTR_TO_MAP_VALUE, SCALAR_VALUE } from '../../src/verifier/state/reg-type.ts';

/** Registers and slots of a frame, by record number, that a checkpoint does not vouch for. */
export type Doubt = Uint8Array;
export const CERTAIN = 0;
/** A scalar that nothing depended on: it, and what is computed of it, may be anything. */
export const LOOSE = 1;
/** Never read before it is written: reading it would be an error of the verifier. */
export const DEAD = 2;
/** Records of a frame: registers, then stack slots. */
export const RECORDS = REGISTERS + 64;

/** What follows a state. */
export interface Edge {
  readonly to: Node;
  /** By frame; undefined if the state follows as it is. */
  readonly doubts: readonly Doubt[] | undefined;
}

/** A frame of a recorded state. */
export interface RecordedFrame {
  readonly words: Int32Array;
  readonly slots: number;
}

/** One state at one instruction. */
export interface Node {
  readonly insn: number;
  readonly frames: readonly RecordedFrame[];
  readonly next: Edge[];
  /** Other states for the same visit of the same instruction: the walk split it in two. */
  readonly again: Edge[];
}

/** Records as an observer. */
export class Recording implements VerifierObserver {
  readonly nodes: Node[] = [];
  /** Where functions that are walked by themselves begin, by number. */
  readonly entries = new Map<number, Node>();
  /** Maps by the number that registers hold. */
  readonly maps = new Map<number, MapInfo>();
  /** The walk became longer than `limit` states: the graph is not complete. */
  overflowed = false;
  private readonly limit: number;
  private readonly pending: { readonly from: Node; readonly again: boolean }[] = [];
  private readonly madeAt = new WeakMap<VerifierState, Node>();
  private current: Node = { insn: -1, frames: [], next: [], again: [] };
  private again = false;
  private checkpointMade: VerifierState | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  begin(_walk: Walk, subprog: number): void {
    this.current = { insn: -1, frames: [], next: [], again: [] };
    this.entries.set(subprog, this.current);
  }

  checkpoint(_walk: Walk, state: VerifierState): void {
    this.checkpointMade = state;
  }

  step(walk: Walk): void {
    if (this.nodes.length >= this.limit) this.overflowed = true;
    if (this.overflowed) return;
    const frames = walk.state.frames.map(({ words, slots }) => ({
      words: words.slice(0, SLOT_RECORDS + slots * REG_WORDS),
      slots,
    }));
    this.noteMaps(walk, frames);
    const node: Node = { insn: walk.insn, frames, next: [], again: [] };
    this.nodes.push(node);
    this.follow({ to: node, doubts: undefined });
    if (this.checkpointMade !== undefined) this.madeAt.set(this.checkpointMade, node);
    this.checkpointMade = undefined;
    this.current = node;
  }

  push(walk: Walk, _state: VerifierState, insn: number): void {
    const opcodeClass = classOf(walk.program.code[insn]!);
    const again = insn === walk.insn && (opcodeClass === CLASS_ALU || opcodeClass === CLASS_ALU64);
    this.pending.push({ from: this.current, again });
  }

  pop(): void {
    const { from, again } = this.pending.pop()!;
    this.current = from;
    this.again = again;
  }

  prune(_walk: Walk, state: VerifierState): void {
    const to = this.madeAt.get(state);
    if (to !== undefined) this.follow({ to, doubts: doubtsOf(state) });
  }

  private follow(edge: Edge): void {
    (this.again ? this.current.again : this.current.next).push(edge);
    this.again = false;
  }

  private noteMaps(walk: Walk, frames: readonly RecordedFrame[]): void {
    for (const { words, slots } of frames)
      for (let record = 0; record < REGISTERS + slots; record++) {
        const o = record < REGISTERS ? regAt(record) : slotAt(words, record - REGISTERS);
        const base = baseType(words[o + TYPE]!);
        const map = words[o + AUX]!;
        if ((base === PTR_TO_MAP_VALUE || base === CONST_PTR_TO_MAP) && map > 0 && !this.maps.has(map))
          this.maps.set(map, walk.mapOf(map).info);
      }
  }
}

/**
 * What a checkpoint did not ask for. One that is not finished, or whose loop is not, asked for everything (COVERED in
 * prune/equal.ts): its marks are not complete yet.
 */
function doubtsOf(state: VerifierState): readonly Doubt[] | undefined {
  const entry = loopEntryOf(state);
  if (state.branches > 0 || (entry !== undefined && entry.branches > 0)) return undefined;
  return state.frames.map(({ words, slots }) => {
    const doubts = new Uint8Array(RECORDS);
    for (let reg = 0; reg < REGISTERS - 1; reg++) doubts[reg] = doubtOf(words, reg, regAt(reg));
    for (let spi = 0; spi < slots; spi++)
      doubts[REGISTERS + spi] = doubtOf(
        words,
        FIRST_SLOT + spi,
        isSpill(words, spi) ? slotAt(words, spi) : -1,
      );
    return doubts;
  });
}

/** Of a register or slot; `o` is its record, -1 for a slot that holds no register. */
function doubtOf(words: Int32Array, record: number, o: number): number {
  if (!isRead(words, record)) return DEAD;
  return o >= 0 && words[o + TYPE] === SCALAR_VALUE && words[o + PRECISE] === 0 ? LOOSE : CERTAIN;
}
