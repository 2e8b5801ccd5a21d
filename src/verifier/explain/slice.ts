/**
 * Backwards along the failing path from the offending value: which instructions made it what it is. Follows moves, arithmetic, spills and
 * fills, arguments and results of calls; ends at constants, loads from memory and what helpers return.
 */
import {
  ATOMIC_CMPXCHG,
  CLASS_ALU,
  CLASS_ALU64,
  CLASS_LD,
  CLASS_LDX,
  CLASS_ST,
  CLASS_STX,
  classOf,
  JMP_CALL,
  JMP_EXIT,
  MODE_ATOMIC,
  MODE_IMM,
  modeOf,
  OP_END,
  OP_MOV,
  OP_NEG,
  opOf,
  type Program,
  SRC_X,
} from '../program.ts';
import { REGISTERS } from '../state/layout.ts';
import type { PathRecorder } from './path.ts';

/** A register or stack slot of a frame, as one number. */
export type Location = number;

const FRAME_STRIDE = 128;

/** The register of a frame. */
export function registerLocation(frame: number, reg: number): Location {
  return frame * FRAME_STRIDE + reg;
}
/** The stack slot of a frame. */
export function slotLocation(frame: number, slot: number): Location {
  return frame * FRAME_STRIDE + REGISTERS + slot;
}
/** The frame that a location is of. */
export function frameOfLocation(location: Location): number {
  return Math.floor(location / FRAME_STRIDE);
}
/** Number of the record in its frame: registers, then slots. */
export function recordOfLocation(location: Location): number {
  return location % FRAME_STRIDE;
}
/** `R1`, or `fp-8`. */
export function nameOfLocation(location: Location): string {
  const record = recordOfLocation(location);
  return record < REGISTERS ? `R${record}` : `fp-${8 * (record - REGISTERS + 1)}`;
}

/** How a value came to be where it is. */
export type OriginKind =
  | 'constant'
  | 'address'
  | 'copy'
  | 'arithmetic'
  | 'load'
  | 'fill'
  | 'spill'
  | 'argument'
  | 'result'
  | 'callback'
  | 'helper'
  | 'global'
  | 'written'
  | 'clobbered';

/** One definition on the path. */
export interface Definition {
  /** Step of the path. */
  readonly index: number;
  readonly location: Location;
  readonly kind: OriginKind;
  /** What it was made from. */
  readonly sources: readonly Location[];
}

/** Definitions that are kept; a path through a long loop has many that say the same. */
const MAX_DEFINITIONS = 100_000;

/** The definitions that the wanted locations have at the end of the path, latest first. `end`: steps that were carried out. */
export function sliceBack(
  program: Program,
  path: PathRecorder,
  end: number,
  endFrame: number,
  wanted: readonly Location[],
): Definition[] {
  const open = new Set(wanted);
  const found: Definition[] = [];
  for (let i = end - 1; i >= 0 && open.size > 0 && found.length < MAX_DEFINITIONS; i--) {
    const after = i + 1 < end ? path.frame(i + 1) : endFrame;
    for (const definition of definitionsAt(program, path, i, after, open)) {
      open.delete(definition.location);
      found.push(definition);
    }
    // After all deletions: `r1 = r1 + r2` defines what it reads.
    for (let k = found.length - 1; k >= 0 && found[k]!.index === i; k--)
      for (const source of found[k]!.sources) open.add(source);
    // A new frame knows nothing of an earlier one with its number.
    if (after > path.frame(i)) for (const one of open) if (frameOfLocation(one) >= after) open.delete(one);
  }
  return found;
}

function definitionsAt(
  program: Program,
  path: PathRecorder,
  i: number,
  after: number,
  open: ReadonlySet<Location>,
): Definition[] {
  const insn = path.insn(i);
  const frame = path.frame(i);
  const code = program.code[insn]!;
  if (code === JMP_CALL || code === JMP_EXIT) return callDefinitions(program, path, i, after, open);
  const one = ordinaryDefinition(program, path, i, insn, frame);
  return one !== undefined && open.has(one.location) ? [one] : [];
}

/** What an instruction other than a call defines. */
function ordinaryDefinition(
  program: Program,
  path: PathRecorder,
  index: number,
  insn: number,
  frame: number,
): Definition | undefined {
  const code = program.code[insn]!;
  const dst = registerLocation(frame, program.dst[insn]!);
  const src = registerLocation(frame, program.src[insn]!);
  const make = (location: Location, kind: OriginKind, sources: readonly Location[]): Definition => ({
    index,
    location,
    kind,
    sources,
  });
  switch (classOf(code)) {
    case CLASS_ALU:
    case CLASS_ALU64: {
      const op = opOf(code);
      const fromReg = (code & SRC_X) !== 0;
      if (op === OP_MOV) return fromReg ? make(dst, 'copy', [src]) : make(dst, 'constant', []);
      if (op === OP_NEG || op === OP_END || !fromReg || src === dst) return make(dst, 'arithmetic', [dst]);
      return make(dst, 'arithmetic', [dst, src]);
    }
    case CLASS_LD:
      if (modeOf(code) !== MODE_IMM) return make(registerLocation(frame, 0), 'load', []);
      return make(dst, program.src[insn] === 0 ? 'constant' : 'address', []);
    case CLASS_LDX:
      return loadInto(path, index, dst, make);
    case CLASS_STX:
    case CLASS_ST:
      return storeDefinition(program, path, index, insn, frame, make);
    default:
      return undefined;
  }
}

type Make = (location: Location, kind: OriginKind, sources: readonly Location[]) => Definition;

function loadInto(path: PathRecorder, index: number, target: Location, make: Make): Definition {
  const place = path.slot(index);
  if (place === undefined) return make(target, 'load', []);
  return make(target, 'fill', [slotLocation(place.frame, place.slot)]);
}

function storeDefinition(
  program: Program,
  path: PathRecorder,
  index: number,
  insn: number,
  frame: number,
  make: Make,
): Definition | undefined {
  if (modeOf(program.code[insn]!) === MODE_ATOMIC) {
    if (!program.isAtomicFetch(insn)) return undefined;
    const loaded = program.imm[insn] === ATOMIC_CMPXCHG ? 0 : program.src[insn]!;
    return make(registerLocation(frame, loaded), 'load', []);
  }
  const place = path.slot(index);
  if (place === undefined) return undefined;
  const slot = slotLocation(place.frame, place.slot);
  const stored = classOf(program.code[insn]!) === CLASS_STX;
  return make(slot, 'spill', stored ? [registerLocation(frame, program.src[insn]!)] : []);
}

/** Calls and returns; `after` is the frame that runs next. */
function callDefinitions(
  program: Program,
  path: PathRecorder,
  index: number,
  after: number,
  open: ReadonlySet<Location>,
): Definition[] {
  const insn = path.insn(index);
  const frame = path.frame(index);
  const found: Definition[] = [];
  const add = (location: Location, kind: OriginKind, sources: readonly Location[]): void => {
    if (open.has(location)) found.push({ index, location, kind, sources });
  };
  if (program.code[insn] === JMP_EXIT) {
    if (after >= frame) return found;
    add(registerLocation(after, 0), 'result', [registerLocation(frame, 0)]);
    for (let reg = 1; reg <= 5; reg++) add(registerLocation(after, reg), 'clobbered', []);
    return found;
  }
  const entersProgram = after > frame && program.isSubprogCall(insn);
  if (after > frame) {
    for (let reg = 1; reg <= 5; reg++) {
      const argument = registerLocation(after, reg);
      if (entersProgram) add(argument, 'argument', [registerLocation(frame, reg)]);
      else add(argument, 'callback', []);
    }
    return found;
  }
  add(registerLocation(frame, 0), program.isSubprogCall(insn) ? 'global' : 'helper', []);
  for (let reg = 1; reg <= 5; reg++) add(registerLocation(frame, reg), 'clobbered', []);
  for (const location of open) {
    const slot = recordOfLocation(location) - REGISTERS;
    if (slot >= 0 && frameOfLocation(location) === frame && path.touched(index, slot))
      add(location, 'written', []);
  }
  return found;
}
