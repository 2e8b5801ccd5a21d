/**
 * Programs to measure the verifier with, made in code: each makes the walk long in a way of its own. All are XDP programs without maps.
 */

/** @typedef {import('../dist/isa/index.js').RawInsn} RawInsn */

/**
 * @param {number} opcode
 * @returns {RawInsn}
 */
function insn(opcode, dst = 0, src = 0, offset = 0, imm = 0) {
  return { opcode, dst, src, offset, imm };
}

const PRANDOM = insn(0x85, 0, 0, 0, 7);
const RETURN_0 = [insn(0xb7), insn(0x95)];

/**
 * Instructions of a repeated piece.
 * @param {number} times
 * @param {(i: number) => RawInsn[]} piece
 */
function repeat(times, piece) {
  return Array.from({ length: times }, (_, i) => piece(i)).flat();
}

/** Arithmetic without a branch: what one instruction costs. */
function straight() {
  const ops = [0x0f, 0x1f, 0x2f, 0x4f, 0x5f, 0xaf, 0x0c, 0x4c, 0x5c, 0xac];
  const body = repeat(10_000, (i) => [
    insn(ops[i % 10] ?? 0, 2 + (i % 4), 2 + ((i * 7 + 1) % 4)),
    insn(0x57, 2 + (i % 4), 0, 0, 0xffff),
    insn(0x7b, 10, 2 + (i % 4), -8 * (1 + (i % 16))),
    insn(0x79, 2 + ((i + 2) % 4), 10, -8 * (1 + (i % 16))),
  ]);
  return [PRANDOM, ...repeat(4, (i) => [insn(0xbf, 2 + i, 0)]), ...body, ...RETURN_0];
}

/** A counted loop of 10,000 rounds: each is walked, and compared with those before. */
function loop() {
  const body = repeat(12, (i) => [insn(0xb7, 2 + (i % 4), 0, 0, i), insn(0x0f, 6, 2 + (i % 4))]);
  const round = [...body, insn(0x07, 7, 0, 0, 1)];
  return [insn(0xb7, 6), insn(0xb7, 7), ...round, insn(0xa5, 7, 0, -round.length - 1, 10_000), ...RETURN_0];
}

/** A full stack and a branch every few instructions: states are large, and many are kept. */
function states() {
  const stack = repeat(60, (i) => [PRANDOM, insn(0x7b, 10, 0, -8 * (i + 1))]);
  const branches = repeat(2500, (i) => [
    PRANDOM,
    insn(0x57, 0, 0, 0, 255),
    insn(0x15, 0, 0, 1, i % 256),
    insn(0x7b, 10, 0, -8 * (1 + (i % 60))),
    insn(0x79, 1, 10, -8 * (1 + ((i * 7) % 60))),
    insn(0xb7, 2, 0, 0, i),
  ]);
  return [...stack, ...branches, ...RETURN_0];
}

/** Offsets that depend on numbers from far back: backtracking. */
function precision() {
  const body = repeat(700, (i) => [
    PRANDOM,
    insn(0x57, 0, 0, 0, 24),
    insn(0xbf, 6, 0),
    ...repeat(20, (k) => [insn(0xb7, 1 + (k % 4), 0, 0, k)]),
    insn(0x15, 6, 0, 1, 8 * (i % 4)),
    insn(0xb7, 5),
    insn(0xbf, 2, 10),
    insn(0x0f, 2, 6),
    insn(0x72, 2, 0, -32),
  ]);
  return [...body, ...RETURN_0];
}

/** Eight static functions, each of which calls the next three times. */
function calls() {
  const levels = 8;
  const times = 3;
  const work = repeat(12, (i) => [insn(0xb7, 2 + (i % 3), 0, 0, i), insn(0x7b, 10, 2 + (i % 3), -8)]);
  const length = work.length + times + RETURN_0.length;
  return repeat(levels, (level) => [
    ...work,
    ...(level === levels - 1
      ? repeat(times, () => [insn(0xb7, 0)])
      : repeat(times, (i) => [insn(0x85, 0, 1, 0, length - work.length - i - 1)])),
    ...RETURN_0,
  ]);
}

/** By name. */
export const VERIFIER_PROGRAMS = {
  straight: straight(),
  loop: loop(),
  states: states(),
  precision: precision(),
  calls: calls(),
};
