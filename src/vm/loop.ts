/**
 * The interpreter's hot loop: one switch over the operations that pack.ts numbers. Case labels are plain numbers, because V8 makes a jump
 * table of literals only; `Op` in pack.ts says where each group begins. Semantics: RFC 9669 section 4.
 *
 * Registers are pairs of 32-bit halves: `d` and `s` index the low half of dst and src, the high half follows. A memory access is
 * checked in line when it stays inside 8 aligned bytes (see memory.ts), else by checkRead and checkWrite.
 */
import { runAtomic } from './atomics.ts';
import { currentRegisters, type Machine } from './machine.ts';
import {
  div32,
  div64,
  mod32,
  mod64,
  mul64,
  negate64,
  sdiv32,
  sdiv64,
  smod32,
  smod64,
  swap16,
  swap32,
} from './wide.ts';

/** Runs at most `budget` (a 32-bit number) instructions from where the machine stands; true when the program has ended. Throws VmFault. */
export function runLoop(vm: Machine, budget: number): boolean {
  vm.takeRegisters();
  const regs = currentRegisters();
  const { memory } = vm;
  let { linked } = vm;
  let { rows } = linked;
  let { u8, view, readable, writable } = memory;
  let pc = vm.pc | 0;
  let left = budget | 0;
  for (;;) {
    if (left === 0) {
      vm.pc = pc;
      vm.left = 0;
      return false;
    }
    left = (left - 1) | 0;
    const word = rows[pc]!;
    const imm = rows[pc + 1]!;
    const d = (word >> 8) & 0x3f;
    const s = (word >> 16) & 0x3f;
    pc = (pc + 4) | 0;
    switch (word & 0xff) {
      case 0: {
        // add64 reg
        const a = regs[d]!;
        const sum = (a + regs[s]!) | 0;
        regs[d + 1] = regs[d + 1]! + regs[s + 1]! + (sum >>> 0 < a >>> 0 ? 1 : 0);
        regs[d] = sum;
        break;
      }
      case 1: {
        // add64 imm
        const a = regs[d]!;
        const sum = (a + imm) | 0;
        regs[d + 1] = regs[d + 1]! + (imm >> 31) + (sum >>> 0 < a >>> 0 ? 1 : 0);
        regs[d] = sum;
        break;
      }
      case 2: // add32 reg
        regs[d] = regs[d]! + regs[s]!;
        regs[d + 1] = 0;
        break;
      case 3: // add32 imm
        regs[d] = regs[d]! + imm;
        regs[d + 1] = 0;
        break;
      case 4: {
        // sub64 reg
        const a = regs[d]!;
        const b = regs[s]!;
        regs[d + 1] = regs[d + 1]! - regs[s + 1]! - (a >>> 0 < b >>> 0 ? 1 : 0);
        regs[d] = a - b;
        break;
      }
      case 5: {
        // sub64 imm
        const a = regs[d]!;
        regs[d + 1] = regs[d + 1]! - (imm >> 31) - (a >>> 0 < imm >>> 0 ? 1 : 0);
        regs[d] = a - imm;
        break;
      }
      case 6: // sub32 reg
        regs[d] = regs[d]! - regs[s]!;
        regs[d + 1] = 0;
        break;
      case 7: // sub32 imm
        regs[d] = regs[d]! - imm;
        regs[d + 1] = 0;
        break;
      case 8: // mul64 reg
        mul64(regs, d, regs[s]!, regs[s + 1]!);
        break;
      case 9: // mul64 imm
        mul64(regs, d, imm, imm >> 31);
        break;
      case 10: // mul32 reg
        regs[d] = Math.imul(regs[d]!, regs[s]!);
        regs[d + 1] = 0;
        break;
      case 11: // mul32 imm
        regs[d] = Math.imul(regs[d]!, imm);
        regs[d + 1] = 0;
        break;
      case 12: // or64 reg
        regs[d] = regs[d]! | regs[s]!;
        regs[d + 1] = regs[d + 1]! | regs[s + 1]!;
        break;
      case 13: // or64 imm
        regs[d] = regs[d]! | imm;
        regs[d + 1] = regs[d + 1]! | (imm >> 31);
        break;
      case 14: // or32 reg
        regs[d] = regs[d]! | regs[s]!;
        regs[d + 1] = 0;
        break;
      case 15: // or32 imm
        regs[d] = regs[d]! | imm;
        regs[d + 1] = 0;
        break;
      case 16: // and64 reg
        regs[d] = regs[d]! & regs[s]!;
        regs[d + 1] = regs[d + 1]! & regs[s + 1]!;
        break;
      case 17: // and64 imm
        regs[d] = regs[d]! & imm;
        regs[d + 1] = regs[d + 1]! & (imm >> 31);
        break;
      case 18: // and32 reg
        regs[d] = regs[d]! & regs[s]!;
        regs[d + 1] = 0;
        break;
      case 19: // and32 imm
        regs[d] = regs[d]! & imm;
        regs[d + 1] = 0;
        break;
      case 20: // xor64 reg
        regs[d] = regs[d]! ^ regs[s]!;
        regs[d + 1] = regs[d + 1]! ^ regs[s + 1]!;
        break;
      case 21: // xor64 imm
        regs[d] = regs[d]! ^ imm;
        regs[d + 1] = regs[d + 1]! ^ (imm >> 31);
        break;
      case 22: // xor32 reg
        regs[d] = regs[d]! ^ regs[s]!;
        regs[d + 1] = 0;
        break;
      case 23: // xor32 imm
        regs[d] = regs[d]! ^ imm;
        regs[d + 1] = 0;
        break;
      case 24: {
        // lsh64 reg
        const count = regs[s]! & 63;
        const low = regs[d]!;
        const high = regs[d + 1]!;
        if (count < 32) {
          regs[d] = low << count;
          regs[d + 1] = (high << count) | ((low >>> 1) >>> (31 - count));
        } else {
          regs[d] = 0;
          regs[d + 1] = low << count;
        }
        break;
      }
      case 25: {
        // lsh64 imm
        const count = imm;
        const low = regs[d]!;
        const high = regs[d + 1]!;
        if (count < 32) {
          regs[d] = low << count;
          regs[d + 1] = (high << count) | ((low >>> 1) >>> (31 - count));
        } else {
          regs[d] = 0;
          regs[d + 1] = low << count;
        }
        break;
      }
      case 26: // lsh32 reg
        regs[d] = regs[d]! << regs[s]!;
        regs[d + 1] = 0;
        break;
      case 27: // lsh32 imm
        regs[d] = regs[d]! << imm;
        regs[d + 1] = 0;
        break;
      case 28: {
        // rsh64 reg
        const count = regs[s]! & 63;
        const low = regs[d]!;
        const high = regs[d + 1]!;
        if (count < 32) {
          regs[d] = (low >>> count) | ((high << 1) << (31 - count));
          regs[d + 1] = high >>> count;
        } else {
          regs[d] = high >>> count;
          regs[d + 1] = 0;
        }
        break;
      }
      case 29: {
        // rsh64 imm
        const count = imm;
        const low = regs[d]!;
        const high = regs[d + 1]!;
        if (count < 32) {
          regs[d] = (low >>> count) | ((high << 1) << (31 - count));
          regs[d + 1] = high >>> count;
        } else {
          regs[d] = high >>> count;
          regs[d + 1] = 0;
        }
        break;
      }
      case 30: // rsh32 reg
        regs[d] = regs[d]! >>> regs[s]!;
        regs[d + 1] = 0;
        break;
      case 31: // rsh32 imm
        regs[d] = regs[d]! >>> imm;
        regs[d + 1] = 0;
        break;
      case 32: {
        // arsh64 reg
        const count = regs[s]! & 63;
        const low = regs[d]!;
        const high = regs[d + 1]!;
        if (count < 32) {
          regs[d] = (low >>> count) | ((high << 1) << (31 - count));
          regs[d + 1] = high >> count;
        } else {
          regs[d] = high >> count;
          regs[d + 1] = high >> 31;
        }
        break;
      }
      case 33: {
        // arsh64 imm
        const count = imm;
        const low = regs[d]!;
        const high = regs[d + 1]!;
        if (count < 32) {
          regs[d] = (low >>> count) | ((high << 1) << (31 - count));
          regs[d + 1] = high >> count;
        } else {
          regs[d] = high >> count;
          regs[d + 1] = high >> 31;
        }
        break;
      }
      case 34: // arsh32 reg
        regs[d] = regs[d]! >> regs[s]!;
        regs[d + 1] = 0;
        break;
      case 35: // arsh32 imm
        regs[d] = regs[d]! >> imm;
        regs[d + 1] = 0;
        break;
      case 36: {
        // mov64 reg
        const high = regs[s + 1]!;
        regs[d] = regs[s]!;
        regs[d + 1] = high;
        break;
      }
      case 37: // mov64 imm
        regs[d] = imm;
        regs[d + 1] = imm >> 31;
        break;
      case 38: // mov32 reg
        regs[d] = regs[s]!;
        regs[d + 1] = 0;
        break;
      case 39: // mov32 imm
        regs[d] = imm;
        regs[d + 1] = 0;
        break;
      case 40: // div64 reg
        div64(regs, d, regs[s]!, regs[s + 1]!);
        break;
      case 41: // div64 imm
        div64(regs, d, imm, imm >> 31);
        break;
      case 42: // div32 reg
        regs[d] = div32(regs[d]!, regs[s]!);
        regs[d + 1] = 0;
        break;
      case 43: // div32 imm
        regs[d] = div32(regs[d]!, imm);
        regs[d + 1] = 0;
        break;
      case 44: // mod64 reg
        mod64(regs, d, regs[s]!, regs[s + 1]!);
        break;
      case 45: // mod64 imm
        mod64(regs, d, imm, imm >> 31);
        break;
      case 46: // mod32 reg
        regs[d] = mod32(regs[d]!, regs[s]!);
        regs[d + 1] = 0;
        break;
      case 47: // mod32 imm
        regs[d] = mod32(regs[d]!, imm);
        regs[d + 1] = 0;
        break;
      case 48: // sdiv64 reg
        sdiv64(regs, d, regs[s]!, regs[s + 1]!);
        break;
      case 49: // sdiv64 imm
        sdiv64(regs, d, imm, imm >> 31);
        break;
      case 50: // sdiv32 reg
        regs[d] = sdiv32(regs[d]!, regs[s]!);
        regs[d + 1] = 0;
        break;
      case 51: // sdiv32 imm
        regs[d] = sdiv32(regs[d]!, imm);
        regs[d + 1] = 0;
        break;
      case 52: // smod64 reg
        smod64(regs, d, regs[s]!, regs[s + 1]!);
        break;
      case 53: // smod64 imm
        smod64(regs, d, imm, imm >> 31);
        break;
      case 54: // smod32 reg
        regs[d] = smod32(regs[d]!, regs[s]!);
        regs[d + 1] = 0;
        break;
      case 55: // smod32 imm
        regs[d] = smod32(regs[d]!, imm);
        regs[d + 1] = 0;
        break;
      case 56: // jeq 64 reg
        if (((regs[d]! ^ regs[s]!) | (regs[d + 1]! ^ regs[s + 1]!)) === 0) pc = rows[pc - 2]!;
        break;
      case 57: // jeq 64 imm
        if (((regs[d]! ^ imm) | (regs[d + 1]! ^ (imm >> 31))) === 0) pc = rows[pc - 2]!;
        break;
      case 58: // jeq 32 reg
        if (regs[d]! === regs[s]!) pc = rows[pc - 2]!;
        break;
      case 59: // jeq 32 imm
        if (regs[d]! === imm) pc = rows[pc - 2]!;
        break;
      case 60: // jne 64 reg
        if (((regs[d]! ^ regs[s]!) | (regs[d + 1]! ^ regs[s + 1]!)) !== 0) pc = rows[pc - 2]!;
        break;
      case 61: // jne 64 imm
        if (((regs[d]! ^ imm) | (regs[d + 1]! ^ (imm >> 31))) !== 0) pc = rows[pc - 2]!;
        break;
      case 62: // jne 32 reg
        if (regs[d]! !== regs[s]!) pc = rows[pc - 2]!;
        break;
      case 63: // jne 32 imm
        if (regs[d]! !== imm) pc = rows[pc - 2]!;
        break;
      case 64: // jgt 64 reg
        if (
          regs[d + 1]! === regs[s + 1]!
            ? regs[d]! >>> 0 > regs[s]! >>> 0
            : regs[d + 1]! >>> 0 > regs[s + 1]! >>> 0
        )
          pc = rows[pc - 2]!;
        break;
      case 65: // jgt 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 > imm >>> 0 : regs[d + 1]! >>> 0 > (imm >> 31) >>> 0)
          pc = rows[pc - 2]!;
        break;
      case 66: // jgt 32 reg
        if (regs[d]! >>> 0 > regs[s]! >>> 0) pc = rows[pc - 2]!;
        break;
      case 67: // jgt 32 imm
        if (regs[d]! >>> 0 > imm >>> 0) pc = rows[pc - 2]!;
        break;
      case 68: // jge 64 reg
        if (
          regs[d + 1]! === regs[s + 1]!
            ? regs[d]! >>> 0 >= regs[s]! >>> 0
            : regs[d + 1]! >>> 0 > regs[s + 1]! >>> 0
        )
          pc = rows[pc - 2]!;
        break;
      case 69: // jge 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 >= imm >>> 0 : regs[d + 1]! >>> 0 > (imm >> 31) >>> 0)
          pc = rows[pc - 2]!;
        break;
      case 70: // jge 32 reg
        if (regs[d]! >>> 0 >= regs[s]! >>> 0) pc = rows[pc - 2]!;
        break;
      case 71: // jge 32 imm
        if (regs[d]! >>> 0 >= imm >>> 0) pc = rows[pc - 2]!;
        break;
      case 72: // jlt 64 reg
        if (
          regs[d + 1]! === regs[s + 1]!
            ? regs[d]! >>> 0 < regs[s]! >>> 0
            : regs[d + 1]! >>> 0 < regs[s + 1]! >>> 0
        )
          pc = rows[pc - 2]!;
        break;
      case 73: // jlt 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 < imm >>> 0 : regs[d + 1]! >>> 0 < (imm >> 31) >>> 0)
          pc = rows[pc - 2]!;
        break;
      case 74: // jlt 32 reg
        if (regs[d]! >>> 0 < regs[s]! >>> 0) pc = rows[pc - 2]!;
        break;
      case 75: // jlt 32 imm
        if (regs[d]! >>> 0 < imm >>> 0) pc = rows[pc - 2]!;
        break;
      case 76: // jle 64 reg
        if (
          regs[d + 1]! === regs[s + 1]!
            ? regs[d]! >>> 0 <= regs[s]! >>> 0
            : regs[d + 1]! >>> 0 < regs[s + 1]! >>> 0
        )
          pc = rows[pc - 2]!;
        break;
      case 77: // jle 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 <= imm >>> 0 : regs[d + 1]! >>> 0 < (imm >> 31) >>> 0)
          pc = rows[pc - 2]!;
        break;
      case 78: // jle 32 reg
        if (regs[d]! >>> 0 <= regs[s]! >>> 0) pc = rows[pc - 2]!;
        break;
      case 79: // jle 32 imm
        if (regs[d]! >>> 0 <= imm >>> 0) pc = rows[pc - 2]!;
        break;
      case 80: // jset 64 reg
        if (((regs[d]! & regs[s]!) | (regs[d + 1]! & regs[s + 1]!)) !== 0) pc = rows[pc - 2]!;
        break;
      case 81: // jset 64 imm
        if (((regs[d]! & imm) | (regs[d + 1]! & (imm >> 31))) !== 0) pc = rows[pc - 2]!;
        break;
      case 82: // jset 32 reg
        if ((regs[d]! & regs[s]!) !== 0) pc = rows[pc - 2]!;
        break;
      case 83: // jset 32 imm
        if ((regs[d]! & imm) !== 0) pc = rows[pc - 2]!;
        break;
      case 84: // jsgt 64 reg
        if (regs[d + 1]! === regs[s + 1]! ? regs[d]! >>> 0 > regs[s]! >>> 0 : regs[d + 1]! > regs[s + 1]!)
          pc = rows[pc - 2]!;
        break;
      case 85: // jsgt 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 > imm >>> 0 : regs[d + 1]! > imm >> 31)
          pc = rows[pc - 2]!;
        break;
      case 86: // jsgt 32 reg
        if (regs[d]! > regs[s]!) pc = rows[pc - 2]!;
        break;
      case 87: // jsgt 32 imm
        if (regs[d]! > imm) pc = rows[pc - 2]!;
        break;
      case 88: // jsge 64 reg
        if (regs[d + 1]! === regs[s + 1]! ? regs[d]! >>> 0 >= regs[s]! >>> 0 : regs[d + 1]! > regs[s + 1]!)
          pc = rows[pc - 2]!;
        break;
      case 89: // jsge 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 >= imm >>> 0 : regs[d + 1]! > imm >> 31)
          pc = rows[pc - 2]!;
        break;
      case 90: // jsge 32 reg
        if (regs[d]! >= regs[s]!) pc = rows[pc - 2]!;
        break;
      case 91: // jsge 32 imm
        if (regs[d]! >= imm) pc = rows[pc - 2]!;
        break;
      case 92: // jslt 64 reg
        if (regs[d + 1]! === regs[s + 1]! ? regs[d]! >>> 0 < regs[s]! >>> 0 : regs[d + 1]! < regs[s + 1]!)
          pc = rows[pc - 2]!;
        break;
      case 93: // jslt 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 < imm >>> 0 : regs[d + 1]! < imm >> 31)
          pc = rows[pc - 2]!;
        break;
      case 94: // jslt 32 reg
        if (regs[d]! < regs[s]!) pc = rows[pc - 2]!;
        break;
      case 95: // jslt 32 imm
        if (regs[d]! < imm) pc = rows[pc - 2]!;
        break;
      case 96: // jsle 64 reg
        if (regs[d + 1]! === regs[s + 1]! ? regs[d]! >>> 0 <= regs[s]! >>> 0 : regs[d + 1]! < regs[s + 1]!)
          pc = rows[pc - 2]!;
        break;
      case 97: // jsle 64 imm
        if (regs[d + 1]! === imm >> 31 ? regs[d]! >>> 0 <= imm >>> 0 : regs[d + 1]! < imm >> 31)
          pc = rows[pc - 2]!;
        break;
      case 98: // jsle 32 reg
        if (regs[d]! <= regs[s]!) pc = rows[pc - 2]!;
        break;
      case 99: // jsle 32 imm
        if (regs[d]! <= imm) pc = rows[pc - 2]!;
        break;
      case 100: {
        // load u8
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 1) !== 1)
          checkRead(vm, pc, left, s, imm, 1);
        regs[d] = u8[a >>> 0]!;
        regs[d + 1] = 0;
        break;
      }
      case 101: {
        // load u16
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 3) !== 3)
          checkRead(vm, pc, left, s, imm, 2);
        regs[d] = view.getUint16(a >>> 0, true);
        regs[d + 1] = 0;
        break;
      }
      case 102: {
        // load u32
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 15) !== 15)
          checkRead(vm, pc, left, s, imm, 4);
        regs[d] = view.getInt32(a >>> 0, true);
        regs[d + 1] = 0;
        break;
      }
      case 103: {
        // load u64
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 0xff) !== 0xff)
          checkRead(vm, pc, left, s, imm, 8);
        regs[d] = view.getInt32(a >>> 0, true);
        regs[d + 1] = view.getInt32((a >>> 0) + 4, true);
        break;
      }
      case 104: {
        // load s8
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 1) !== 1)
          checkRead(vm, pc, left, s, imm, 1);
        const value = (u8[a >>> 0]! << 24) >> 24;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        break;
      }
      case 105: {
        // load s16
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 3) !== 3)
          checkRead(vm, pc, left, s, imm, 2);
        const value = view.getInt16(a >>> 0, true);
        regs[d] = value;
        regs[d + 1] = value >> 31;
        break;
      }
      case 106: {
        // load s32
        const a = (regs[s]! + imm) | 0;
        if (regs[s + 1] !== 0 || ((readable[a >>> 3]! >>> (a & 7)) & 15) !== 15)
          checkRead(vm, pc, left, s, imm, 4);
        const value = view.getInt32(a >>> 0, true);
        regs[d] = value;
        regs[d + 1] = value >> 31;
        break;
      }
      case 107: {
        // store u8 reg
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 1) !== 1)
          checkWrite(vm, pc, left, d, imm, 1);
        u8[a >>> 0] = regs[s]!;
        break;
      }
      case 108: {
        // store u16 reg
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 3) !== 3)
          checkWrite(vm, pc, left, d, imm, 2);
        view.setInt16(a >>> 0, regs[s]!, true);
        break;
      }
      case 109: {
        // store u32 reg
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 15) !== 15)
          checkWrite(vm, pc, left, d, imm, 4);
        view.setInt32(a >>> 0, regs[s]!, true);
        break;
      }
      case 110: {
        // store u64 reg
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 0xff) !== 0xff)
          checkWrite(vm, pc, left, d, imm, 8);
        view.setInt32(a >>> 0, regs[s]!, true);
        view.setInt32((a >>> 0) + 4, regs[s + 1]!, true);
        break;
      }
      case 111: {
        // store u8 imm
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 1) !== 1)
          checkWrite(vm, pc, left, d, imm, 1);
        u8[a >>> 0] = rows[pc - 2]!;
        break;
      }
      case 112: {
        // store u16 imm
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 3) !== 3)
          checkWrite(vm, pc, left, d, imm, 2);
        view.setInt16(a >>> 0, rows[pc - 2]!, true);
        break;
      }
      case 113: {
        // store u32 imm
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 15) !== 15)
          checkWrite(vm, pc, left, d, imm, 4);
        view.setInt32(a >>> 0, rows[pc - 2]!, true);
        break;
      }
      case 114: {
        // store u64 imm
        const a = (regs[d]! + imm) | 0;
        if (regs[d + 1] !== 0 || ((writable[a >>> 3]! >>> (a & 7)) & 0xff) !== 0xff)
          checkWrite(vm, pc, left, d, imm, 8);
        view.setInt32(a >>> 0, rows[pc - 2]!, true);
        view.setInt32((a >>> 0) + 4, rows[pc - 2]! >> 31, true);
        break;
      }
      case 115: // neg64
        negate64(regs, d);
        break;
      case 116: // neg32
        regs[d] = -regs[d]!;
        regs[d + 1] = 0;
        break;
      case 117: {
        // movsx64 8
        const value = (regs[s]! << 24) >> 24;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        break;
      }
      case 118: {
        // movsx64 16
        const value = (regs[s]! << 16) >> 16;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        break;
      }
      case 119: {
        // movsx64 32
        const value = regs[s]!;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        break;
      }
      case 120: // movsx32 8
        regs[d] = (regs[s]! << 24) >> 24;
        regs[d + 1] = 0;
        break;
      case 121: // movsx32 16
        regs[d] = (regs[s]! << 16) >> 16;
        regs[d + 1] = 0;
        break;
      case 122: // zero-extend 16
        regs[d] = regs[d]! & 0xffff;
        regs[d + 1] = 0;
        break;
      case 123: // zero-extend 32
        regs[d + 1] = 0;
        break;
      case 125: // swap16
        regs[d] = swap16(regs[d]!);
        regs[d + 1] = 0;
        break;
      case 126: // swap32
        regs[d] = swap32(regs[d]!);
        regs[d + 1] = 0;
        break;
      case 127: {
        // swap64
        const low = swap32(regs[d + 1]!);
        regs[d + 1] = swap32(regs[d]!);
        regs[d] = low;
        break;
      }
      case 128: // nop
        break;
      case 129: // ld_imm64
        regs[d] = imm;
        regs[d + 1] = rows[pc - 2]!;
        pc = (pc + 4) | 0;
        break;
      case 130: // ja
        pc = rows[pc - 2]!;
        break;
      case 131: // call of a helper or kernel function
        vm.pc = pc;
        vm.left = left;
        vm.callOut(linked.plans[imm]!);
        pc = vm.pc | 0;
        ({ linked } = vm);
        ({ rows } = linked);
        ({ u8, view, readable, writable } = memory);
        break;
      case 132: // call of a subprogram
        vm.pc = pc;
        vm.left = left;
        vm.enter(rows[pc - 2]!);
        pc = vm.pc | 0;
        break;
      case 133: // exit
        vm.pc = pc;
        vm.left = left;
        if (vm.depth === 0) return true;
        vm.leave();
        pc = vm.pc | 0;
        ({ linked } = vm);
        ({ rows } = linked);
        ({ u8, view, readable, writable } = memory);
        break;
      case 134: // atomic
        checkWrite(vm, pc, left, d, imm, atomicSize(rows[pc - 1]!));
        runAtomic(vm, rows[pc - 1]!, (regs[d]! + imm) >>> 0, s);
        break;
      case 135: // load that reads zeros where nothing is mapped
        probeLoad(vm, rows[pc - 2]!, d, s, imm);
        break;
      case 136: // callx
        vm.pc = pc;
        vm.left = left;
        vm.enterPointer(d);
        pc = vm.pc | 0;
        ({ linked } = vm);
        ({ rows } = linked);
        ({ u8, view, readable, writable } = memory);
        break;
      case 137: // may_goto
        if (vm.loopsLeft === 0) pc = rows[pc - 2]!;
        else vm.loopsLeft--;
        break;
      case 138: // legacy packet load
        vm.pc = pc;
        vm.left = left;
        if (!loadPacket(vm, imm + (rows[pc - 2]! === 0 ? 0 : regs[s]!), rows[pc - 1]! as 1 | 2 | 4)) {
          if (vm.depth === 0) return true;
          vm.leave();
          pc = vm.pc | 0;
          ({ linked } = vm);
          ({ rows } = linked);
        }
        ({ u8, view, readable, writable } = memory);
        break;
      default:
        vm.pc = pc;
        vm.left = left;
        throw vm.fault('fell-off-end', 'the program runs past its last instruction');
    }
  }
}

/** Any read that the loop cannot allow at a glance. Throws the fault when memory does not allow it. */
function checkRead(vm: Machine, pc: number, left: number, reg: number, offset: number, size: number): void {
  const { regs } = vm;
  if (regs[reg + 1] === 0 && vm.memory.isReadable((regs[reg]! + offset) >>> 0, size)) return;
  vm.pc = pc;
  vm.left = left;
  throw vm.accessFault(reg, offset, size, false);
}

function checkWrite(vm: Machine, pc: number, left: number, reg: number, offset: number, size: number): void {
  const { regs } = vm;
  if (regs[reg + 1] === 0 && vm.memory.isWritable((regs[reg]! + offset) >>> 0, size)) return;
  vm.pc = pc;
  vm.left = left;
  throw vm.accessFault(reg, offset, size, true);
}

function atomicSize(which: number): 4 | 8 {
  return (which & 1) === 0 ? 4 : 8;
}

/** `kind` as the loads are numbered: 0 to 3 unsigned of 1, 2, 4, 8 bytes, 4 to 6 signed. */
function probeLoad(vm: Machine, kind: number, d: number, s: number, offset: number): void {
  const { regs, memory } = vm;
  const { view } = memory;
  const address = (regs[s]! + offset) >>> 0;
  const isMapped = regs[s + 1] === 0 && memory.isReadable(address, 1 << (kind & 3));
  let low = 0;
  let high = 0;
  if (isMapped) {
    switch (kind & 3) {
      case 0:
        low = kind === 0 ? view.getUint8(address) : view.getInt8(address);
        break;
      case 1:
        low = kind === 1 ? view.getUint16(address, true) : view.getInt16(address, true);
        break;
      case 2:
        low = view.getInt32(address, true);
        break;
      default:
        low = view.getInt32(address, true);
        high = view.getInt32(address + 4, true);
    }
    if (kind >= 4) high = low >> 31;
  }
  regs[d] = low;
  regs[d + 1] = high;
}

/** Loads into r0, or sets it to 0 and returns false when the packet is too short. */
function loadPacket(vm: Machine, offset: number, size: 1 | 2 | 4): boolean {
  const load = vm.helpers.loadPacket;
  if (load === undefined) throw vm.fault('no-packet', 'there is no packet for legacy packet access here');
  const value = load(vm.regs[12]! >>> 0, offset | 0, size);
  vm.takeRegisters();
  vm.regs[0] = Math.max(value, 0);
  vm.regs[1] = 0;
  return value >= 0;
}
