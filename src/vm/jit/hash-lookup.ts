/**
 * Finding a key in a hash map without JavaScript: one function a map, which knows the map's layout. Only for verified programs, whose key
 * pointers need no check. The hash is jhash of include/linux/jhash.h (lookup3 by Bob Jenkins, public domain), as in maps/hash/jhash.ts.
 */
import type { HashLayout } from '../abi.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { Type, W } from '../wasm/opcodes.ts';
import { SmallFunction } from './small-function.ts';

/** JHASH_INITVAL. */
const INITIAL = 0xdeadbeef | 0;

/** Parameter: the key's address. Locals: the three words of the hash, the element, the key. */
const KEY_ADDRESS = 0;
const A = 1;
const B = 2;
const C = 3;
const ELEMENT = 4;
const KEY = 5;

/** lookup3's final steps: which word is changed by which, and the rotation. */
const FINAL_STEPS = [
  [C, B, 14],
  [A, C, 11],
  [B, A, 25],
  [C, B, 16],
  [A, C, 4],
  [B, A, 14],
  [C, B, 24],
] as const;

/** (address of a key): address of the element that has it, or 0. */
export function hashLookup(name: string, layout: HashLayout): FunctionBody {
  const keyType = layout.keySize === 4 ? Type.I32 : Type.I64;
  const w = new SmallFunction().op(2, 4, Type.I32, 1, keyType);
  emitHash(w, layout);
  w.i32(layout.mask).op(W.I32_AND).i32(2).op(W.I32_SHL).at(W.I32_LOAD, layout.buckets);
  emitWalk(w, layout);
  return w.body(name, 1);
}

/** Loads the key and pushes its hash. */
function emitHash(w: SmallFunction, { keySize, seed }: HashLayout): void {
  const start = (INITIAL + keySize + seed) | 0;
  const word = (offset: number): SmallFunction =>
    w.op(W.LOCAL_GET, KEY_ADDRESS).at(W.I32_LOAD, offset).i32(start).op(W.I32_ADD);
  w.op(W.LOCAL_GET, KEY_ADDRESS)
    .at(keySize === 4 ? W.I32_LOAD : W.I64_LOAD, 0)
    .op(W.LOCAL_SET, KEY);
  word(0).op(W.LOCAL_SET, A);
  if (keySize === 8) word(4).op(W.LOCAL_SET, B);
  else w.i32(start).op(W.LOCAL_SET, B);
  w.i32(start).op(W.LOCAL_SET, C);
  for (const [changed, by, bits] of FINAL_STEPS) {
    w.op(W.LOCAL_GET, changed, W.LOCAL_GET, by, W.I32_XOR);
    w.op(W.LOCAL_GET, by).i32(bits).op(W.I32_ROTL, W.I32_SUB, W.LOCAL_SET, changed);
  }
  w.op(W.LOCAL_GET, C);
}

/** Goes through the chain whose first element is on the stack. */
function emitWalk(w: SmallFunction, { keySize, keyAt, nextAt }: HashLayout): void {
  const isOther = keySize === 4 ? W.I32_NE : W.I64_NE;
  w.op(W.LOCAL_SET, ELEMENT);
  w.op(W.LOOP, Type.EMPTY, W.LOCAL_GET, ELEMENT, W.IF, Type.EMPTY);
  w.op(W.LOCAL_GET, ELEMENT).at(keySize === 4 ? W.I32_LOAD : W.I64_LOAD, keyAt);
  w.op(W.LOCAL_GET, KEY, isOther, W.IF, Type.EMPTY);
  w.op(W.LOCAL_GET, ELEMENT).at(W.I32_LOAD, nextAt).op(W.LOCAL_SET, ELEMENT, W.BR, 2);
  w.op(W.END, W.END, W.END);
  w.op(W.LOCAL_GET, ELEMENT);
}
