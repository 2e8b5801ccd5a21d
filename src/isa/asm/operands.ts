/**
 * Reading the operands of an instruction: for each placeholder of the opcode table's templates (template.ts), what the
 * assembler accepts in its place and which field it fills.
 */

import { nearest } from '../../base/suggest.ts';
import type { InsnOf } from '../insn.ts';
import type { Placeholder } from '../template.ts';
import { evaluate } from './expression.ts';
import type { Failures } from './failures.ts';
import type { Token } from './lexer.ts';

/** What a call by name means: a helper, or a kernel function. */
export type CallTarget = InsnOf<'call-helper'> | InsnOf<'call-kfunc'>;
/** What `r1 = name ll` loads. */
export type SymbolValue = Omit<InsnOf<'ld-imm64'>, 'kind' | 'dst'>;

/** Where the meaning of names comes from. Labels of the text itself go first. */
export interface AssembleOptions {
  /** The meaning of `call NAME`. */
  readonly resolveCall?: (name: string) => CallTarget | undefined;
  /** The meaning of `rN = NAME ll`. */
  readonly resolveSymbol?: (name: string) => SymbolValue | undefined;
  /** Names that both could resolve, to suggest one for a misspelt name. */
  readonly names?: Iterable<string>;
}

/** Where a jump, call or pointer to code goes, before slots are known. */
export type Target =
  | { readonly kind: 'distance'; readonly slots: number }
  | { readonly kind: 'label'; readonly token: Token };

/** Field values of an instruction, as far as they have been read. */
export interface Captured {
  readonly dst?: number;
  readonly src?: number;
  readonly offset?: number;
  readonly imm?: number;
  readonly hi?: number;
  /** Goes to the field `targetField`. */
  readonly target?: Target;
  readonly targetField?: 'offset' | 'imm';
  /** Replaces the values of a ld_imm64 by name. */
  readonly symbol?: SymbolValue;
}

/** A statement being read. */
export interface Reading {
  readonly tokens: readonly Token[];
  readonly options: AssembleOptions;
  /** Labels defined anywhere in the text. */
  readonly labels: ReadonlySet<string>;
  /** The opcode that the line gives in front, as the log does. */
  readonly opcode: number | undefined;
  readonly failures: Failures;
}

/** The operand's values, and the index of the token after it. */
export interface Taken {
  readonly captured: Captured;
  readonly next: number;
}

const REGISTER = /^([rw])(\d+)$/;
const REGISTER_NAMES = {
  r: Array.from({ length: 11 }, (_, n) => `r${n}`),
  w: Array.from({ length: 11 }, (_, n) => `w${n}`),
} as const;

/** Reads the operand at token `at`; undefined, with the failure noted, when it is something else. */
export function readOperand(
  part: Placeholder,
  reading: Reading,
  at: number,
  captured: Captured,
): Taken | undefined {
  switch (part.kind) {
    case 'r':
    case 'w':
      return register(part.kind, part.field, reading, at, captured);
    case 'imm':
    case 'ximm':
      return number(reading, at, captured, 'imm', -(1n << 31n), (1n << 32n) - 1n);
    case 'uimm':
      return number(reading, at, captured, 'imm', 0n, (1n << 32n) - 1n);
    case 'hi':
      return number(reading, at, captured, 'hi', 0n, (1n << 32n) - 1n);
    case 'hi16':
      return half(reading, at, captured, 16);
    case 'lo16':
      return half(reading, at, captured, 0);
    case 'off':
      return offset(reading, at, captured);
    case 'imm64':
      return imm64(reading, at, captured);
    case 'pc':
      return jumpTarget(part.field, reading, at, captured);
    case 'sub':
      return subprogram(reading, at, captured);
    case 'helper':
      return helper(reading, at, captured);
    case 'kfunc':
      return kfunc(reading, at, captured);
  }
}

function register(
  letter: 'r' | 'w',
  field: 'dst' | 'src',
  { tokens, failures }: Reading,
  at: number,
  captured: Captured,
): Taken | undefined {
  const [, found, digits] = REGISTER.exec(tokens[at]?.text ?? '') ?? [];
  if (found !== letter || digits === undefined) {
    failures.expect(at, `a register ${letter}0 to ${letter}10`, REGISTER_NAMES[letter]);
    return undefined;
  }
  const register = Number(digits);
  if (register > 10) {
    failures.complain(at, 'bad-register', `there is no register ${letter}${digits}: they end at ${letter}10`);
    return undefined;
  }
  const before = captured[field];
  if (before !== undefined && before !== register) {
    failures.complain(at, 'bad-register', `this register must be ${letter}${before}, as before`);
    return undefined;
  }
  return { captured: { ...captured, [field]: register }, next: at + 1 };
}

function number(
  { tokens, failures }: Reading,
  at: number,
  captured: Captured,
  field: 'imm' | 'hi' | 'offset',
  min: bigint,
  max: bigint,
): Taken | undefined {
  const result = evaluate(tokens, at, failures);
  if (result === undefined) return undefined;
  if (result.value < min || result.value > max) {
    const wide = field === 'imm' && fits64(result.value);
    const hint = wide ? '; 64-bit numbers load as `r1 = … ll`' : '';
    failures.complain(at, 'out-of-range', `${result.value} does not fit: it must be ${min} to ${max}${hint}`);
    return undefined;
  }
  return { captured: { ...captured, [field]: Number(BigInt.asIntN(32, result.value)) }, next: result.next };
}

/** One half of the immediate of a cast between address spaces. */
function half(reading: Reading, at: number, captured: Captured, shift: 0 | 16): Taken | undefined {
  const taken = number(reading, at, {}, 'imm', 0n, 0xffffn);
  if (taken === undefined) return undefined;
  const imm = (captured.imm ?? 0) | ((taken.captured.imm ?? 0) << shift);
  return { captured: { ...captured, imm }, next: taken.next };
}

function offset(reading: Reading, at: number, captured: Captured): Taken | undefined {
  const sign = reading.tokens[at]?.text;
  if (sign !== '+' && sign !== '-') {
    reading.failures.expect(at, "'+' or '-' and an offset");
    return undefined;
  }
  return number(reading, at, captured, 'offset', -0x8000n, 0x7fffn);
}

function imm64(reading: Reading, at: number, captured: Captured): Taken | undefined {
  const { tokens, failures, labels, options } = reading;
  const token = tokens[at];
  if (token?.kind === 'word' && !labels.has(token.text)) {
    const symbol = options.resolveSymbol?.(token.text);
    if (symbol !== undefined) return { captured: { ...captured, symbol }, next: at + 1 };
  }
  const result = evaluate(tokens, at, failures);
  if (result === undefined) {
    failures.expect(at, 'a name', options.names);
    return undefined;
  }
  if (!fits64(result.value)) {
    failures.complain(at, 'out-of-range', `${result.value} does not fit 64 bits`);
    return undefined;
  }
  const imm = Number(BigInt.asIntN(32, result.value));
  const hi = Number(BigInt.asIntN(32, result.value >> 32n));
  return { captured: { ...captured, imm, hi }, next: result.next };
}

function fits64(value: bigint): boolean {
  return value >= -(1n << 63n) && value < 1n << 64n;
}

/** A label, a distance in slots (`+3`, `-3`, `pc+3`), and behind it the `<label>` that llvm-objdump adds. */
function jumpTarget(
  field: 'offset' | 'imm',
  reading: Reading,
  at: number,
  captured: Captured,
): Taken | undefined {
  const { tokens, failures } = reading;
  const token = tokens[at];
  const target = targetAt(reading, at);
  if (target !== undefined) {
    const next = afterAnnotation(tokens, target.next);
    return { captured: { ...captured, target: target.target, targetField: field }, next };
  }
  if (token?.kind === 'word') {
    const near = nearest(token.text, reading.labels);
    const hint = near === undefined ? '' : `; did you mean '${near}'?`;
    failures.complain(at, 'unknown-label', `there is no label '${token.text}'${hint}`);
    return undefined;
  }
  failures.expect(at, 'a label');
  const taken = number(reading, at, {}, 'imm', -(1n << 31n), (1n << 31n) - 1n);
  if (taken === undefined) return undefined;
  const distance: Target = { kind: 'distance', slots: taken.captured.imm ?? 0 };
  const next = afterAnnotation(tokens, taken.next);
  return { captured: { ...captured, target: distance, targetField: field }, next };
}

/** A target that cannot be mistaken for a number: a label that exists, a numeric one, `pc` with a distance. */
function targetAt(reading: Reading, at: number): { target: Target; next: number } | undefined {
  const { tokens, labels } = reading;
  const token = tokens[at];
  if (token?.kind === 'local' || (token?.kind === 'word' && labels.has(token.text))) {
    return { target: { kind: 'label', token }, next: at + 1 };
  }
  const sign = tokens[at + 1]?.text;
  if (token?.text !== 'pc' || (sign !== '+' && sign !== '-')) return undefined;
  const taken = number(reading, at + 1, {}, 'imm', -(1n << 31n), (1n << 31n) - 1n);
  return taken && { target: { kind: 'distance', slots: taken.captured.imm ?? 0 }, next: taken.next };
}

function afterAnnotation(tokens: readonly Token[], at: number): number {
  if (tokens[at]?.text !== '<') return at;
  const close = tokens.findIndex((token, index) => index > at && token.text === '>');
  return close < 0 ? at : close + 1;
}

function subprogram(reading: Reading, at: number, captured: Captured): Taken | undefined {
  const target = targetAt(reading, at);
  if (target === undefined) {
    reading.failures.expect(at, 'a label', reading.labels);
    return undefined;
  }
  return { captured: { ...captured, target: target.target, targetField: 'imm' }, next: target.next };
}

/** A helper by number, by name, or as the log writes it: `name#number`, where the number decides. */
function helper(reading: Reading, at: number, captured: Captured): Taken | undefined {
  const name = calledName(reading, at);
  if (name === undefined) return number(reading, at, captured, 'imm', -(1n << 31n), (1n << 31n) - 1n);
  const known = reading.options.resolveCall?.(name.text);
  if (known?.kind === 'call-helper' && (name.id === undefined || name.id === known.id)) {
    return { captured: { ...captured, imm: known.id }, next: name.next };
  }
  if (known === undefined && name.id !== undefined && !isKfuncName(name.text, reading.options)) {
    return { captured: { ...captured, imm: name.id }, next: name.next };
  }
  reading.failures.expect(at, 'a helper or function', reading.options.names);
  return undefined;
}

/** A kernel function by name, as the log writes it (`name#btf_id`), or as `kfunc[id:N]`, `kfunc[id:N,module:M]`. */
function kfunc(reading: Reading, at: number, captured: Captured): Taken | undefined {
  const { tokens, failures, options } = reading;
  if (tokens[at]?.text === 'kfunc' && tokens[at + 1]?.text === '[')
    return kfuncById(reading, at + 1, captured);
  const name = calledName(reading, at);
  if (name === undefined) return undefined;
  const known = options.resolveCall?.(name.text);
  if (known?.kind === 'call-kfunc' && (name.id === undefined || name.id === known.btfId)) {
    return { captured: { ...captured, imm: known.btfId, offset: known.module }, next: name.next };
  }
  if (known === undefined && name.id !== undefined && isKfuncName(name.text, options)) {
    return { captured: { ...captured, imm: name.id, offset: 0 }, next: name.next };
  }
  if (known !== undefined && name.id !== undefined) {
    const id = known.kind === 'call-helper' ? known.id : known.btfId;
    failures.complain(at, 'bad-call', `${name.text} has the number ${id}, not ${name.id}`);
  }
  return undefined;
}

/** `call name#5` of a name that nobody knows: with a resolver for helpers asked in vain it is a kernel function. */
function isKfuncName(name: string, options: AssembleOptions): boolean {
  return name === 'kernel-function' || (options.resolveCall !== undefined && name !== 'unknown');
}

/** A name in a call that is no label of the text, with the number that the log puts behind it. */
function calledName(
  { tokens, labels }: Reading,
  at: number,
): { text: string; id?: number; next: number } | undefined {
  const token = tokens[at];
  if (token?.kind !== 'word') return undefined;
  const dashed =
    token.text === 'kernel' && tokens[at + 1]?.text === '-' && tokens[at + 2]?.text === 'function';
  const text = dashed ? 'kernel-function' : token.text;
  const hash = dashed ? at + 3 : at + 1;
  const minus = tokens[hash + 1]?.text === '-';
  const id = tokens[minus ? hash + 2 : hash + 1];
  if (tokens[hash]?.text === '#' && id?.kind === 'number' && id.value < 1n << 32n) {
    const value = Number(id.value) | 0;
    return { text, id: minus ? -value | 0 : value, next: minus ? hash + 3 : hash + 2 };
  }
  return labels.has(text) ? undefined : { text, next: hash };
}

function kfuncById(reading: Reading, open: number, captured: Captured): Taken | undefined {
  const id = keyed(reading, open + 1, 'id', captured, 'imm');
  if (id === undefined) return undefined;
  const { tokens, failures } = reading;
  let end = { captured: { ...id.captured, offset: 0 }, next: id.next };
  if (tokens[id.next]?.text === ',') {
    const module = keyed(reading, id.next + 1, 'module', id.captured, 'offset');
    if (module === undefined) return undefined;
    end = { captured: { ...module.captured, offset: module.captured.offset ?? 0 }, next: module.next };
  }
  if (tokens[end.next]?.text === ']') return { captured: end.captured, next: end.next + 1 };
  failures.expect(end.next, "']'");
  return undefined;
}

/** `key:number`. */
function keyed(
  reading: Reading,
  at: number,
  key: 'id' | 'module',
  captured: Captured,
  field: 'imm' | 'offset',
): Taken | undefined {
  const { tokens, failures } = reading;
  if (tokens[at]?.text !== key || tokens[at + 1]?.text !== ':') {
    failures.expect(at, `'${key}:'`);
    return undefined;
  }
  const [min, max] = field === 'imm' ? [-(1n << 31n), (1n << 31n) - 1n] : [-0x8000n, 0x7fffn];
  return number(reading, at + 2, captured, field, min, max);
}
