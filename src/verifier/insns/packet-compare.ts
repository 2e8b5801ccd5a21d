/**
 * A packet pointer compared with the packet's end: on the side where it is not beyond the end, all pointers of its kind may be used up to
 * it. Source: try_match_pkt_pointers, find_good_pkt_pointers, mark_pkt_end, is_pkt_ptr_branch_taken in kernel/bpf/verifier.c.
 */
import type { JmpOp } from '../../isa/index.ts';
import { MIRRORED, UMAX_LO, unsignedNumber } from '../domain/index.ts';
import { MAX_PACKET_OFF } from '../limits.ts';
import { isZero } from '../memory/bounds.ts';
import { AT_PKT_END, AUX, BEYOND_PKT_END, ID, OFF, regAt, TYPE } from '../state/layout.ts';
import { PTR_TO_PACKET, PTR_TO_PACKET_END, PTR_TO_PACKET_META } from '../state/reg-type.ts';
import { forEachRegister } from '../state/registers.ts';
import type { VerifierState } from '../state/state.ts';

/** The start of the packet, as it came from the context: the end of the metadata. */
function isPacketStart(words: Int32Array, o: number): boolean {
  return words[o + TYPE] === PTR_TO_PACKET && words[o + ID] === 0 && words[o + OFF] === 0 && isZero(words, o);
}

/** `a` is a pointer whose end is `b`. */
function isPair(words: Int32Array, a: number, b: number): boolean {
  const type = words[a + TYPE];
  return (
    (type === PTR_TO_PACKET && words[b + TYPE] === PTR_TO_PACKET_END) ||
    (type === PTR_TO_PACKET_META && isPacketStart(words, b))
  );
}

/**
 * Learns from `dst op src` on both sides: `here` where the jump is not taken, `there` where it is. False if this is no such comparison.
 */
export function comparePacketPointers(
  op: JmpOp,
  here: VerifierState,
  there: VerifierState,
  dst: number,
  src: number,
): boolean {
  const { words } = here.frame;
  if (op !== 'gt' && op !== 'lt' && op !== 'ge' && op !== 'le') return false;
  if (isPair(words, regAt(dst), regAt(src))) learn(op, here, there, dst);
  else if (isPair(words, regAt(src), regAt(dst))) learn(MIRRORED[op], here, there, src);
  else return false;
  return true;
}

/** `pointer op end`. */
function learn(op: JmpOp, here: VerifierState, there: VerifierState, reg: number): void {
  const { words } = here.frame;
  const o = regAt(reg);
  switch (op) {
    case 'gt':
      extendRange(here, words, o, false);
      markEnd(there, reg, BEYOND_PKT_END);
      return;
    case 'lt':
      extendRange(there, words, o, true);
      markEnd(here, reg, AT_PKT_END);
      return;
    case 'ge':
      extendRange(here, words, o, true);
      markEnd(there, reg, AT_PKT_END);
      return;
    default:
      extendRange(there, words, o, false);
      markEnd(here, reg, BEYOND_PKT_END);
  }
}

/**
 * The pointer at `o` is not beyond the end; `open`: it is before the end. So all pointers with the same variable part reach at
 * least as far as its fixed offset.
 */
function extendRange(state: VerifierState, words: Int32Array, o: number, open: boolean): void {
  const off = words[o + OFF]!;
  if (off < 0 || (off === 0 && open)) return;
  const greatest = unsignedNumber(words, o + UMAX_LO);
  if (greatest > MAX_PACKET_OFF || greatest + off > MAX_PACKET_OFF) return;
  const range = open ? off + 1 : off;
  const type = words[o + TYPE];
  const id = words[o + ID];
  forEachRegister(state, (r, at) => {
    if (r[at + TYPE] === type && r[at + ID] === id && r[at + AUX]! < range) r[at + AUX] = range;
  });
}

function markEnd(state: VerifierState, reg: number, end: number): void {
  const { words } = state.frame;
  if (words[regAt(reg) + TYPE] === PTR_TO_PACKET) words[regAt(reg) + AUX] = end;
}

/** Whether a comparison with the end is decided by an earlier one: 1, 0, or -1 for unknown. */
export function packetBranchTaken(op: JmpOp, words: Int32Array, dst: number, src: number): 1 | 0 | -1 {
  let pointer: number;
  let how = op;
  if (words[src + TYPE] === PTR_TO_PACKET_END) pointer = dst;
  else if (words[dst + TYPE] === PTR_TO_PACKET_END) {
    pointer = src;
    how = MIRRORED[op];
  } else return -1;
  const range = words[pointer + AUX]!;
  if (range >= 0) return -1;
  if ((how === 'le' || how === 'gt') && range === BEYOND_PKT_END) return how === 'gt' ? 1 : 0;
  if (how === 'lt' || how === 'ge') return how === 'ge' ? 1 : 0;
  return -1;
}
