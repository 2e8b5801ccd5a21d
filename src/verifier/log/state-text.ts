/**
 * A state as the log prints it: ` R1_w=scalar(id=1,umax=4) fp-8=mmmm`. Source: print_verifier_state, print_reg_state in
 * kernel/bpf/log.c.
 */
import { baseType, NON_OWN_REF } from '../../spec/index.ts';
import {
  formatBounds,
  formatSigned,
  formatUnsigned,
  tnumIsConst,
  VAR_VALUE_LO,
  viewScalar,
} from '../domain/index.ts';
import type { Frame } from '../state/frame.ts';
import {
  ADD_CONST,
  AUX,
  AUX2,
  FIRST_SLOT,
  FRAMENO,
  ID,
  isRead,
  isSpill,
  isWritten,
  OFF,
  PRECISE,
  REF,
  REGISTERS,
  regAt,
  STACK_INVALID,
  slotAt,
  slotKind,
  TYPE,
} from '../state/layout.ts';
import {
  CONST_PTR_TO_MAP,
  isPacketPointer,
  NOT_INIT,
  PTR_TO_BTF_ID,
  PTR_TO_MAP_KEY,
  PTR_TO_MAP_VALUE,
  PTR_TO_MEM,
  PTR_TO_STACK,
  SCALAR_VALUE,
} from '../state/reg-type.ts';
import type { Walk } from '../walk.ts';
import { regTypeName } from './type-names.ts';

/** Letters of the kinds of stack bytes: invalid, spill, misc, zero. */
const SLOT_LETTERS = '?rm0';

/**
 * All of a frame, or only what the current instruction touched (`walk.scratched…`). No line end.
 */
export function formatState(walk: Walk, frame: Frame, all: boolean): string {
  let text = frame.frameno === 0 ? '' : ` frame${frame.frameno}:`;
  for (let reg = 0; reg < REGISTERS; reg++) {
    const o = regAt(reg);
    if (frame.words[o + TYPE] === NOT_INIT) continue;
    if (!all && (walk.scratchedRegs & (1 << reg)) === 0) continue;
    text += ` R${reg}${livenessText(frame.words, reg)}=${formatRegister(walk, frame, o)}`;
  }
  for (let spi = 0; spi < frame.slots; spi++)
    if (all || slotScratched(walk, spi)) text += formatSlot(walk, frame, spi);
  if (frame.refCount > 0 && frame.refId(0) !== 0) {
    const refs = Array.from({ length: frame.refCount }, (_, i) => frame.refId(i));
    text += ` refs=${refs.filter((id) => id !== 0).join(',')}`;
  }
  return frame.inCallback ? `${text} cb` : text;
}

function slotScratched(walk: Walk, spi: number): boolean {
  const mask = spi < 32 ? walk.scratchedSlotsLo : walk.scratchedSlotsHi;
  return (mask & (1 << (spi & 31))) !== 0;
}

function livenessText(words: Int32Array, record: number): string {
  const read = isRead(words, record);
  const written = isWritten(words, record);
  return read || written ? `_${read ? 'r' : ''}${written ? 'w' : ''}` : '';
}

function formatSlot(walk: Walk, frame: Frame, spi: number): string {
  let letters = '';
  let valid = false;
  for (let i = 0; i < 8; i++) {
    const kind = slotKind(frame.words, spi, i);
    if (kind !== STACK_INVALID) valid = true;
    letters += SLOT_LETTERS[kind] ?? '?';
  }
  if (!valid) return '';
  const head = ` fp${(-spi - 1) * 8}${livenessText(frame.words, FIRST_SLOT + spi)}=`;
  if (!isSpill(frame.words, spi)) return head + letters;
  return (
    head + letters.slice(0, letters.indexOf('r')) + formatRegister(walk, frame, slotAt(frame.words, spi))
  );
}

/** One register, or spilled register: `scalar(umax=4)`, `fp-8`, `Pmap_value(…)`. */
export function formatRegister(walk: Walk, frame: Frame, o: number): string {
  const { words } = frame;
  const type = words[o + TYPE]!;
  let text = '';
  if (type === SCALAR_VALUE) {
    if (words[o + PRECISE] === 1) text = 'P';
    if (tnumIsConst(words, o)) return text + formatSigned(BigInt.asIntN(64, viewScalar(words, o).value));
  }
  text += regTypeName(type);
  if (type === PTR_TO_STACK) {
    if (frame.frameno !== words[o + FRAMENO]) text += `[${words[o + FRAMENO]}]`;
    if (tnumIsConst(words, o))
      return text + formatSigned(BigInt(words[o + VAR_VALUE_LO]!) + BigInt(words[o + OFF]!));
  }
  if (baseType(type) === PTR_TO_BTF_ID) text += walk.btfOf(words[o + AUX]!).nameOf(words[o + AUX2]!);
  return `${text}(${attributes(walk, words, o, type).join(',')})`;
}

function attributes(walk: Walk, words: Int32Array, o: number, type: number): string[] {
  const parts: string[] = [];
  const id = words[o + ID]!;
  if (id !== 0) {
    const off = words[o + OFF]!;
    const distance = (id & ADD_CONST) === 0 ? '' : `${off < 0 ? '' : '+'}${off}`;
    parts.push(`id=${id & ~ADD_CONST}${distance}`);
  }
  if (words[o + REF] !== 0) parts.push(`ref_obj_id=${words[o + REF]}`);
  if ((type & NON_OWN_REF) !== 0) parts.push('non_own_ref');
  if (isMapPointer(type)) {
    const { info } = walk.mapOf(words[o + AUX]!);
    if (info.name !== '') parts.push(`map=${info.name}`);
    parts.push(`ks=${info.keySize}`, `vs=${info.valueSize}`);
  }
  if (type !== SCALAR_VALUE && words[o + OFF] !== 0)
    parts.push(`off=${formatSigned(BigInt(words[o + OFF]!))}`);
  if (isPacketPointer(type)) parts.push(`r=${formatUnsigned(BigInt.asUintN(64, BigInt(words[o + AUX]!)))}`);
  if (baseType(type) === PTR_TO_MEM) parts.push(`sz=${formatUnsigned(BigInt(words[o + AUX]! >>> 0))}`);
  if (tnumIsConst(words, o)) {
    const value = BigInt.asIntN(64, viewScalar(words, o).value);
    if (value !== 0n) parts.push(`imm=${formatSigned(value)}`);
    return parts;
  }
  parts.push(...formatBounds(words, o));
  return parts;
}

function isMapPointer(type: number): boolean {
  const base = baseType(type);
  return base === CONST_PTR_TO_MAP || base === PTR_TO_MAP_KEY || base === PTR_TO_MAP_VALUE;
}
