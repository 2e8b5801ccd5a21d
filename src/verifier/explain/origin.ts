/** The definitions of a slice as facts for people: each instruction once, the last time the path ran it. */

import { helperText } from '../call/prototype.ts';
import {
  CLASS_ALU64,
  CLASS_LDX,
  classOf,
  MODE_MEMSX,
  modeOf,
  OP_MOV,
  opOf,
  type Program,
  sizeOf,
} from '../program.ts';
import { conditionText, wasTaken } from './branches.ts';
import { isConditional } from './effects.ts';
import type { PathRecorder } from './path.ts';
import type { Places } from './places.ts';
import { type Definition, nameOfLocation } from './slice.ts';
import type { Change, OriginTracker } from './tracker.ts';
import type { OriginFact } from './types.ts';

/** Steps that an explanation shows: those nearest to the failure. */
const MAX_SHOWN = 40;

/** A definition that is shown, with how often the path made it. */
export interface ShownDefinition {
  readonly definition: Definition;
  readonly times: number;
}

/** Picks what is shown of a slice (latest first): of definitions by the same instruction the last. In order of the path. */
export function shownDefinitions(path: PathRecorder, slice: readonly Definition[]): ShownDefinition[] {
  const seen = new Map<number, { definition: Definition; times: number }>();
  for (const definition of slice) {
    const key = path.insn(definition.index) * 1024 + definition.location;
    const before = seen.get(key);
    if (before === undefined) seen.set(key, { definition, times: 1 });
    else before.times++;
  }
  return [...seen.values()].slice(0, MAX_SHOWN).reverse();
}

/** The key by which the tracker keeps what a definition gave. */
export function stateKey({ index, location }: Definition): string {
  return `${index}:${location}`;
}

/** The facts about definitions that are shown, and about what changed the values between. */
export function originFacts(
  program: Program,
  path: PathRecorder,
  shown: readonly ShownDefinition[],
  tracker: OriginTracker,
  places: Places,
  last: number,
): OriginFact[] {
  const made = shown.map(({ definition, times }) => ({
    index: definition.index,
    fact: {
      place: places.at(path.insn(definition.index)),
      name: nameOfLocation(definition.location),
      what: sentence(program, path, definition, tracker, places),
      ...(tracker.states.get(stateKey(definition)) ?? { state: '?', meaning: 'nothing' }),
      times,
    },
  }));
  const changed = [...tracker.changes.values()].slice(-MAX_SHOWN).map((change) => ({
    index: change.index,
    fact: {
      place: places.at(path.insn(change.index)),
      name: nameOfLocation(change.location),
      what: changeSentence(program, path, last, change),
      ...change.described,
      times: change.times,
    },
  }));
  return [...made, ...changed].sort((a, b) => a.index - b.index).map(({ fact }) => fact);
}

/** Why a value is known better, or worse, from here on. */
function changeSentence(program: Program, path: PathRecorder, last: number, { index }: Change): string {
  const insn = path.insn(index);
  if (isConditional(program, insn)) {
    const next = index + 1 < path.length ? path.insn(index + 1) : last;
    return `is known better, since \`${conditionText(program, insn, wasTaken(program, insn, next))}\` on this path`;
  }
  if (program.isHelperCall(insn))
    return `changes, since ${helperText(program.imm[insn]!)} may have moved, freed or overwritten it`;
  return 'changes with what it is linked to';
}

/** What happened to the value, without a full stop. */
function sentence(
  program: Program,
  path: PathRecorder,
  definition: Definition,
  tracker: OriginTracker,
  places: Places,
): string {
  const insn = path.insn(definition.index);
  const sources = definition.sources.map(nameOfLocation);
  switch (definition.kind) {
    case 'constant':
      return 'is set to a constant';
    case 'address':
      return 'is set to an address';
    case 'copy':
      return copySentence(program, insn, sources[0] ?? '');
    case 'arithmetic':
      return `is computed from ${sources.join(' and ')}`;
    case 'load':
      return loadSentence(program, insn, tracker.bases.get(definition.index));
    case 'fill':
      return `is read back from the stack at ${sources[0]}`;
    case 'spill':
      return sources.length === 0
        ? 'is set to a constant, on the stack'
        : `is stored on the stack from ${sources[0]}`;
    case 'argument':
      return `is passed to ${functionName(places, insn + program.imm[insn]! + 1)}`;
    case 'result':
      return 'is what the function returned';
    case 'callback':
      return `is passed to the callback by ${helperText(program.imm[insn]!)}`;
    case 'helper':
      return `is what ${helperText(program.imm[insn]!)} returned`;
    case 'global':
      return `is what the global function ${functionName(places, insn + program.imm[insn]! + 1)} returned, of which only the type is known`;
    case 'written':
      return `may have been written by ${helperText(program.imm[insn]!)}, which got its address`;
    case 'clobbered':
      return 'loses its value: calls leave nothing in R1 to R5';
  }
}

function functionName(places: Places, start: number): string {
  return places.functionAt(start) ?? `the function at ${start}`;
}

function copySentence(program: Program, insn: number, source: string): string {
  const code = program.code[insn]!;
  if (opOf(code) === OP_MOV && program.off[insn] !== 0)
    return `is copied from the lowest ${program.off[insn]} bits of ${source}, with their sign`;
  return classOf(code) === CLASS_ALU64
    ? `is copied from ${source}`
    : `is copied from the lower 32 bits of ${source}`;
}

function loadSentence(program: Program, insn: number, base: string | undefined): string {
  const code = program.code[insn]!;
  if (base === undefined) return 'is loaded from the packet';
  const size = sizeOf(code);
  const signed = classOf(code) === CLASS_LDX && modeOf(code) === MODE_MEMSX ? ', with their sign' : '';
  return `is loaded: ${size} byte${size === 1 ? '' : 's'}${signed} at offset ${program.off[insn]} from ${base}`;
}
