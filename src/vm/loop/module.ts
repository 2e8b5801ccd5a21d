/**
 * The interpreter's loop as a WebAssembly module: one function with one switch over the operations that pack.ts numbers. WebAssembly, because
 * registers of 64 bits and addresses checked by the platform make it about twice as fast as JavaScript, and because it stays as fast when
 * memory grows. Owns the order of the parts; what an operation does is written by the files beside this one.
 */
import type { AccessSize } from '../../isa/index.ts';
import { ALU_ORDER, ATOMIC_ORDER, JMP_ORDER, Op } from '../pack.ts';
import { ModuleWriter } from '../wasm/module.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { writeAtomic, writeLoad, writeProbeLoad, writeStore } from './accesses.ts';
import {
  writeAlu,
  writeJump,
  writeLoadImmediate,
  writeNegate,
  writeSignExtendingMove,
  writeSwap,
  writeZeroExtension,
} from './arithmetic.ts';
import {
  type Imports,
  type Labels,
  writeCallPlain,
  writeCallRegister,
  writeCallSpecial,
  writeCallSubprog,
  writeEnter,
  writeFault,
  writeLeave,
  writeLoadPacket,
  writeMayGoto,
  writeSavePlace,
  writeTakeMemory,
  writeTakePlace,
} from './control.ts';
import { START_PARAMS, startCode } from './start.ts';
import { type Label, Local, LoopWriter, Row, type Width } from './writer.ts';

/** What the loop calls; as `Imports` in control.ts says. */
export interface LoopCalls {
  readonly fault: () => void;
  readonly call: (index: number) => number;
  readonly callSpecial: (index: number) => number;
  readonly callRegister: () => number;
  readonly callbackReturned: () => number;
  readonly loadPacket: () => number;
}

/** The module's bytes, always the same: scripts/build.js computes them once for the command line. */
export function loopModule(): Uint8Array<ArrayBuffer> {
  const writer = new ModuleWriter(false);
  const call = (name: keyof LoopCalls, params: readonly number[], result?: number): number =>
    writer.importFunction(name, { params, result });
  const imports: Imports = {
    fault: call('fault', []),
    call: call('call', [Type.I32], Type.I32),
    callSpecial: call('callSpecial', [Type.I32], Type.I32),
    callRegister: call('callRegister', [], Type.I32),
    callbackReturned: call('callbackReturned', [], Type.I32),
    loadPacket: call('loadPacket', [], Type.I32),
  };
  writer.addFunction({
    name: 'run',
    exportAs: 'run',
    signature: { params: [Type.I32, Type.I32], result: Type.I32 },
    code: loopCode(imports),
  });
  writer.addFunction({
    name: 'start',
    exportAs: 'start',
    signature: { params: START_PARAMS, result: undefined },
    code: startCode(),
  });
  return writer.finish('interpreter');
}

/** The parts in order: the switch, the operations, what they share. A label stands where its block ends. */
function loopCode(imports: Imports): Uint8Array {
  const w = new LoopWriter();
  writeTakePlace(w);
  writeTakeMemory(w);
  const stop = w.open(W.BLOCK);
  w.openLoop();
  const enter = w.open(W.BLOCK);
  const leave = w.open(W.BLOCK);
  const fault = w.open(W.BLOCK);
  const labels: Labels = { stop, enter, leave, fault };
  const operations = Array.from({ length: Op.NONE }, (_, op) => op);
  const blocks = operations.map(() => w.open(W.BLOCK)).reverse();
  writeDispatch(w, blocks, labels);
  for (const op of operations) {
    w.end();
    writeOperation(w, op, imports, labels);
  }
  w.end();
  writeFault(w, imports);
  w.end();
  writeLeave(w, imports, labels);
  w.end();
  writeEnter(w, imports);
  w.end();
  w.end();
  writeSavePlace(w);
  w.get(Local.I0);
  w.op(W.END);
  return w.code.written();
}

/** Stops when the budget is used up, with 0 in I0, else goes to the row's operation. */
function writeDispatch(w: LoopWriter, blocks: readonly Label[], { stop, fault }: Labels): void {
  w.i32(0);
  w.set(Local.I0);
  w.get(Local.LEFT);
  w.op(W.I32_EQZ);
  w.brIf(stop);
  w.get(Local.LEFT);
  w.i32(1);
  w.op(W.I32_SUB);
  w.set(Local.LEFT);
  w.field(W.I32_LOAD8_U, Row.OP);
  w.brTable([...blocks, fault]);
}

/** Writes the operation of that number; the groups are those of `Op`. */
function writeOperation(w: LoopWriter, op: number, imports: Imports, labels: Labels): void {
  const width: Width = (op & 2) === 0 ? 64 : 32;
  const isImmediate = (op & 1) === 1;
  if (op < Op.JMP) writeAlu(w, ALU_ORDER[op >> 2]!, width, isImmediate);
  else if (op < Op.LOAD) writeJump(w, JMP_ORDER[(op - Op.JMP) >> 2]!, width, isImmediate);
  else if (op < Op.STORE) writeLoad(w, sizeOf(op - Op.LOAD), op - Op.LOAD >= 4, labels.fault);
  else if (op < Op.NEG) writeStore(w, sizeOf(op - Op.STORE), op - Op.STORE >= 4, labels.fault);
  else if (op < Op.CALL_PLAIN) writeSingleOperation(w, op, imports, labels);
  else if (op < Op.PROBE_LOAD) writeCallPlain(w, op - Op.CALL_PLAIN, imports);
  else if (op < Op.ATOMIC) writeProbeLoad(w, sizeOf(op - Op.PROBE_LOAD), op - Op.PROBE_LOAD >= 4);
  else {
    const which = op - Op.ATOMIC;
    writeAtomic(w, ATOMIC_ORDER[which >> 2]!, (which & 1) === 1 ? 64 : 32, (which & 2) !== 0, labels.fault);
  }
}

/** The groups in which each operation is a case of its own. Numbers that no row has fault. */
function writeSingleOperation(w: LoopWriter, op: number, imports: Imports, labels: Labels): void {
  switch (op) {
    case Op.NEG:
      writeNegate(w, 64);
      break;
    case Op.NEG + 1:
      writeNegate(w, 32);
      break;
    case Op.MOVSX:
      writeSignExtendingMove(w, 64, W.I64_EXTEND8_S);
      break;
    case Op.MOVSX + 1:
      writeSignExtendingMove(w, 64, W.I64_EXTEND16_S);
      break;
    case Op.MOVSX + 2:
      writeSignExtendingMove(w, 64, W.I64_EXTEND32_S);
      break;
    case Op.MOVSX + 3:
      writeSignExtendingMove(w, 32, W.I32_EXTEND8_S);
      break;
    case Op.MOVSX + 4:
      writeSignExtendingMove(w, 32, W.I32_EXTEND16_S);
      break;
    case Op.ZERO_EXTEND:
      writeZeroExtension(w, 16);
      break;
    case Op.ZERO_EXTEND + 1:
      writeZeroExtension(w, 32);
      break;
    case Op.SWAP:
      writeSwap(w, 16);
      break;
    case Op.SWAP + 1:
      writeSwap(w, 32);
      break;
    case Op.SWAP + 2:
      writeSwap(w, 64);
      break;
    case Op.NOP:
      w.next();
      break;
    case Op.LD_IMM64:
      writeLoadImmediate(w);
      break;
    case Op.JA:
      w.jump();
      break;
    case Op.CALL_SUBPROG:
      writeCallSubprog(w, labels);
      break;
    case Op.EXIT:
      w.br(labels.leave);
      break;
    case Op.CALLX:
      writeCallRegister(w, imports, labels);
      break;
    case Op.MAY_GOTO:
      writeMayGoto(w);
      break;
    case Op.LD_PACKET:
      writeLoadPacket(w, imports, labels);
      break;
    case Op.CALL_SPECIAL:
      writeCallSpecial(w, imports, labels);
      break;
    default:
      w.br(labels.fault);
  }
}

/** Loads and stores are numbered by size: 1, 2, 4, 8 bytes, then again. */
function sizeOf(index: number): AccessSize {
  return (1 << (index & 3)) as AccessSize;
}
