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

const ROUNDS = 4;
const STEP = 8;

let trained = false;

/** Trains the loop; does nothing when that was done before. */
export function trainLoop(): void {
  if (trained) return;
  trained = true;
  const memory = new Memory({ maxBytes: 1 });
  const vm = new Machine(memory, TRAINING_HELPERS);
  const program = trainingProgram();
  // More than once and in small steps, because V8 keeps no record of types for a function's first calls.
  for (let round = 0; round < ROUNDS; round++) {
    vm.reset(program, 0, 0);
    while (!runLoop(vm, STEP));
  }
  vm.dispose();
}

/** Pairs of operands: carries, borrows, signs, equal and unequal halves, every order. */
const OPERANDS: readonly (readonly [number, number, number, number])[] = [
  [-1, -1, -1, -1],
  [0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff],
  [1, -0x80000000, -1, 0x7fffffff],
  [3, 0, 7, 0],
  [-0x80000000, 5, 33, 5],
  [0, 0, 40, 0],
];

const TRAINING_HELPERS: HelperTable = {
  high: 0,
  loadPacket: (_ctx, offset) => offset,
  entries: [
    { id: 0, name: 'train', args: ['u32', 'ptr', 'u64'], returns: 'int', kind: 'plain', call: (a) => a },
  ],
};

/** The program: every instruction that the loop has an operation for, once for each pair of operands. */
export function trainingProgram(): PreparedProgram {
  const insns: (Insn | undefined)[] = [];
  for (const [aLow, aHigh, bLow, bHigh] of OPERANDS) {
    const setUp = [constant(6, aLow, aHigh), undefined, constant(7, bLow, bHigh), undefined];
    for (const insn of [...arithmetic(bLow), ...branches(bLow)]) {
      insns.push(...setUp, insn, mov(0, 1));
    }
    insns.push(...setUp, ...memoryAccesses());
  }
  insns.push(...control());
  const subprog = insns.length;
  insns.push({ kind: 'exit' });
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

function arithmetic(imm: number): Insn[] {
  const insns: Insn[] = [];
  const operands: readonly Operand[] = [
    { kind: 'reg', reg: 7 },
    { kind: 'imm', imm },
  ];
  for (const width of WIDTHS) {
    for (const operand of operands) {
      for (const op of ALU_ORDER) insns.push({ kind: 'alu', op, width, dst: 6, operand });
    }
    insns.push({ kind: 'neg', width, dst: 6 });
  }
  for (const bits of [8, 16, 32] as const) {
    insns.push({ kind: 'movsx', width: 64, bits, dst: 6, src: 7 });
    if (bits !== 32) insns.push({ kind: 'movsx', width: 32, bits, dst: 6, src: 7 });
  }
  for (const bits of [16, 32, 64] as const) {
    insns.push({ kind: 'endian', op: 'le', bits, dst: 6 }, { kind: 'endian', op: 'be', bits, dst: 6 });
  }
  return insns;
}

function branches(imm: number): Insn[] {
  const insns: Insn[] = [];
  for (const width of WIDTHS) {
    for (const op of JMP_ORDER) {
      insns.push(
        { kind: 'jmp', op, width, dst: 6, operand: { kind: 'reg', reg: 7 }, offset: 1 },
        { kind: 'jmp', op, width, dst: 6, operand: { kind: 'imm', imm }, offset: 1 },
      );
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
        { kind: 'store', size, dst: 10, offset, operand: { kind: 'reg', reg: 6 } },
        { kind: 'store', size, dst: 10, offset, operand: { kind: 'imm', imm: -1 } },
        { kind: 'load', size, signed: false, dst: 8, src: 10, offset },
      );
      if (size !== 8) insns.push({ kind: 'load', size, signed: true, dst: 8, src: 10, offset });
    }
  }
  for (const op of ATOMIC_ORDER) {
    insns.push({ kind: 'atomic', op, fetch: true, size: 8, dst: 10, src: 7, offset: -16 });
  }
  return insns;
}

/** One instruction of each kind that leaves the straight line, ending in `exit`; the slot of the function is filled in later. */
function control(): (Insn | undefined)[] {
  return [
    { kind: 'ja', offset: 0, long: false },
    { kind: 'may-goto', offset: 0 },
    { kind: 'ld-packet', mode: 'abs', size: 4, src: 0, imm: 1 },
    mov(2, 0),
    { kind: 'call-helper', id: 0 },
    { kind: 'call-subprog', offset: 0 },
    { kind: 'ld-imm64', pseudo: 'func', dst: 1, lo: 0, hi: 0 },
    undefined,
    { kind: 'callx', reg: 1 },
    { kind: 'exit' },
  ];
}

function mov(dst: number, imm: number): Insn {
  return { kind: 'alu', op: 'mov', width: 64, dst, operand: { kind: 'imm', imm } };
}

function constant(dst: number, lo: number, hi: number): Insn {
  return { kind: 'ld-imm64', pseudo: 'const', dst, lo, hi };
}
