/**
 * Programs on which engines are compared, as assembly text. All take r1 = a memory of 65,536 bytes whose first 8 are N (u64) and r2 = its
 * length, and return a checksum of what they did. Helpers: 1 returns 0, 2 is the address of slot r1 of 1,024, 3 adds 1.
 */

/** @typedef {{ n: number, calls: number, unit: string, text: string }} EngineProgram */

/** @type {Record<string, EngineProgram>} */
export const ENGINE_PROGRAMS = {
  xorshift: {
    n: 2_000_000,
    calls: 1,
    unit: 'round',
    text: `r3 = *(u64 *)(r1 + 0)
r0 = 88172645463325252 ll
r5 = 0
again:
r4 = r0
r4 <<= 13
r0 ^= r4
r4 = r0
r4 >>= 7
r0 ^= r4
r4 = r0
r4 <<= 17
r0 ^= r4
r5 += r0
r4 = r5
r4 ^= r0
r3 += -1
if r3 != 0 goto again
r0 += r5
exit
`,
  },
  sieve: {
    n: 8192,
    calls: 20,
    unit: 'number',
    text: `r3 = *(u64 *)(r1 + 0)
r6 = r1
r6 += 8192
r4 = 0
clear:
r5 = r6
r5 += r4
*(u8 *)(r5 + 0) = 0
r4 += 1
if r4 < r3 goto clear
r0 = 0
r4 = 2
next:
r5 = r6
r5 += r4
r7 = *(u8 *)(r5 + 0)
if r7 != 0 goto skip
r0 += 1
r8 = r4
r8 += r4
mark:
if r8 >= r3 goto skip
r5 = r6
r5 += r8
*(u8 *)(r5 + 0) = 1
r8 += r4
goto mark
skip:
r4 += 1
if r4 < r3 goto next
exit
`,
  },
  checksum: {
    n: 750,
    calls: 2000,
    unit: 'word of 2 bytes',
    text: `r3 = *(u64 *)(r1 + 0)
r4 = r1
r4 += 4096
r0 = 0
again:
r5 = *(u16 *)(r4 + 0)
r0 += r5
r4 += 2
r3 += -1
if r3 != 0 goto again
r4 = r0
r4 >>= 16
r0 &= 65535
r0 += r4
r4 = r0
r4 >>= 16
r0 += r4
r0 ^= 65535
r0 &= 65535
exit
`,
  },
  parse: {
    n: 1,
    calls: 1_000_000,
    unit: 'packet',
    text: `r6 = r1
r6 += 4096
r7 = r6
r7 += 64
r2 = r6
r2 += 14
if r2 > r7 goto drop
r3 = *(u16 *)(r6 + 12)
r3 = be16 r3
if r3 != 0x800 goto drop
r4 = r2
r4 += 20
if r4 > r7 goto drop
r3 = *(u8 *)(r2 + 0)
r5 = r3
r5 >>= 4
if r5 != 4 goto drop
r3 &= 15
r3 <<= 2
if r3 < 20 goto drop
r4 = r2
r4 += r3
r8 = r4
r8 += 8
if r8 > r7 goto drop
r5 = *(u8 *)(r2 + 9)
if r5 == 17 goto ports
if r5 != 6 goto drop
ports:
r0 = *(u32 *)(r2 + 12)
r3 = *(u32 *)(r2 + 16)
r8 = *(u16 *)(r4 + 0)
r9 = *(u16 *)(r4 + 2)
r0 *= 0x9e3779b1
r3 *= 0x85ebca6b
r0 ^= r3
r8 <<= 16
r8 |= r9
r8 *= 0xc2b2ae3d
r0 ^= r8
r0 += r5
r3 = r0
r3 >>= 29
r0 ^= r3
r0 *= 0x27d4eb2f
r3 = r0
r3 >>= 32
r0 ^= r3
exit
drop:
r0 = 1
exit
`,
  },
  fibonacci: {
    n: 1_000_000,
    calls: 1,
    unit: 'round',
    text: `r3 = *(u64 *)(r1 + 0)
r0 = 0
r4 = 1
r6 = 0
again:
r5 = r0
r5 += r4
r0 = r4
r4 = r5
if r5 & 1 goto odd
r6 += 1
goto merge
odd:
if r5 s> 0 goto positive
r6 += 2
goto merge
positive:
r6 += 3
merge:
r3 += -1
if r3 != 0 goto again
r0 += r6
exit
`,
  },
  muldiv: {
    n: 300_000,
    calls: 1,
    unit: 'round',
    text: `r3 = *(u64 *)(r1 + 0)
r0 = 1
r4 = 6364136223846793005 ll
again:
r0 *= r4
r0 += 1442695
r5 = r0
r5 /= r3
r6 = r0
r6 %= 1000003
r0 ^= r5
r0 += r6
r3 += -1
if r3 != 0 goto again
exit
`,
  },
  atomics: {
    n: 1_000_000,
    calls: 1,
    unit: 'round',
    text: `r3 = *(u64 *)(r1 + 0)
*(u64 *)(r1 + 4096) = 0
r0 = 0
again:
r4 = 3
lock *(u64 *)(r1 + 4096) += r4
r4 = atomic_fetch_add((u64 *)(r1 + 4096), r4)
r0 += r4
r3 += -1
if r3 != 0 goto again
exit
`,
  },
  copy: {
    n: 512,
    calls: 2000,
    unit: 'word of 8 bytes',
    text: `r3 = *(u64 *)(r1 + 0)
r4 = r1
r4 += 4096
r5 = r1
r5 += 16384
again:
r0 = *(u64 *)(r4 + 0)
*(u64 *)(r5 + 0) = r0
r4 += 8
r5 += 8
r3 += -1
if r3 != 0 goto again
exit
`,
  },
  calls: {
    n: 1_000_000,
    calls: 1,
    unit: 'call',
    text: `r6 = *(u64 *)(r1 + 0)
r7 = 0
again:
r1 = r6
r2 = r7
call callee
r7 = r0
r6 += -1
if r6 != 0 goto again
r0 = r7
exit
callee:
r0 = r1
r0 ^= r2
r0 += 1
exit
`,
  },
  'helper nop': {
    n: 1_000_000,
    calls: 1,
    unit: 'call',
    text: `r6 = *(u64 *)(r1 + 0)
r7 = 0
again:
call 1
r7 += r0
r6 += -1
if r6 != 0 goto again
r0 = r7
exit
`,
  },
  'helper array': {
    n: 1_000_000,
    calls: 1,
    unit: 'call',
    text: `r6 = *(u64 *)(r1 + 0)
r7 = 0
again:
r1 = r6
r1 &= 1023
call 2
if r0 == 0 goto none
r2 = *(u64 *)(r0 + 0)
r7 += r2
none:
r6 += -1
if r6 != 0 goto again
r0 = r7
exit
`,
  },
  'helper add': {
    n: 1_000_000,
    calls: 1,
    unit: 'call',
    text: `r6 = *(u64 *)(r1 + 0)
r7 = 0
again:
r1 = r7
call 3
r7 = r0
r6 += -1
if r6 != 0 goto again
r0 = r7
exit
`,
  },
};
