/**
 * What is measured: loops of one kind of instruction each, as assembly text. Every loop counts r9 down; r6 and r7 point to 64 bytes
 * of memory each and to the stack.
 */

/** Times that each loop goes round. */
const ROUNDS = 50_000;

/**
 * @param {string} setUp
 * @param {string} body
 */
function loop(setUp, body) {
  return `r6 = r1
r7 = r10
r7 += -64
r0 = 0
r2 = 7
r3 = 12345
r4 = -3
r5 = 0
${setUp}
r9 = ${ROUNDS}
again:
${body}
r9 += -1
if r9 != 0 goto again
exit
`;
}

/** Programs by kind. */
export const PROGRAMS = {
  alu64: loop(
    '',
    `r2 += r3
r3 ^= r2
r4 -= r2
r4 &= 0xffff
r3 <<= 5
r5 = r3
r5 >>= 3
r3 |= r4
r2 += 77
r5 *= r2
r0 += r5
r4 s>>= 1`,
  ),
  alu32: loop(
    '',
    `w2 += w3
w3 ^= w2
w4 -= w2
w4 &= 0xffff
w3 <<= 5
w5 = w3
w5 >>= 3
w3 |= w4
w2 += 77
w5 *= w2
w0 += w5
w4 s>>= 1`,
  ),
  memory: loop(
    '',
    `r2 = *(u64 *)(r6 + 0)
*(u64 *)(r7 + 8) = r2
r3 = *(u32 *)(r6 + 8)
*(u32 *)(r7 + 16) = r3
r4 = *(u16 *)(r6 + 12)
*(u16 *)(r7 + 20) = r4
r5 = *(u8 *)(r6 + 14)
*(u8 *)(r7 + 22) = r5
r2 = *(u64 *)(r7 + 8)
*(u64 *)(r6 + 24) = r2
r3 = *(u32 *)(r7 + 16)
*(u64 *)(r10 - 8) = r9`,
  ),
  branches: loop(
    '',
    `if r2 == r3 goto +1
if r2 s> 100 goto +0
if r3 > r2 goto +0
w0 = w9
if w0 & 1 goto +1
if r4 != 5 goto +0
if r3 s<= r4 goto +0
goto +0
if w2 < 100 goto +0
if r9 >= r2 goto +0
if r4 s< 0 goto +1
if r2 <= 3 goto +0`,
  ),
  mixed: loop(
    '',
    `r2 = *(u64 *)(r6 + 0)
r2 += r9
r3 = r2
r3 >>= 7
r2 ^= r3
*(u64 *)(r6 + 0) = r2
r3 &= 255
if r3 > 100 goto +2
r4 = *(u32 *)(r10 - 16)
r4 += 1
*(u32 *)(r10 - 16) = r4
w5 = w3
if w5 == 9 goto +1
r0 += r5`,
  ),
  calls: `r6 = ${ROUNDS}
again:
r1 = r6
call callee
r6 += -1
if r6 != 0 goto again
exit
callee:
r0 = r1
exit
`,
  helper: loop(
    '',
    `r1 = r6
r2 = 3
call measured`,
  ),
};
