/** Where the bounds of the offending value came from, as facts for people: those with the same origin together. */
import {
  BOUND_RULES,
  type BoundRule,
  formatSigned,
  formatTnum,
  formatUnsigned,
  viewScalar,
} from '../domain/index.ts';
import type { Program } from '../program.ts';
import { AUX, TYPE } from '../state/layout.ts';
import { isPacketPointer, NOT_INIT, SCALAR_VALUE } from '../state/reg-type.ts';
import { conditionText, wasTaken } from './branches.ts';
import { isConditional } from './effects.ts';
import type { PathRecorder } from './path.ts';
import type { Places } from './places.ts';
import { type Setter, TRACKED, type TrackedValue } from './tracker.ts';
import type { BoundFact, CodePlace } from './types.ts';

const RANGE = 'range';
const UNLIMITED = 'unlimited';

/** Bounds that one instruction set by one rule. */
interface Group {
  readonly setter: Setter;
  readonly names: string[];
  readonly values: string[];
}

/** The facts about a value; none for one that is no number and has no variable offset. */
export function boundFacts(
  program: Program,
  path: PathRecorder,
  last: number,
  value: TrackedValue,
  places: Places,
): BoundFact[] {
  const { words, setters } = value;
  const type = words[TYPE]!;
  if (type === NOT_INIT) return [];
  const packet = isPacketPointer(type);
  const view = viewScalar(words, 0);
  // A pointer's offset that is fixed has no bounds of interest.
  const variable = type === SCALAR_VALUE || view.mask !== 0n;
  const constant = view.mask === 0n;
  const groups = new Map<string, Group>();
  TRACKED.forEach((name, part) => {
    if (name === RANGE ? !packet : !variable) return;
    // Of a constant, the bits say it all.
    if (constant && name !== 'var_off' && name !== RANGE) return;
    const setter = setters[part]!;
    const key = `${setter.index} ${setter.rule ?? ''}`;
    const group = groups.get(key) ?? { setter, names: [], values: [] };
    group.names.push(name);
    group.values.push(`${name}=${partText(name, words)}`);
    groups.set(key, group);
  });
  return [...groups.values()]
    .sort((a, b) => a.setter.index - b.setter.index)
    .map((group) => {
      const { index } = group.setter;
      if (index < 0) return { names: group.names, value: group.values.join(' '), reason: startReason(group) };
      const insn = path.insn(index);
      const next = index + 1 < path.length ? path.insn(index + 1) : last;
      return factOf(program, group, places.at(insn), insn, next);
    });
}

/** What the instruction `insn` set, with the `next` one on the path. */
function factOf(
  program: Program,
  { setter, names, values }: Group,
  place: CodePlace,
  insn: number,
  next: number,
): BoundFact {
  const { rule } = setter;
  const open = values.every((text) => text.endsWith(UNLIMITED) || text === 'umin=0');
  return {
    names,
    value: values.join(' '),
    place,
    ...(rule === undefined || open ? {} : { rule }),
    reason:
      names[0] === RANGE ? rangeReason(program, insn, next) : reasonOf(program, insn, next, setter, open),
  };
}

function startReason({ names, values }: Group): string {
  if (names.includes(RANGE) && values.includes(`${RANGE}=0`))
    return 'no comparison with the end of the packet on this path covers it';
  return 'it has been so since the start of the function';
}

/** Why a packet pointer may be used as far as it may. */
function rangeReason(program: Program, insn: number, next: number): string {
  if (isConditional(program, insn))
    return `\`${conditionText(program, insn, wasTaken(program, insn, next))}\` holds on this side of the branch`;
  return 'a new packet pointer, and nothing after this compares it with the end of the packet';
}

function reasonOf(program: Program, insn: number, next: number, setter: Setter, open: boolean): string {
  const { rule, kind } = setter;
  if (isConditional(program, insn)) {
    const held = `\`${conditionText(program, insn, wasTaken(program, insn, next))}\` holds on this side of the branch`;
    return rule === undefined || rule.startsWith('if-') ? held : `${held}; ${BOUND_RULES[rule]}`;
  }
  if (open) return kind === undefined ? 'nothing limits it' : OPEN_REASONS[kind];
  if (rule !== undefined) return ruleText(rule);
  return kind === undefined ? 'what is known was changed here' : KNOWN_REASONS[kind];
}

function ruleText(rule: BoundRule): string {
  return BOUND_RULES[rule];
}

type Kind = NonNullable<Setter['kind']>;

/** Why nothing is known of a value. */
const OPEN_REASONS: Readonly<Record<Kind, string>> = {
  constant: 'it is a constant',
  address: 'it is an address',
  copy: 'it was copied from a value without limits',
  arithmetic: 'the operation can give any number',
  load: 'what is read from memory can be any number, and nothing limits it afterwards',
  fill: 'what was stored there has no limits',
  spill: 'what is stored has no limits',
  argument: "the caller's value has no limits",
  result: "the function's result has no limits",
  callback: 'the helper passes any number',
  helper: 'the helper can return any number, and nothing limits it afterwards',
  global: 'global functions are checked by themselves: what one returns can be any number',
  written: 'what a helper wrote there can be any number',
  clobbered: 'the call left nothing of use there',
};

/** Why something is known where no rule of arithmetic says it. */
const KNOWN_REASONS: Readonly<Record<Kind, string>> = {
  ...OPEN_REASONS,
  copy: 'a copy has the bounds of what is copied',
  arithmetic: 'the operation gives this',
  load: 'so many bytes can hold no other numbers',
  fill: 'what was stored there has these bounds',
  spill: 'what is stored has these bounds',
  argument: "these are the bounds of the caller's value",
  result: "these are the bounds of the function's result",
  helper: 'the helper returns numbers in this range only',
};

function partText(name: (typeof TRACKED)[number], words: Int32Array): string {
  const v = viewScalar(words, 0);
  switch (name) {
    case 'var_off':
      return v.mask === (1n << 64n) - 1n ? UNLIMITED : formatTnum(words, 0);
    case 'smin':
      return v.smin === -(1n << 63n) ? UNLIMITED : formatSigned(v.smin);
    case 'smax':
      return v.smax === (1n << 63n) - 1n ? UNLIMITED : formatSigned(v.smax);
    case 'umin':
      return formatUnsigned(v.umin);
    case 'umax':
      return v.umax === (1n << 64n) - 1n ? UNLIMITED : formatUnsigned(v.umax);
    case RANGE:
      return `${words[AUX]}`;
  }
}
