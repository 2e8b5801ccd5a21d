/** `--trace`: a line for each instruction that runs, with the registers before it. */
import { disassembleInsn, encodeInsn, helperName, type Interpreter } from '../../index.ts';

/** `parse_udp 12: (07) r2 += 14  ; r1=0x10040 r2=0x10100 r10=0x10400`; registers that are zero are left out. */
export function traceLine(interpreter: Interpreter): string {
  const { program, slot, registers, depth } = interpreter;
  const insn = program.insns[slot];
  const text =
    insn === undefined ? '?' : disassembleInsn(encodeInsn(insn), 0, { names: { helper: helperName } });
  const indent = '  '.repeat(depth - 1);
  return `${program.name} ${slot}: ${indent}${text}  ; ${registerText(registers)}`;
}

function registerText(registers: Int32Array): string {
  const shown: string[] = [];
  for (let reg = 0; 2 * reg < registers.length; reg++) {
    const low = (registers[2 * reg] ?? 0) >>> 0;
    const high = (registers[2 * reg + 1] ?? 0) >>> 0;
    if (low === 0 && high === 0) continue;
    const hex = high === 0 ? low.toString(16) : high.toString(16) + low.toString(16).padStart(8, '0');
    shown.push(`r${reg}=0x${hex}`);
  }
  return shown.join(' ');
}
