/** What the verifier knows of a number: tnums and ranges, the rules of arithmetic and of branches on them, and their text. */
export * from './alu.ts';
export { addBounds64, addScalar, subBounds64 } from './arith.ts';
export * from './branches.ts';
export * from './compare.ts';
export * from './format.ts';
export * from './int64.ts';
export * from './invariants.ts';
export * from './layout.ts';
export * from './narrow.ts';
export * from './resize.ts';
export * from './rules.ts';
export * from './scalar.ts';
export { syncBounds } from './sync.ts';
export * from './tnum.ts';
export * from './within.ts';
