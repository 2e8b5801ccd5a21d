/**
 * From slots to instructions, by the opcode table. Strict: an unknown opcode, a reserved field that is not zero or a
 * register beyond r10 is an error that names the slot and the field. Sources: RFC 9669 section 3; the reserved-field
 * checks of kernel/bpf/verifier.c (resolve_pseudo_ldimm64, check_alu_op, check_ld_imm, check_ld_abs, do_check).
 */
import { IsaError } from '../base/errors.ts';
import { REGISTER_COUNT } from './constants.ts';
import { insnFromFields, usesHighHalf } from './fields.ts';
import { hexByte } from './hex.ts';
import type { Insn, InsnList, RawInsn } from './insn.ts';
import { type Field, LD_IMM64_OPCODE, type OpcodeRow, rowsOf } from './opcodes.ts';

const FIELDS: readonly Field[] = ['dst', 'src', 'offset', 'imm'];

/**
 * Decodes a whole program. The result has one entry a slot; the second slot of a ld_imm64 is undefined.
 * @throws IsaError as `decodeInsn`, for the first slot that does not decode.
 */
export function decodeProgram(raws: readonly RawInsn[]): InsnList {
  const insns = new Array<Insn | undefined>(raws.length);
  for (let slot = 0; slot < raws.length; slot++) {
    insns[slot] = decodeInsn(raws, slot);
    if (raws[slot]?.opcode === LD_IMM64_OPCODE) insns[++slot] = undefined;
  }
  return insns;
}

/**
 * Decodes the instruction that starts at `slot`.
 * @throws IsaError `unknown-opcode`, `unknown-variant` (a field has none of the values that select an instruction),
 *   `reserved-field`, `bad-register`, or `bad-ld-imm64` (second slot missing or not empty).
 */
export function decodeInsn(raws: readonly RawInsn[], slot: number): Insn {
  const raw = raws[slot];
  if (raw === undefined) throw new IsaError('no-such-slot', `there is no slot ${slot}`, { insn: slot });
  const row = selectRow(raw, slot);
  checkFields(row, raw, slot);
  const hi = raw.opcode === LD_IMM64_OPCODE ? secondImm(row, raws[slot + 1], slot) : 0;
  return insnFromFields(row.insn, { dst: raw.dst, src: raw.src, offset: raw.offset, imm: raw.imm, hi });
}

/** The table row that an instruction's opcode and selecting field name, or undefined. Reserved fields are not looked at. */
export function findRow(raw: RawInsn): OpcodeRow | undefined {
  const rows = rowsOf(raw.opcode);
  for (const row of rows) if (matches(row, raw)) return row;
  return undefined;
}

function selectRow(raw: RawInsn, slot: number): OpcodeRow {
  const row = findRow(raw);
  if (row !== undefined) return row;
  const [first, ...others] = rowsOf(raw.opcode);
  const opcode = `0x${hexByte(raw.opcode)}`;
  if (first === undefined) {
    throw new IsaError('unknown-opcode', `${opcode} is not an opcode`, { insn: slot });
  }
  const field = selector(first);
  // A single row with a fixed field, or several: every value that would have selected one.
  const values = [first, ...others].map((row) => row.fixed[field] ?? 0);
  throw new IsaError(
    'unknown-variant',
    `${field} of opcode ${opcode} is ${raw[field]}, which selects no instruction: expected ${values.join(', ')}`,
    { insn: slot },
  );
}

function matches({ fixed }: OpcodeRow, raw: RawInsn): boolean {
  if (fixed.offset !== undefined) return fixed.offset === raw.offset;
  if (fixed.src !== undefined) return fixed.src === raw.src;
  if (fixed.imm !== undefined) return fixed.imm === raw.imm;
  return true;
}

function selector(row: OpcodeRow): Field {
  return FIELDS.find((field) => row.fixed[field] !== undefined) ?? 'imm';
}

function checkFields(row: OpcodeRow, raw: RawInsn, slot: number): void {
  for (const field of FIELDS) {
    if (row.fixed[field] !== undefined) continue;
    if (row.uses.includes(field)) checkRegister(field, raw, slot);
    else if (raw[field] !== 0) throw reserved(field, raw[field], raw.opcode, slot);
  }
}

function checkRegister(field: Field, raw: RawInsn, slot: number): void {
  if ((field !== 'dst' && field !== 'src') || raw[field] < REGISTER_COUNT) return;
  throw new IsaError(
    'bad-register',
    `${field} of opcode 0x${hexByte(raw.opcode)} is r${raw[field]}: registers end at r${REGISTER_COUNT - 1}`,
    { insn: slot },
  );
}

function reserved(field: string, value: number, opcode: number, slot: number): IsaError {
  return new IsaError(
    'reserved-field',
    `${field} of opcode 0x${hexByte(opcode)} is reserved and must be 0, but is ${value}`,
    { insn: slot },
  );
}

function secondImm(row: OpcodeRow, second: RawInsn | undefined, slot: number): number {
  if (second === undefined) {
    throw new IsaError(
      'bad-ld-imm64',
      'the program ends in the middle of a ld_imm64, which takes two slots',
      {
        insn: slot,
      },
    );
  }
  for (const field of ['opcode', 'dst', 'src', 'offset'] as const) {
    if (second[field] === 0) continue;
    throw new IsaError(
      'bad-ld-imm64',
      `${field} of the second slot of a ld_imm64 must be 0, but is ${second[field]}`,
      { insn: slot + 1 },
    );
  }
  const used = row.insn.kind === 'ld-imm64' && usesHighHalf(row.insn.pseudo);
  if (!used && second.imm !== 0) {
    throw reserved("the second slot's imm", second.imm, row.opcode, slot + 1);
  }
  return second.imm;
}
