/**
 * Items to slots: counts them, binds labels, fills jump distances and data.
 */
import { IsaError } from '../../base/errors.ts';
import { MAX_INSNS } from '../../base/limits.ts';
import { encodeInsn } from '../encode.ts';
import { type RawInsn, slotsOf } from '../insn.ts';
import { rawFromBytes, SLOT_BYTES } from '../raw.ts';
import type { Match } from './grammar.ts';
import type { Position, Token } from './lexer.ts';
import type { Item } from './parser.ts';

/** An assembled program. */
export interface Assembled {
  readonly raws: RawInsn[];
  /** Line of the text by slot. */
  readonly lines: number[];
  /** Slot of each named label. */
  readonly labels: ReadonlyMap<string, number>;
}

interface Placed {
  readonly slot: number;
  readonly match: Match;
  readonly position: Position;
}

/**
 * Lays out a program.
 * @throws IsaError with line and column: `duplicate-label`, `unknown-label`, `out-of-range` (a jump too far), `bad-data`
 *   (data that is no whole number of slots), `missing-slots`, `program-too-long`.
 */
export function layOut(items: readonly Item[]): Assembled {
  const layout = new Layout();
  for (const item of items) layout.add(item);
  return layout.finish();
}

class Layout {
  private readonly raws: (RawInsn | undefined)[] = [];
  private readonly lines: number[] = [];
  private readonly named = new Map<string, number>();
  private readonly numbered = new Map<number, number[]>();
  private readonly placed: Placed[] = [];
  private data: { bytes: number[]; position: Position } | undefined;
  /** What the log's slot numbers are ahead of the slots here. */
  private logBase: number | undefined;

  add(item: Item): void {
    if (item.kind === 'data') {
      this.data ??= { bytes: [], position: item.position };
      for (const byte of item.bytes) this.data.bytes.push(byte);
      return;
    }
    this.flushData();
    if (item.kind === 'label') this.bind(item.token);
    else this.place(item.match, item.position, item.slot);
  }

  finish(): Assembled {
    this.flushData();
    for (const placed of this.placed) {
      for (const [i, raw] of this.encode(placed).entries()) this.raws[placed.slot + i] = raw;
    }
    return { raws: this.raws.filter((raw) => raw !== undefined), lines: this.lines, labels: this.named };
  }

  private place(match: Match, position: Position, logSlot: number | undefined): void {
    const slot = this.raws.length;
    if (logSlot !== undefined) this.checkLogSlot(logSlot, slot, position);
    this.placed.push({ slot, match, position });
    for (let i = 0; i < slotsOf(match.row.insn); i++) this.push(undefined, position);
  }

  private push(raw: RawInsn | undefined, position: Position): void {
    if (this.raws.length === MAX_INSNS) {
      throw new IsaError('program-too-long', `a program has at most ${MAX_INSNS} slots`, position);
    }
    this.raws.push(raw);
    this.lines.push(position.line);
  }

  /** Lines of a log may start anywhere in a program but must go on without a gap. */
  private checkLogSlot(logSlot: number, slot: number, position: Position): void {
    this.logBase ??= logSlot - slot;
    const expected = this.logBase + slot;
    if (logSlot === expected) return;
    throw new IsaError(
      'missing-slots',
      `the line is numbered ${logSlot}, but the instructions before it end at ${expected}: ` +
        'lines of a program must follow one another',
      position,
    );
  }

  private flushData(): void {
    if (this.data === undefined) return;
    const { bytes, position } = this.data;
    this.data = undefined;
    if (bytes.length % SLOT_BYTES !== 0) {
      throw new IsaError(
        'bad-data',
        `the data that begins here has ${bytes.length} bytes, which is no whole number of ${SLOT_BYTES}-byte slots`,
        position,
      );
    }
    for (const raw of rawFromBytes(Uint8Array.from(bytes), 'little')) this.push(raw, position);
  }

  private bind(token: Token): void {
    const slot = this.raws.length;
    if (token.kind === 'number') {
      const number = Number(token.text);
      const slots = this.numbered.get(number);
      if (slots === undefined) this.numbered.set(number, [slot]);
      else slots.push(slot);
      return;
    }
    if (this.named.has(token.text)) {
      throw placedError('duplicate-label', `the label '${token.text}' is defined twice`, token);
    }
    this.named.set(token.text, slot);
  }

  private encode({ slot, match, position }: Placed): RawInsn[] {
    const { row, captured } = match;
    const { dst = 0, src = 0, offset = 0, imm = 0, hi = 0, symbol } = captured;
    if (symbol !== undefined) return encodeInsn({ kind: 'ld-imm64', dst, ...symbol });
    const distance = this.distance(match, slot, position);
    const toOffset = captured.targetField === 'offset';
    const toImm = captured.targetField === 'imm';
    const first: RawInsn = {
      opcode: row.opcode,
      dst,
      src: row.fixed.src ?? src,
      offset: row.fixed.offset ?? (toOffset ? distance : offset),
      imm: row.fixed.imm ?? (toImm ? distance : imm),
    };
    return slotsOf(row.insn) === 1 ? [first] : [first, { opcode: 0, dst: 0, src: 0, offset: 0, imm: hi }];
  }

  private distance({ captured }: Match, slot: number, position: Position): number {
    const { target } = captured;
    if (target === undefined) return 0;
    const slots = target.kind === 'distance' ? target.slots : this.slotOf(target.token, slot) - slot - 1;
    if (captured.targetField === 'offset' && (slots < -0x8000 || slots > 0x7fff)) {
      throw placedError(
        'out-of-range',
        `the target is ${slots} slots away, too far for a 16-bit offset: jump there with gotol`,
        target.kind === 'label' ? target.token : position,
      );
    }
    return slots;
  }

  private slotOf(token: Token, from: number): number {
    if (token.kind === 'local') {
      const slots = this.numbered.get(token.label) ?? [];
      const after = countUpTo(slots, from);
      const slot = token.forward ? slots[after] : slots[after - 1];
      if (slot !== undefined) return slot;
      const where = token.forward ? 'after' : 'before';
      throw placedError('unknown-label', `there is no label ${token.label} ${where} this line`, token);
    }
    const slot = this.named.get(token.text);
    if (slot !== undefined) return slot;
    throw placedError('unknown-label', `there is no label '${token.text}'`, token);
  }
}

/** How many of the ascending numbers are at most `limit`. */
function countUpTo(ascending: readonly number[], limit: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function placedError(code: string, message: string, { line, column }: Position): IsaError {
  return new IsaError(code, message, { line, column });
}
