/**
 * A small interpreter with one BigInt a register, as one would write first: what the measured one is compared with. Knows what
 * the programs of programs.js use, checks nothing.
 */

/**
 * @typedef {import('../dist/isa/index.js').Insn} Insn
 * @typedef {import('../dist/isa/index.js').Operand} Operand
 * @typedef {(a: bigint, b: bigint) => bigint} Binary
 */

/** @type {Record<string, Binary>} */
const ALU = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  or: (a, b) => a | b,
  and: (a, b) => a & b,
  xor: (a, b) => a ^ b,
  lsh: (a, b) => a << (b & 63n),
  rsh: (a, b) => a >> (b & 63n),
  mov: (_a, b) => b,
};

/** @type {Record<string, (a: bigint, b: bigint) => boolean>} */
const JMP = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  set: (a, b) => (a & b) !== 0n,
};

/**
 * Runs a program and returns how many instructions it took.
 * @param {readonly (Insn | undefined)[]} insns
 * @param {DataView} memory
 * @param {bigint} r1
 * @param {bigint} stackTop
 * @param {(a: bigint, b: bigint) => bigint} helper
 */
export function runWithBigInts(insns, memory, r1, stackTop, helper) {
  /** @type {bigint[]} */
  const regs = Array(11).fill(0n);
  regs[1] = r1;
  regs[10] = stackTop;
  /** @type {{ pc: number, saved: bigint[] }[]} */
  const frames = [];
  /** @param {Operand} operand */
  const operandValue = (operand) =>
    operand.kind === 'reg' ? (regs[operand.reg] ?? 0n) : BigInt.asUintN(64, BigInt(operand.imm));
  let count = 0;
  for (let pc = 0; ; pc++) {
    const insn = insns[pc];
    if (insn === undefined) throw new Error(`no instruction at ${pc}`);
    count++;
    switch (insn.kind) {
      case 'alu': {
        const a = regs[insn.dst] ?? 0n;
        const b = operandValue(insn.operand);
        if (insn.op === 'arsh') {
          regs[insn.dst] = BigInt.asUintN(insn.width, BigInt.asIntN(insn.width, a) >> (b & 63n));
        } else {
          const u = insn.width === 64 ? a : BigInt.asUintN(32, a);
          const v = insn.width === 64 ? b : BigInt.asUintN(32, b);
          regs[insn.dst] = BigInt.asUintN(insn.width, (ALU[insn.op] ?? missing)(u, v));
        }
        break;
      }
      case 'jmp': {
        const signed = insn.op.startsWith('s') && insn.op !== 'set';
        /** @param {bigint} value */
        const cut = (value) =>
          signed ? BigInt.asIntN(insn.width, value) : BigInt.asUintN(insn.width, value);
        const compare = JMP[signed ? insn.op.slice(1) : insn.op] ?? missing;
        if (compare(cut(regs[insn.dst] ?? 0n), cut(operandValue(insn.operand)))) pc += insn.offset;
        break;
      }
      case 'ja':
        pc += insn.offset;
        break;
      case 'load': {
        const address = Number((regs[insn.src] ?? 0n) + BigInt(insn.offset));
        regs[insn.dst] = load(memory, address, insn.size);
        break;
      }
      case 'store': {
        const address = Number((regs[insn.dst] ?? 0n) + BigInt(insn.offset));
        store(memory, address, insn.size, operandValue(insn.operand));
        break;
      }
      case 'call-helper':
        regs[0] = BigInt.asUintN(64, helper(regs[1], regs[2] ?? 0n));
        break;
      case 'call-subprog':
        frames.push({ pc, saved: regs.slice(6) });
        pc += insn.offset;
        break;
      case 'exit': {
        const frame = frames.pop();
        if (frame === undefined) return count;
        regs.splice(6, 5, ...frame.saved);
        pc = frame.pc;
        break;
      }
      default:
        throw new Error(`this interpreter does not know '${insn.kind}'`);
    }
  }
}

/** @returns {never} */
function missing() {
  throw new Error('this interpreter does not know the operation');
}

/**
 * @param {DataView} memory
 * @param {number} address
 * @param {1 | 2 | 4 | 8} size
 */
function load(memory, address, size) {
  if (size === 8) return memory.getBigUint64(address, true);
  if (size === 4) return BigInt(memory.getUint32(address, true));
  return BigInt(size === 2 ? memory.getUint16(address, true) : memory.getUint8(address));
}

/**
 * @param {DataView} memory
 * @param {number} address
 * @param {1 | 2 | 4 | 8} size
 * @param {bigint} value
 */
function store(memory, address, size, value) {
  if (size === 8) memory.setBigUint64(address, value, true);
  else if (size === 4) memory.setUint32(address, Number(value & 0xffffffffn), true);
  else if (size === 2) memory.setUint16(address, Number(value & 0xffffn), true);
  else memory.setUint8(address, Number(value & 0xffn));
}
