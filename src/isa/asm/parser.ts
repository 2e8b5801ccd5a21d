/**
 * Statements to items: labels, instructions with their operands, data. Where items lie, and so where labels are, is the
 * business of layout.ts.
 */
import { IsaError } from '../../base/errors.ts';
import { nearest } from '../../base/suggest.ts';
import { hexByte } from '../hex.ts';
import { evaluate } from './expression.ts';
import { Failures } from './failures.ts';
import { type Match, matchInstruction } from './grammar.ts';
import { type Position, type Statement, splitStatements, type Token } from './lexer.ts';
import type { AssembleOptions } from './operands.ts';

/** What a statement contributes to the program. */
export type Item = { readonly position: Position } & (
  | { readonly kind: 'label'; readonly token: Token }
  | { readonly kind: 'instruction'; readonly match: Match; readonly slot?: number }
  | { readonly kind: 'data'; readonly bytes: readonly number[] }
);

/** Bytes of each value of a data directive; LLVM's names and the GNU assembler's. */
const DATA_DIRECTIVES: ReadonlyMap<string, number> = new Map([
  ['.byte', 1],
  ['.2byte', 2],
  ['.short', 2],
  ['.4byte', 4],
  ['.long', 4],
  ['.8byte', 8],
  ['.quad', 8],
]);

const REGISTER_LIKE = /^[rw]\d+$/;

/**
 * Parses a whole text.
 * @throws IsaError with line and column: `syntax`, `out-of-range`, `bad-register`, `bad-call`, `opcode-mismatch`,
 *   `bad-label`, `unknown-directive`, and those of `splitStatements`.
 */
export function parseItems(text: string, options: AssembleOptions): Item[] {
  const statements = splitStatements(text);
  const labels = new Set<string>();
  for (const { tokens } of statements) {
    for (let at = 0; isLabel(tokens, at); at += 2) labels.add(tokens[at]?.text ?? '');
  }
  return statements.flatMap((statement) => parseStatement(statement, labels, options));
}

function isLabel(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at];
  return (token?.kind === 'word' || token?.kind === 'number') && tokens[at + 1]?.text === ':';
}

function parseStatement(statement: Statement, labels: ReadonlySet<string>, options: AssembleOptions): Item[] {
  const { tokens, prefix } = statement;
  const items: Item[] = [];
  let at = 0;
  for (; isLabel(tokens, at); at += 2) items.push(labelItem(tokens, at));
  const token = tokens[at];
  if (token === undefined || token.kind === 'end') return items;
  if (token.kind === 'word' && token.text.startsWith('.')) return [...items, directive(tokens, at)];
  const failures = new Failures(tokens, at);
  const opcode = prefix?.opcode;
  const matches = matchInstruction({ tokens, options, labels, opcode, failures }, at);
  const match = matches.find(({ row }) => opcode === undefined || row.opcode === opcode);
  if (match !== undefined) {
    const item = { kind: 'instruction', match, position: positionOf(token) } as const;
    return [...items, prefix?.slot === undefined ? item : { ...item, slot: prefix.slot }];
  }
  const [other] = matches;
  if (other === undefined || prefix === undefined) throw failures.error();
  throw new IsaError(
    'opcode-mismatch',
    `the line says opcode ${hexByte(prefix.opcode)}, but its text is an instruction of opcode ` +
      hexByte(other.row.opcode),
    positionOf(prefix),
  );
}

function labelItem(tokens: readonly Token[], at: number): Item {
  const token = tokens[at];
  if (token === undefined) throw new IsaError('bad-label', 'there is no label here');
  const place = positionOf(token);
  if (REGISTER_LIKE.test(token.text)) {
    throw new IsaError('bad-label', `'${token.text}' is a register and cannot be a label`, place);
  }
  if (token.kind === 'number' && !/^\d{1,9}$/.test(token.text)) {
    throw new IsaError('bad-label', `the numeric label ${token.text} must be a short decimal number`, place);
  }
  return { kind: 'label', token, position: place };
}

function directive(tokens: readonly Token[], at: number): Item {
  const name = tokens[at];
  const size = DATA_DIRECTIVES.get(name?.text ?? '');
  const position = positionOf(name ?? { line: 1, column: 1 });
  if (size === undefined) {
    const near = nearest(name?.text ?? '', DATA_DIRECTIVES.keys());
    throw new IsaError(
      'unknown-directive',
      `there is no directive ${name?.text}; ${near === undefined ? `known are ${[...DATA_DIRECTIVES.keys()].join(', ')}` : `did you mean '${near}'?`}`,
      position,
    );
  }
  return { kind: 'data', bytes: dataBytes(tokens, at + 1, size), position };
}

function dataBytes(tokens: readonly Token[], start: number, size: number): number[] {
  const failures = new Failures(tokens, start - 1);
  const bytes: number[] = [];
  for (let at = start; ; at++) {
    const result = evaluate(tokens, at, failures);
    if (result === undefined) throw failures.error();
    const bits = BigInt(8 * size);
    if (result.value < -(1n << (bits - 1n)) || result.value >= 1n << bits) {
      failures.complain(
        at,
        'out-of-range',
        `${result.value} does not fit ${size === 1 ? 'a byte' : `${size} bytes`}`,
      );
      throw failures.error();
    }
    for (let i = 0n; i < bits; i += 8n) bytes.push(Number(BigInt.asUintN(8, result.value >> i)));
    at = result.next;
    const after = tokens[at];
    if (after?.kind === 'end') return bytes;
    if (after?.text !== ',') {
      failures.expect(at, "','");
      failures.expect(at, 'the end of the statement');
      throw failures.error();
    }
  }
}

function positionOf({ line, column }: Position): Position {
  return { line, column };
}
