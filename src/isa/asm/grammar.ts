/**
 * The grammar of instructions: all text forms of the opcode table in one tree of tokens, so that a statement is matched
 * against every instruction in one walk, and a mismatch knows everything that could have stood there.
 */
import { OPCODES, type OpcodeRow } from '../opcodes.ts';
import { type Placeholder, templateParts } from '../template.ts';
import { splitStatements } from './lexer.ts';
import { type Captured, type Reading, readOperand } from './operands.ts';

/** An instruction that a statement can be read as. */
export interface Match {
  readonly row: OpcodeRow;
  readonly captured: Captured;
}

interface Node {
  readonly words: Map<string, Node>;
  readonly operands: { readonly part: Placeholder; readonly node: Node }[];
  readonly rows: Entry[];
}

/** An instruction that ends here; `needsOpcode` when this form of it is one only with the log's opcode in front. */
interface Entry {
  readonly row: OpcodeRow;
  readonly needsOpcode: boolean;
}

let root: Node | undefined;

/** All instructions that a whole statement can be read as, from token `at`; failures are noted in `reading`. */
export function matchInstruction(reading: Reading, at: number): Match[] {
  root ??= buildTree();
  const matches: Match[] = [];
  walk(root, reading, at, {}, matches);
  return matches;
}

function walk(node: Node, reading: Reading, at: number, captured: Captured, matches: Match[]): void {
  const token = reading.tokens[at];
  if (token === undefined) return;
  if (token.kind === 'end') {
    for (const entry of node.rows) if (readable(entry, reading)) matches.push({ row: entry.row, captured });
  }
  const next = node.words.get(token.text);
  if (next !== undefined && token.kind !== 'end') walk(next, reading, at + 1, captured, matches);
  else noteExpected(node, reading, at);
  for (const { part, node: after } of node.operands) {
    const taken = readOperand(part, reading, at, captured);
    if (taken !== undefined) walk(after, reading, taken.next, taken.captured, matches);
  }
}

function readable(entry: Entry, { opcode }: Reading): boolean {
  return !entry.needsOpcode || opcode !== undefined;
}

function noteExpected(node: Node, reading: Reading, at: number): void {
  const { failures } = reading;
  if (node.words.size > 0) failures.expectWords(at, node.words);
  if (node.rows.some((entry) => readable(entry, reading))) failures.expect(at, 'the end of the statement');
}

function buildTree(): Node {
  const tree = newNode();
  for (const row of OPCODES) {
    for (const form of formsOf(row)) insert(tree, form.text, { row, needsOpcode: form.needsOpcode });
  }
  return tree;
}

/**
 * The forms of a row that the assembler reads. The log's `r1 = 0x5` of a ld_imm64 is a move unless the opcode says
 * otherwise, and tells nothing of what the number stands for, so it reads as a constant.
 */
function formsOf(row: OpcodeRow): { text: string; needsOpcode: boolean }[] {
  const other = [row.llvm, ...(row.also ?? [])].filter((text) => text !== undefined);
  const forms = other.map((text) => ({ text, needsOpcode: false }));
  if (row.insn.kind !== 'ld-imm64') return [{ text: row.text, needsOpcode: false }, ...forms];
  return row.insn.pseudo === 'const' ? [{ text: row.text, needsOpcode: true }, ...forms] : forms;
}

function insert(tree: Node, template: string, end: Entry): void {
  let node = tree;
  for (const part of templateParts(template)) {
    if (typeof part !== 'string') {
      node = operandChild(node, part);
      continue;
    }
    const tokens = splitStatements(part).flatMap((statement) => statement.tokens);
    for (const token of tokens) if (token.kind !== 'end') node = wordChild(node, token.text);
  }
  node.rows.push(end);
}

function wordChild(node: Node, word: string): Node {
  const known = node.words.get(word);
  if (known !== undefined) return known;
  const child = newNode();
  node.words.set(word, child);
  return child;
}

function operandChild(node: Node, part: Placeholder): Node {
  const key = JSON.stringify(part);
  const known = node.operands.find((operand) => JSON.stringify(operand.part) === key);
  if (known !== undefined) return known.node;
  const child = newNode();
  node.operands.push({ part, node: child });
  return child;
}

function newNode(): Node {
  return { words: new Map(), operands: [], rows: [] };
}
