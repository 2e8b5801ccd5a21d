/**
 * Writes a CO-RE value into an instruction, or makes the instruction an invalid call that says so (bpf_core_patch_insn and
 * bpf_core_poison_insn in tools/lib/bpf/relo_core.c; instruction fields as RFC 9669 has them).
 */
import { BtfError } from '../../base/errors.ts';
import type { BtfType } from '../types.ts';
import type { CoreValue } from './values.ts';

/** One 8-byte slot of a program, field by field: the shape of isa's RawInsn, which this folder may not import. */
export interface CoreInsn {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

const CLASS_LD = 0x00;
const CLASS_LDX = 0x01;
const CLASS_ST = 0x02;
const CLASS_STX = 0x03;
const CLASS_ALU = 0x04;
const CLASS_ALU64 = 0x07;
const SOURCE_REGISTER = 0x08;
const LD_IMM64 = 0x18;
const MAX_OFFSET = 0x7fff;

/** The size bits of loads and stores by bytes. */
const SIZE_BITS: ReadonlyMap<number, number> = new Map([
  [1, 0x10],
  [2, 0x08],
  [4, 0x00],
  [8, 0x18],
]);
const SIZE_MASK = 0x18;

/** A call of a helper that does not exist; its number reads 0xbad2310, "bad relo". */
const POISON: CoreInsn = { opcode: 0x85, dst: 0, src: 0, offset: 0, imm: 195_896_080 };

/** What a record changes in a program: the slots from its instruction on. */
export interface CorePatch {
  readonly slots: readonly CoreInsn[];
  readonly poisoned: boolean;
}

/** The instruction at `slot` with the kernel's value in place of the program's own; `target` undefined poisons it. */
export function patchInsn(
  insns: readonly CoreInsn[],
  slot: number,
  local: CoreValue,
  target: CoreValue | undefined,
): CorePatch {
  const insn = insns[slot];
  if (!insn) throw new BtfError('core-insn', `the program has no instruction ${slot}`, { insn: slot });
  switch (insn.opcode & 0x07) {
    case CLASS_ALU:
    case CLASS_ALU64:
      if ((insn.opcode & SOURCE_REGISTER) !== 0) throw unknownForm(insn, slot);
      return target ? patchImm(insn, slot, local, target) : poison(1);
    case CLASS_LDX:
    case CLASS_ST:
    case CLASS_STX:
      return target ? patchAccess(insn, slot, local, target) : poison(1);
    case CLASS_LD:
      return patchImm64(insns, slot, local, target);
    default:
      throw unknownForm(insn, slot);
  }
}

function poison(slots: number): CorePatch {
  return { slots: Array.from({ length: slots }, () => POISON), poisoned: true };
}

function patched(...slots: CoreInsn[]): CorePatch {
  return { slots, poisoned: false };
}

function patchImm(insn: CoreInsn, slot: number, local: CoreValue, target: CoreValue): CorePatch {
  expectValue(slot, BigInt.asUintN(64, BigInt(insn.imm)), local);
  return patched({ ...insn, imm: Number(BigInt.asIntN(32, target.value)) });
}

function patchImm64(
  insns: readonly CoreInsn[],
  slot: number,
  local: CoreValue,
  target: CoreValue | undefined,
): CorePatch {
  const [first, second] = [insns[slot], insns[slot + 1]];
  const isPlain =
    first?.opcode === LD_IMM64 &&
    first.src === 0 &&
    first.offset === 0 &&
    second?.opcode === 0 &&
    second.dst === 0 &&
    second.src === 0 &&
    second.offset === 0;
  if (!isPlain) throw unknownForm(first ?? POISON, slot);
  if (!target) return poison(2);
  const imm = (BigInt.asUintN(32, BigInt(second.imm)) << 32n) | BigInt.asUintN(32, BigInt(first.imm));
  expectValue(slot, imm, local);
  return patched(
    { ...first, imm: Number(BigInt.asIntN(32, target.value)) },
    { ...second, imm: Number(BigInt.asIntN(32, target.value >> 32n)) },
  );
}

function patchAccess(insn: CoreInsn, slot: number, local: CoreValue, target: CoreValue): CorePatch {
  expectValue(slot, BigInt.asUintN(64, BigInt(insn.offset)), local);
  if (target.value > BigInt(MAX_OFFSET)) {
    const message = `the kernel's offset ${target.value} does not fit the instruction`;
    throw new BtfError('core-offset', message, { insn: slot });
  }
  const offset = Number(target.value);
  const from = local.access?.size ?? 0;
  const to = target.access?.size ?? 0;
  if (from === to) return patched({ ...insn, offset });
  if (!canResize(local.access?.type, target.access?.type)) return poison(1);
  if (SIZE_BITS.get(from) !== (insn.opcode & SIZE_MASK)) {
    const message = `the instruction does not access the ${from} bytes of the field`;
    throw new BtfError('core-size', message, { insn: slot });
  }
  const sizeBits = SIZE_BITS.get(to);
  if (sizeBits === undefined) {
    throw new BtfError('core-size', `no instruction accesses the ${to} bytes of the kernel's field`, {
      insn: slot,
    });
  }
  return patched({ ...insn, opcode: (insn.opcode & ~SIZE_MASK) | sizeBits, offset });
}

/** Whether a load of another size gives the same value: zero extension is right for pointers and unsigned numbers only. */
function canResize(local: BtfType | undefined, target: BtfType | undefined): boolean {
  if (local?.kind === 'ptr' && target?.kind === 'ptr') return true;
  return (
    local?.kind === 'int' &&
    target?.kind === 'int' &&
    local.encoding !== 'signed' &&
    target.encoding !== 'signed'
  );
}

function expectValue(slot: number, found: bigint, local: CoreValue): void {
  if (!local.validate || found === local.value) return;
  const message = `the instruction holds ${BigInt.asIntN(64, found)} where its types say ${BigInt.asIntN(64, local.value)}`;
  throw new BtfError('core-value', message, { insn: slot });
}

function unknownForm(insn: CoreInsn, slot: number): BtfError {
  const message = `CO-RE cannot patch an instruction with opcode 0x${insn.opcode.toString(16)} of this form`;
  return new BtfError('core-insn', message, { insn: slot });
}
