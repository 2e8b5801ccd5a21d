/**
 * Constant expressions in operands: numbers, + - ~ before them, the binary operators of C between them, parentheses.
 * Everything is exact; what does not fit 64 bits is an error.
 */
import type { Failures } from './failures.ts';
import type { Token } from './lexer.ts';

/** A value and the index of the token after it. */
export interface Evaluated {
  readonly value: bigint;
  readonly next: number;
}

/** Deepest nesting of parentheses and signs. */
const MAX_DEPTH = 32;
const LIMIT = 1n << 64n;

const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ['|', 1],
  ['^', 2],
  ['&', 3],
  ['<<', 4],
  ['>>', 4],
  ['+', 5],
  ['-', 5],
  ['*', 6],
  ['/', 6],
  ['%', 6],
]);

/** Evaluates the longest expression at token `at`; undefined, with the failure noted, when there is none. */
export function evaluate(tokens: readonly Token[], at: number, failures: Failures): Evaluated | undefined {
  return binary(tokens, at, failures, 1, 0);
}

function binary(
  tokens: readonly Token[],
  at: number,
  failures: Failures,
  lowest: number,
  depth: number,
): Evaluated | undefined {
  let left = unary(tokens, at, failures, depth);
  while (left !== undefined) {
    const sign = tokens[left.next];
    const precedence = sign?.kind === 'sign' ? PRECEDENCE.get(sign.text) : undefined;
    if (sign === undefined || precedence === undefined || precedence < lowest) return left;
    const right = binary(tokens, left.next + 1, failures, precedence + 1, depth);
    if (right === undefined) return undefined;
    const value = apply(sign.text, left.value, right.value);
    if (value === undefined || value >= LIMIT || value <= -LIMIT) {
      failures.complain(left.next, 'out-of-range', `'${sign.text}' has no result that fits 64 bits here`);
      return undefined;
    }
    left = { value, next: right.next };
  }
  return undefined;
}

function unary(
  tokens: readonly Token[],
  at: number,
  failures: Failures,
  depth: number,
): Evaluated | undefined {
  const token = tokens[at];
  if (token?.kind === 'number') return { value: token.value, next: at + 1 };
  if (depth < MAX_DEPTH && token?.kind === 'sign') {
    if (token.text === '(') return parenthesized(tokens, at, failures, depth);
    if (token.text === '-' || token.text === '+' || token.text === '~') {
      const inner = unary(tokens, at + 1, failures, depth + 1);
      return inner && { value: negated(token.text, inner.value), next: inner.next };
    }
  }
  failures.expect(at, 'a number');
  return undefined;
}

function parenthesized(
  tokens: readonly Token[],
  at: number,
  failures: Failures,
  depth: number,
): Evaluated | undefined {
  const inner = binary(tokens, at + 1, failures, 1, depth + 1);
  if (inner === undefined) return undefined;
  if (tokens[inner.next]?.text === ')') return { value: inner.value, next: inner.next + 1 };
  failures.expect(inner.next, "')'");
  return undefined;
}

function negated(sign: '-' | '+' | '~', value: bigint): bigint {
  if (sign === '-') return -value;
  return sign === '~' ? ~value : value;
}

/** Undefined where there is no result: division by zero, shifts by 64 and more. */
function apply(sign: string, a: bigint, b: bigint): bigint | undefined {
  switch (sign) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? undefined : a / b;
    case '%':
      return b === 0n ? undefined : a % b;
    case '<<':
      return b < 0n || b > 63n ? undefined : a << b;
    case '>>':
      return b < 0n || b > 63n ? undefined : a >> b;
    case '&':
      return a & b;
    case '^':
      return a ^ b;
    default:
      return a | b;
  }
}
