/**
 * A program that runs every operation of the loop, each with operands that reach all its cases. It runs once, before a long run, so that V8
 * knows the types everywhere in the loop when it compiles it. Otherwise it throws the compiled loop away whenever a program meets an
 * operation for the first time (measured: 10 ns an instruction for the first 10 ms of each kind, instead of 3), and cannot fold
 * the register file's address into it.
 */
import type { AccessSize, Insn, Operand, Width } from '../isa/index.ts';
import type { HelperTable, PreparedProgram } from './abi.ts';
import { runLoop } from './loop.ts';
import { Machine } from './machine.ts';
import { Memory } from './memory.ts';
import { ALU_ORDER, ATOMIC_ORDER, JMP_ORDER } from './pack.ts';

/** Instructions at a time: V8 keeps no record of types for a function's first calls, so there must be many. */
const STEP = 2;

/** Instructions that are run before training: fewer are over before it would pay. */
export const UNTRAINED_INSNS = 4096;

let untilTraining = UNTRAINED_INSNS;

/** Told how many instructions were run; trains the loop when it is time. */
export function countForTraining(insns: number): void {
  if (untilTraining <= 0) return;
  untilTraining -= insns;
  if (untilTraining <= 0) trainLoop();
}

function trainLoop(): void {
  const vm = new Machine(new Memory({ maxBytes: 1 }), TRAINING_HELPERS);
  const program = trainingProgram();
  for (const pair of OPERANDS) {
    vm.reset(program, 0, 0);
    vm.regs.set(pair, 2 * A);
    while (!runLoop(vm, STEP));
  }
  vm.dispose();
}

/** Registers of the operands, which `trainLoop` sets, and of results. */
const A = 6;
const B = 7;
const RESULT = 8;

/** Pairs of operands as halves: carries, borrows, signs, equal and unequal halves, both orders, short and long shifts. */
const OPERANDS: readonly (readonly [number, number, number, number])[] = [
  [-1, -1, -1, -1],
  [0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff],
  [1, -0x80000000, -1, 0x7fffffff],
  [7, 0, 40, 0],
  [-0x80000000, 5, 33, 5],
  [0, 0, 3, 0],
];
/** Immediates: as shift counts, one for each half. */
const IMMEDIATES = [0x7fffffe1, 7];

const TRAINING_HELPERS: HelperTable = {
  high: 0,
  loadPacket: (_ctx, offset) => offset,
  entries: [
    { id: 0, name: 'train', args: ['u32', 'ptr', 'u64'], returns: 'int', kind: 'plain', call: (a) => a },
  ],
};

/** The program: every instruction that the loop has an operation for. */
export function trainingProgram(): PreparedProgram {
  const insns: (Insn | undefined)[] = [];
  for (const insn of [...arithmetic(), ...branches()]) {
    insns.push(mov(RESULT, { kind: 'reg', reg: A }), insn, mov(0, { kind: 'imm', imm: 1 }));
  }
  insns.push(...memoryAccesses(), ...control());
  const subprog = insns.push({ kind: 'exit' }) - 1;
  for (const [slot, insn] of insns.entries()) {
    if (insn?.kind === 'call-subprog') insns[slot] = { ...insn, offset: subprog - slot - 1 };
    if (insn?.kind === 'ld-imm64' && insn.pseudo === 'func') insns[slot] = { ...insn, lo: subprog };
  }
  const probeLoads = new Set([insns.findIndex((insn) => insn?.kind === 'load')]);
  return {
    name: 'training',
    insns,
    subprogs: [0, subprog],
    subprogNames: ['training', 'callee'],
    probeLoads,
  };
}

const WIDTHS: readonly Width[] = [32, 64];
const SIZES: readonly AccessSize[] = [1, 2, 4, 8];

const OPERAND_KINDS: readonly Operand[] = [
  { kind: 'reg', reg: B },
  ...IMMEDIATES.map((imm): Operand => ({ kind: 'imm', imm })),
];

function arithmetic(): Insn[] {
  const insns: Insn[] = [];
  for (const width of WIDTHS) {
    for (const operand of OPERAND_KINDS) {
      for (const op of ALU_ORDER) insns.push({ kind: 'alu', op, width, dst: RESULT, operand });
    }
    insns.push({ kind: 'neg', width, dst: RESULT });
  }
  for (const bits of [8, 16, 32] as const) {
    insns.push({ kind: 'movsx', width: 64, bits, dst: RESULT, src: B });
    if (bits !== 32) insns.push({ kind: 'movsx', width: 32, bits, dst: RESULT, src: B });
  }
  for (const bits of [16, 32, 64] as const) {
    insns.push(
      { kind: 'endian', op: 'le', bits, dst: RESULT },
      { kind: 'endian', op: 'be', bits, dst: RESULT },
    );
  }
  return insns;
}

function branches(): Insn[] {
  const insns: Insn[] = [];
  for (const width of WIDTHS) {
    for (const operand of OPERAND_KINDS) {
      for (const op of JMP_ORDER) insns.push({ kind: 'jmp', op, width, dst: RESULT, operand, offset: 1 });
    }
  }
  return insns;
}

/** Stores and loads of every size on the stack, aligned and across 8 bytes. */
function memoryAccesses(): Insn[] {
  const insns: Insn[] = [];
  for (const size of SIZES) {
    for (const offset of [-16, -9 - size / 2]) {
      insns.push(
        { kind: 'store', size, dst: 10, offset, operand: { kind: 'reg', reg: A } },
        { kind: 'store', size, dst: 10, offset, operand: { kind: 'imm', imm: -1 } },
        { kind: 'load', size, signed: false, dst: RESULT, src: 10, offset },
      );
      if (size !== 8) insns.push({ kind: 'load', size, signed: true, dst: RESULT, src: 10, offset });
    }
  }
  for (const op of ATOMIC_ORDER) {
    insns.push({ kind: 'atomic', op, fetch: true, size: 8, dst: 10, src: B, offset: -16 });
  }
  return insns;
}

/** One instruction of each kind that leaves the straight line, ending in `exit`; the slot of the function is filled in later. */
function control(): (Insn | undefined)[] {
  return [
    { kind: 'ja', offset: 0, long: false },
    { kind: 'may-goto', offset: 0 },
    { kind: 'ld-packet', mode: 'abs', size: 4, src: 0, imm: 1 },
    mov(2, { kind: 'imm', imm: 0 }),
    { kind: 'ld-imm64', pseudo: 'const', dst: 3, lo: 1, hi: 1 },
    undefined,
    { kind: 'call-helper', id: 0 },
    { kind: 'call-subprog', offset: 0 },
    { kind: 'ld-imm64', pseudo: 'func', dst: 1, lo: 0, hi: 0 },
    undefined,
    { kind: 'callx', reg: 1 },
    { kind: 'exit' },
  ];
}

function mov(dst: number, operand: Operand): Insn {
  return { kind: 'alu', op: 'mov', width: 64, dst, operand };
}
