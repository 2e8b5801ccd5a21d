/**
 * The unnamed bitfields that make a C compiler put the next member where BTF says it lies, in the fewest and most
 * natural-looking steps; as bpftool chooses them (btf_dump_emit_bit_padding in tools/lib/bpf/btf_dump.c).
 */

/** A hole between two members, in bits from the start of the struct. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** Alignment in bytes of what follows. */
  readonly align: number;
  /** Whether bitfields stand on both sides: then `type: 0` would not do. */
  readonly inBitfield: boolean;
}

/** An unnamed bitfield: `type: bits`. */
export interface Padding {
  readonly type: string;
  readonly bits: number;
}

/** The padding of a gap, none when the compiler leaves it by itself. `longBits` is the width of `long`. */
export function* memberPadding(gap: Gap, longBits: number): Generator<Padding> {
  const { from, to } = gap;
  if (from >= to) return;
  const units: readonly Padding[] = [
    { type: 'long', bits: longBits },
    { type: 'int', bits: 32 },
    { type: 'short', bits: 16 },
    { type: 'char', bits: 8 },
  ];
  // The widest unit with a boundary inside the gap needs the fewest steps.
  const unit = units.find(({ bits }) => roundUp(from, bits) <= to) ?? { type: 'char', bits: 8 };
  let at = from;
  const boundary = roundUp(from, unit.bits);
  if (from < boundary && boundary <= to) {
    if (needsMark(gap, boundary)) yield { type: unit.type, bits: gap.inBitfield ? boundary - from : 0 };
    at = boundary;
  }
  for (; to - at >= unit.bits; at += unit.bits) yield unit;
  if (at < to) {
    const bits = to - at;
    const narrowest = units.findLast((candidate) => candidate.bits >= bits);
    yield { type: narrowest?.type ?? unit.type, bits };
  }
}

/** Whether the step to the boundary must be written: the compiler would not take it by itself. */
function needsMark({ from, to, align, inBitfield }: Gap, boundary: number): boolean {
  if (inBitfield) return true;
  if (boundary === to) return roundUp(from, 8 * align) !== boundary;
  // What remains would fit before the boundary, and the compiler would put it there.
  return to - boundary <= boundary - from;
}

function roundUp(value: number, unit: number): number {
  return unit === 0 ? value : Math.ceil(value / unit) * unit;
}
