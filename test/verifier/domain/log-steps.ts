/**
 * Reads the kernel's level-2 verifier logs as examples of its arithmetic: for each instruction on scalars, what the log says of
 * its operands before and of the result after. Used to make the fixture alu-steps.jsonl.gz and to read it.
 */
import type { ScalarView } from '../../../src/verifier/domain/index.ts';
import * as model from './model.ts';

/**
 * One step. `insn` has `r` (64 bits) or `w` (32 bits) for the first operand and `s`, `r` or `w` (the first again) or a number for the
 * second:
 *
 *   `r += s`, `w s>>= 3`, `r = (s8)s`   arithmetic; `r = (u8)s` a narrow load of a spilled number
 *   `if w s< 5`, `!if w s< 5`           the sides of a jump on which the condition holds, or does not
 *   `always w s< 5`, `never w s< 5`     a jump that was decided
 *   `true_reg1 w s< 5` …                a complaint about a contradiction; the text stands for the result
 *
 * Scalars are in the log's own words, without ids and marks: the operands before, then both after (null where there is none).
 */
export type Step = readonly [
  insn: string,
  a: string,
  b: string | null,
  aAfter: string,
  bAfter: string | null,
];

const NUMBER = /^-?(0x)?[0-9a-f]+$/;
const INSN = /^(\d+): \([0-9a-f]{2}\) ([^;]*?)\s*(?:; (.*))?$/;
const STATE = /^(\d+):((?: frame\d+:)? R.*)$/;
const FROM = /^from (\d+) to (\d+):(.*)$/;
const COMPLAINT = /^REG INVARIANTS VIOLATION \((\w+)\)/;
const QUIET = /^(;|mark_precise|func#|propagating|$)/;
const SPILL = /^\*\(u64 \*\)\(r10 (-\d+)\) = r(\d+)$/;
const FILL = /^(r\d+) = \*\(([us]\d+) \*\)\(r10 (-\d+)\)$/;

type Scalars = ReadonlyMap<number, string>;

interface Jump {
  readonly insn: string;
  readonly target: number;
  readonly a: number;
  readonly b: number | undefined;
  readonly regs: Scalars;
}

/** An instruction whose state has not been printed yet. */
interface Pending {
  readonly index: number;
  readonly text: string;
  readonly before: Scalars;
  readonly jump: Jump | undefined;
  /** Precision was marked: for a jump it means that it was decided. */
  precise: boolean;
}

/** All steps of a log, in order. What the log does not tell for sure is left out. */
export class LogReader {
  /** The scalars of the registers as last printed; registers of which the log may be silent are missing. */
  private regs = new Map<number, string>();
  private readonly jumps = new Map<number, Jump[]>();
  /** What the instruction before this one spilled, and where. */
  private spilled: { readonly slot: string; readonly value: string } | undefined;
  private pending: Pending | undefined;
  private contradicted = false;
  readonly steps: Step[] = [];

  read(log: string): Step[] {
    for (const line of log.split('\n')) {
      // A register that was given up may print as a constant and have no ranges: what follows cannot be told from the log.
      if (this.contradicted && this.pending === undefined) break;
      this.line(line);
    }
    return this.steps;
  }

  private line(line: string): void {
    const insn = INSN.exec(line);
    const from = FROM.exec(line);
    const state = STATE.exec(line);
    const complaint = COMPLAINT.exec(line);
    if (insn) this.insn(Number(insn[1]), insn[2]!, insn[3]);
    else if (from) this.otherSide(Number(from[1]), from[3]!);
    else if (state) this.state(Number(state[1]), state[2]!);
    else if (complaint) this.complaint(complaint[1]!, line);
    else if (line.startsWith('mark_precise') && this.pending) this.pending.precise = true;
    else if (!QUIET.test(line)) this.forget();
  }

  private forget(): void {
    this.regs = new Map();
    this.spilled = undefined;
    this.pending = undefined;
  }

  private insn(index: number, text: string, printed: string | undefined): void {
    this.decided(index);
    const before = new Map(this.regs);
    this.pending = { index, text, before, jump: parseJump(index, text, before), precise: false };
    if (printed !== undefined) this.state(index, printed);
  }

  /** A jump that was decided went one way: `next` is the instruction that follows. */
  private decided(next: number): void {
    const { jump, precise, index } = this.pending ?? {};
    if (!jump || !precise || jump.insn === '' || jump.target === index! + 1) return;
    const [a, b] = operands(jump, jump.regs);
    const word = next === jump.target ? 'always' : next === index! + 1 ? 'never' : undefined;
    if (a !== undefined && word !== undefined) this.steps.push([`${word} ${jump.insn}`, a, b, '', null]);
  }

  private state(index: number, printed: string): void {
    this.regs = applyState(this.regs, printed);
    const pending = this.pending;
    if (pending?.index !== index) return;
    if (pending.jump === undefined) this.arithmetic(pending);
    else if (!pending.precise) this.undecided(pending.jump, index, printed);
    else return;
    this.pending = undefined;
  }

  private undecided(jump: Jump, index: number, printed: string): void {
    const list = this.jumps.get(index) ?? [];
    list.push(jump);
    this.jumps.set(index, list);
    this.side('!if', jump);
    forgetLinked(this.regs, printed);
    this.spilled = undefined;
  }

  private otherSide(jumpIndex: number, printed: string): void {
    this.forget();
    this.regs = applyState(this.regs, printed);
    const jump = this.jumps.get(jumpIndex)?.pop();
    if (jump) this.side('if', jump);
  }

  /** What the log says after a jump, if it says it of both operands. */
  private side(side: 'if' | '!if', jump: Jump): void {
    if (jump.insn === '') return;
    const [a, b] = operands(jump, jump.regs);
    const [x, y] = operands(jump, this.regs);
    if (a === undefined || x === undefined || (b === null) !== (y === null)) return;
    this.steps.push([`${side} ${jump.insn}`, a, b, x, y]);
  }

  private complaint(where: string, line: string): void {
    const jump = this.pending?.jump;
    this.contradicted = true;
    if (!jump || jump.insn === '') return;
    const [a, b] = operands(jump, jump.regs);
    if (a !== undefined) this.steps.push([`${where} ${jump.insn}`, a, b, line, null]);
  }

  private arithmetic({ text, before }: Pending): void {
    const fill = FILL.exec(text);
    const loaded = fill?.[3] === this.spilled?.slot ? this.spilled?.value : undefined;
    const step =
      fill && loaded
        ? moveStep(`r = (${fill[2]!})s`, loaded, this.regs.get(Number(fill[1]!.slice(1))))
        : aluStep(text, before, this.regs);
    if (step) this.steps.push(step);
    const spill = SPILL.exec(text);
    const value = spill ? before.get(Number(spill[2])) : undefined;
    this.spilled = spill && value !== undefined ? { slot: spill[1]!, value } : undefined;
  }
}

/** All steps of one log. */
export function stepsOf(log: string): Step[] {
  return new LogReader().read(log);
}

/** The operands of a jump in some state; the first undefined if the state does not tell. */
function operands(jump: Jump, regs: Scalars): [string | undefined, string | null] {
  const a = regs.get(jump.a);
  const b = jump.b === undefined || jump.b === jump.a ? null : regs.get(jump.b);
  if (a === undefined || b === undefined) return [undefined, null];
  return [clean(a), b === null ? null : clean(b)];
}

/** Reads ` R1_w=scalar(…) R2=5 …` over what is known; anything but a scalar removes the register. */
function applyState(regs: Scalars, text: string): Map<number, string> {
  // Another frame's registers: forget all, know what is printed.
  const out = /frame\d/.test(text) ? new Map<number, string>() : new Map(regs);
  for (const [, reg, value] of text.matchAll(
    /(?:^|\s)R(\d+)(?:_[rwD]+)?=([^\s(]*(?:\((?:[^()]|\([^()]*\))*\))?)/g,
  )) {
    const scalar = scalarText(value!);
    if (scalar === undefined) out.delete(Number(reg));
    else out.set(Number(reg), scalar);
  }
  return out;
}

/** A scalar's text with its id and its mark of precision kept apart: `id:text`, or undefined for anything else. */
function scalarText(value: string): string | undefined {
  const bare = value.replace(/^P/, '');
  return NUMBER.test(bare) || bare.startsWith('scalar(') ? bare : undefined;
}

const idOf = (scalar: string): string | undefined => /\(id=(\d+)/.exec(scalar)?.[1];
const clean = (scalar: string): string => scalar.replace(/id=\d+(?:[+-]\d+)?,?/, '');

/** A jump also changes registers that are linked to those it compares, and the log need not print them. */
function forgetLinked(regs: Map<number, string>, printed: string): void {
  for (const [reg, scalar] of regs) {
    if (idOf(scalar) !== undefined && !new RegExp(`R${reg}(_[rwD]+)?=`).test(printed)) regs.delete(reg);
  }
}

function parseJump(index: number, text: string, regs: Scalars): Jump | undefined {
  const m = /^if ([rw])(\d+) (\S+) (?:[rw](\d+)|(0x[0-9a-f]+)) goto pc([+-]\d+)/.exec(text);
  if (!m) return undefined;
  const a = Number(m[2]);
  const b = m[4] === undefined ? undefined : Number(m[4]);
  const first = regs.get(a) ?? '';
  const second = b === undefined ? '' : (regs.get(b) ?? '');
  const linked = a !== b && idOf(first) !== undefined && idOf(first) === idOf(second);
  const operand = b === undefined ? String(Number(m[5]) | 0) : a === b ? m[1]! : 's';
  const insn = linked ? '' : `${m[1]!} ${m[3]!} ${operand}`;
  return { insn, target: index + 1 + Number(m[6]), a, b, regs };
}

function moveStep(insn: string, from: string, out: string | undefined): Step | undefined {
  return out === undefined ? undefined : [insn, '', clean(from), clean(out), null];
}

function aluStep(text: string, before: Scalars, after: Scalars): Step | undefined {
  const m = /^([rw])(\d+) (\S*=) (?:(\(s\d+\))?[rw](\d+)|(-?\d+))$/.exec(text);
  if (!m) return undefined;
  const [, width, dst, op, cast, src, imm] = m;
  const a = before.get(Number(dst));
  const b = src === undefined ? null : before.get(Number(src));
  const out = after.get(Number(dst));
  if (b === undefined) return undefined;
  if (op === '=') return b === null ? undefined : moveStep(`${width!} = ${cast ?? ''}s`, b, out);
  if (a === undefined || out === undefined) return undefined;
  const operand = imm ?? (src === dst ? width! : 's');
  return [
    `${width!} ${op!} ${operand}`,
    clean(a),
    b === null || src === dst ? null : clean(b),
    clean(out),
    null,
  ];
}

/** The contents of a scalar as the log prints it; what it omits has the widest value. */
export function parseScalar(text: string): ScalarView {
  if (NUMBER.test(text)) return model.constant(parseNumber(text));
  const view: Record<string, bigint> = { ...model.unknown };
  const body = /^scalar\((.*)\)$/.exec(text)?.[1];
  if (body === undefined) throw new Error(`not a scalar: ${text}`);
  const tnum = /var_off=(?:\((\S+); (\S+)\)|(\S+))/.exec(body);
  if (tnum) {
    view.value = parseNumber(tnum[1] ?? tnum[3]!);
    view.mask = tnum[2] === undefined ? 0n : parseNumber(tnum[2]);
  }
  for (const [, names, number] of body.replace(/var_off=.*/, '').matchAll(/((?:\w+=)+)([^,=]+)/g)) {
    for (const name of names!.split('=').slice(0, -1)) {
      const field = FIELDS[name];
      if (field === undefined) throw new Error(`no bound ${name} in ${text}`);
      const pattern = parseNumber(number!);
      const bits = name.endsWith('32') ? 32 : 64;
      view[field] = name.startsWith('s') ? BigInt.asIntN(bits, pattern) : BigInt.asUintN(bits, pattern);
    }
  }
  return view as unknown as ScalarView;
}

const FIELDS: Readonly<Record<string, keyof ScalarView>> = {
  smin: 'smin',
  smax: 'smax',
  umin: 'umin',
  umax: 'umax',
  smin32: 's32Min',
  smax32: 's32Max',
  umin32: 'u32Min',
  umax32: 'u32Max',
};

function parseNumber(text: string): bigint {
  return text.startsWith('-') ? BigInt.asUintN(64, -BigInt(text.slice(1))) : BigInt(text);
}
