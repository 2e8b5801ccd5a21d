/**
 * struct pt_regs of x86-64 (arch/x86/include/asm/ptrace.h), the context of kprobes, and where functions and system calls
 * keep their arguments in it.
 */
import type { Memory } from '../../vm/index.ts';

/** sizeof(struct pt_regs). */
export const PT_REGS_BYTES = 168;

/** Byte offsets of the registers that the simulation fills in. */
const Offset = {
  r10: 56,
  r9: 64,
  r8: 72,
  ax: 80,
  cx: 88,
  dx: 96,
  si: 104,
  di: 112,
  origAx: 120,
  ip: 128,
  sp: 152,
} as const;

const FUNCTION_ARGUMENTS = [Offset.di, Offset.si, Offset.dx, Offset.cx, Offset.r8, Offset.r9] as const;
const SYSCALL_ARGUMENTS = [Offset.di, Offset.si, Offset.dx, Offset.r10, Offset.r8, Offset.r9] as const;

/** Writes the arguments of a C function (at most six in registers). */
export function writeFunctionArguments(memory: Memory, regs: number, args: readonly bigint[]): void {
  writeRegisters(memory, regs, FUNCTION_ARGUMENTS, args);
}

/** Writes what user space has in its registers when it makes a system call. */
export function writeSyscallRegisters(
  memory: Memory,
  regs: number,
  id: number,
  args: readonly bigint[],
): void {
  writeRegisters(memory, regs, SYSCALL_ARGUMENTS, args);
  memory.view.setBigInt64(regs + Offset.origAx, BigInt(id), true);
}

/** Writes a function's or system call's return value. */
export function writeReturnValue(memory: Memory, regs: number, value: bigint): void {
  memory.view.setBigUint64(regs + Offset.ax, BigInt.asUintN(64, value), true);
}

function writeRegisters(
  memory: Memory,
  regs: number,
  offsets: readonly number[],
  values: readonly bigint[],
): void {
  offsets.forEach((offset, i) => {
    memory.view.setBigUint64(regs + offset, BigInt.asUintN(64, values[i] ?? 0n), true);
  });
}
