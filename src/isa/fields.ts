/**
 * Between an `Insn` and the fields of its slots: which operand of each kind lies in which field. The opcode and the fields
 * that select a variant are the table's business (opcodes.ts).
 */
import type { Insn, LdImm64Kind, Operand } from './insn.ts';

/** The operand fields of an instruction; `hi` is the immediate of the second slot of a ld_imm64. */
export interface FieldValues {
  dst: number;
  src: number;
  offset: number;
  imm: number;
  hi: number;
}

/** The instruction of a table row (its prototype) with operands from the fields. */
export function insnFromFields(proto: Insn, f: Readonly<FieldValues>): Insn {
  switch (proto.kind) {
    case 'alu':
      return { kind: 'alu', op: proto.op, width: proto.width, dst: f.dst, operand: operandOf(proto, f) };
    case 'neg':
      return { kind: 'neg', width: proto.width, dst: f.dst };
    case 'movsx':
      return { kind: 'movsx', width: proto.width, bits: proto.bits, dst: f.dst, src: f.src };
    case 'endian':
      return { kind: 'endian', op: proto.op, bits: proto.bits, dst: f.dst };
    case 'addr-space-cast':
      return { kind: 'addr-space-cast', dst: f.dst, src: f.src, imm: f.imm };
    case 'ld-imm64':
      return { kind: 'ld-imm64', pseudo: proto.pseudo, dst: f.dst, lo: f.imm, hi: f.hi };
    case 'ld-packet':
      return { kind: 'ld-packet', mode: proto.mode, size: proto.size, src: f.src, imm: f.imm };
    case 'load':
      return {
        kind: 'load',
        size: proto.size,
        signed: proto.signed,
        dst: f.dst,
        src: f.src,
        offset: f.offset,
      };
    case 'store':
      return { kind: 'store', size: proto.size, dst: f.dst, offset: f.offset, operand: operandOf(proto, f) };
    case 'atomic':
      return {
        kind: 'atomic',
        op: proto.op,
        fetch: proto.fetch,
        size: proto.size,
        dst: f.dst,
        src: f.src,
        offset: f.offset,
      };
    case 'ja':
      return { kind: 'ja', offset: proto.long ? f.imm : f.offset, long: proto.long };
    case 'jmp':
      return {
        kind: 'jmp',
        op: proto.op,
        width: proto.width,
        dst: f.dst,
        operand: operandOf(proto, f),
        offset: f.offset,
      };
    case 'may-goto':
      return { kind: 'may-goto', offset: f.offset };
    case 'call-helper':
      return { kind: 'call-helper', id: f.imm };
    case 'call-subprog':
      return { kind: 'call-subprog', offset: f.imm };
    case 'call-kfunc':
      return { kind: 'call-kfunc', btfId: f.imm, module: f.offset };
    case 'callx':
      return { kind: 'callx', reg: f.dst };
    case 'exit':
      return { kind: 'exit' };
  }
}

/** The operand fields of an instruction; fields without an operand are zero. */
export function fieldsFromInsn(insn: Insn): FieldValues {
  switch (insn.kind) {
    case 'alu':
      return withOperand(insn.operand, { dst: insn.dst });
    case 'neg':
    case 'endian':
      return fields({ dst: insn.dst });
    case 'movsx':
      return fields({ dst: insn.dst, src: insn.src });
    case 'addr-space-cast':
      return fields({ dst: insn.dst, src: insn.src, imm: insn.imm });
    case 'ld-imm64':
      return fields({ dst: insn.dst, imm: insn.lo, hi: insn.hi });
    case 'ld-packet':
      return fields({ src: insn.src, imm: insn.imm });
    case 'load':
    case 'atomic':
      return fields({ dst: insn.dst, src: insn.src, offset: insn.offset });
    case 'store':
    case 'jmp':
      return withOperand(insn.operand, { dst: insn.dst, offset: insn.offset });
    case 'ja':
      return insn.long ? fields({ imm: insn.offset }) : fields({ offset: insn.offset });
    case 'may-goto':
      return fields({ offset: insn.offset });
    case 'call-helper':
      return fields({ imm: insn.id });
    case 'call-subprog':
      return fields({ imm: insn.offset });
    case 'call-kfunc':
      return fields({ imm: insn.btfId, offset: insn.module });
    case 'callx':
      return fields({ dst: insn.reg });
    case 'exit':
      return fields({});
  }
}

/** A name for what an instruction is without its operands: equal for an instruction and its table row's prototype. */
export function variantKey(insn: Insn): string {
  switch (insn.kind) {
    case 'alu':
      return `alu ${insn.op} ${insn.width} ${insn.operand.kind}`;
    case 'neg':
      return `neg ${insn.width}`;
    case 'movsx':
      return `movsx ${insn.width} ${insn.bits}`;
    case 'endian':
      return `endian ${insn.op} ${insn.bits}`;
    case 'ld-imm64':
      return `ld-imm64 ${insn.pseudo}`;
    case 'ld-packet':
      return `ld-packet ${insn.mode} ${insn.size}`;
    case 'load':
      return `load ${insn.size} ${insn.signed}`;
    case 'store':
      return `store ${insn.size} ${insn.operand.kind}`;
    case 'atomic':
      return `atomic ${insn.op} ${insn.fetch} ${insn.size}`;
    case 'ja':
      return `ja ${insn.long}`;
    case 'jmp':
      return `jmp ${insn.op} ${insn.width} ${insn.operand.kind}`;
    case 'addr-space-cast':
    case 'may-goto':
    case 'call-helper':
    case 'call-subprog':
    case 'call-kfunc':
    case 'callx':
    case 'exit':
      return insn.kind;
  }
}

/** Whether the second slot's immediate of a ld_imm64 of this kind means something; otherwise it must be zero. */
export function usesHighHalf(pseudo: LdImm64Kind): boolean {
  return pseudo === 'const' || pseudo === 'btf-id' || pseudo === 'map-value' || pseudo === 'map-idx-value';
}

function operandOf(proto: { readonly operand: Operand }, f: Readonly<FieldValues>): Operand {
  return proto.operand.kind === 'reg' ? { kind: 'reg', reg: f.src } : { kind: 'imm', imm: f.imm };
}

function withOperand(operand: Operand, values: Partial<FieldValues>): FieldValues {
  return operand.kind === 'reg'
    ? fields({ ...values, src: operand.reg })
    : fields({ ...values, imm: operand.imm });
}

function fields(values: Partial<FieldValues>): FieldValues {
  return { dst: 0, src: 0, offset: 0, imm: 0, hi: 0, ...values };
}
