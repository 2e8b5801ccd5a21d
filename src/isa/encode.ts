/**
 * From instructions to slots, by the opcode table: the inverse of decode.ts, with the same strictness, so that what was
 * encoded always decodes to itself.
 */
import { IsaError } from '../base/errors.ts';
import { highHalf, lowHalf } from '../base/int64.ts';
import { REGISTER_COUNT } from './constants.ts';
import { type FieldValues, fieldsFromInsn, usesHighHalf, variantKey } from './fields.ts';
import { type Insn, type InsnList, type RawInsn, slotsOf } from './insn.ts';
import { OPCODES, type OpcodeRow } from './opcodes.ts';

const rowByVariant = new Map(OPCODES.map((row) => [variantKey(row.insn), row]));

/** The table row of an instruction; undefined when its parts do not go together (a 32-bit move from s32, say). */
function rowOfInsn(insn: Insn): OpcodeRow | undefined {
  return rowByVariant.get(variantKey(insn));
}

/**
 * Encodes one instruction: one slot, or two for a ld_imm64.
 * @throws IsaError `unknown-variant` when there is no such instruction, `bad-register`, `out-of-range` when an operand
 *   does not fit its field, `reserved-field` when a ld_imm64 has a high half that its kind does not use.
 */
export function encodeInsn(insn: Insn): RawInsn[] {
  const row = rowOfInsn(insn);
  if (row === undefined) {
    throw new IsaError('unknown-variant', `there is no instruction '${variantKey(insn)}'`);
  }
  const values = fieldsFromInsn(insn);
  checkRanges(row, values);
  const first: RawInsn = {
    opcode: row.opcode,
    dst: values.dst,
    src: row.fixed.src ?? values.src,
    offset: row.fixed.offset ?? values.offset,
    imm: row.fixed.imm ?? values.imm,
  };
  return insn.kind === 'ld-imm64' ? [first, secondSlot(values.hi)] : [first];
}

/**
 * Encodes a slot-indexed program, as `decodeProgram` makes it.
 * @throws IsaError as `encodeInsn`, with the slot; `bad-ld-imm64` when the empty slots do not match the ld_imm64s.
 */
export function encodeProgram(insns: InsnList): RawInsn[] {
  const raws: RawInsn[] = [];
  for (const [slot, insn] of insns.entries()) {
    if (slot < raws.length) {
      if (insn !== undefined) throw slotError(slot, 'the second slot of a ld_imm64 must be undefined');
    } else if (insn === undefined) {
      throw slotError(slot, 'only the slot after a ld_imm64 may be undefined');
    } else {
      raws.push(...encodeAt(insn, slot));
    }
  }
  if (raws.length !== insns.length) throw slotError(insns.length, 'the last ld_imm64 has no second slot');
  return raws;
}

/** The slot-indexed list of instructions in sequence: an undefined entry follows each ld_imm64. */
export function toInsnList(sequence: readonly Insn[]): InsnList {
  return sequence.flatMap((insn) => (slotsOf(insn) === 2 ? [insn, undefined] : [insn]));
}

/** The two slots that load a 64-bit constant (taken modulo 2^64) into a register. */
export function encodeLdImm64(dst: number, value: bigint): RawInsn[] {
  return encodeInsn({ kind: 'ld-imm64', pseudo: 'const', dst, lo: lowHalf(value), hi: highHalf(value) });
}

function secondSlot(imm: number): RawInsn {
  return { opcode: 0, dst: 0, src: 0, offset: 0, imm };
}

function encodeAt(insn: Insn, slot: number): RawInsn[] {
  try {
    return encodeInsn(insn);
  } catch (error) {
    if (error instanceof IsaError) throw new IsaError(error.code, error.message, { insn: slot });
    throw error;
  }
}

function slotError(slot: number, message: string): IsaError {
  return new IsaError('bad-ld-imm64', message, { insn: slot });
}

function checkRanges({ insn }: OpcodeRow, values: FieldValues): void {
  for (const field of ['dst', 'src'] as const) {
    if (inRange(values[field], 0, REGISTER_COUNT - 1)) continue;
    throw new IsaError(
      'bad-register',
      `${field} is ${values[field]}: registers are 0 to ${REGISTER_COUNT - 1}`,
    );
  }
  for (const [field, bits] of [
    ['offset', 16],
    ['imm', 32],
    ['hi', 32],
  ] as const) {
    if (inRange(values[field], -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)) continue;
    throw new IsaError(
      'out-of-range',
      `${field} of '${variantKey(insn)}' is ${values[field]}, which is no signed ${bits}-bit number`,
    );
  }
  if (insn.kind === 'ld-imm64' && !usesHighHalf(insn.pseudo) && values.hi !== 0) {
    throw new IsaError('reserved-field', `a ld_imm64 of kind ${insn.pseudo} has no high half: it must be 0`);
  }
}

function inRange(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
