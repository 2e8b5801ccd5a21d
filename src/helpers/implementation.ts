/**
 * What a family of helpers hands to the table: implementations by name, and the place where a 64-bit result leaves its high
 * half.
 */
import type { CallbackDriver, HelperFn, InlineHelper, PreparedProgram } from '../vm/index.ts';
import type { HelperRuntime } from './runtime.ts';

/** A helper's implementation; its kind is the kind of the table's entry. `inline`: how compiled programs may do without a call. */
export type Implementation = { readonly inline?: InlineHelper } & (
  | { readonly kind: 'plain'; readonly call: HelperFn }
  | { readonly kind: 'callback'; readonly start: (...words: number[]) => CallbackDriver | number }
  | {
      readonly kind: 'tail-call';
      readonly target: (mapAddress: number, index: number) => PreparedProgram | undefined;
    }
);

/** Implementations by helper name with its prefix. */
export type Family = Readonly<Record<string, Implementation>>;

/** The high half of 64-bit results: the part of the helper table that implementations write. */
export interface HighHalf {
  high: number;
}

/** Makes the implementations of one family, bound to a kernel. */
export type FamilyMaker = (runtime: HelperRuntime, result: HighHalf) => Family;

/** A plain helper. */
export function plain(call: HelperFn, inline?: InlineHelper): Implementation {
  return { kind: 'plain', call, ...(inline === undefined ? {} : { inline }) };
}

/** The result is a number that the machine keeps in linear memory, at this address if at all. */
export function word(address: number | undefined, size: 4 | 8): InlineHelper | undefined {
  return address === undefined ? undefined : { kind: 'word', address, size };
}

/** Returns a small signed number (an errno, say) from a helper with a 64-bit result. */
export function wideInt(result: HighHalf, value: number): number {
  result.high = value < 0 ? -1 : 0;
  return value;
}

/** Returns an unsigned 32-bit number from a helper with a 64-bit result. */
export function wideU32(result: HighHalf, value: number): number {
  result.high = 0;
  return value | 0;
}

/** The unsigned 64-bit number of two halves, exact below 2^53; larger ones stay larger. */
export function unsigned64(lo: number, hi: number): number {
  return (hi >>> 0) * 0x1_0000_0000 + (lo >>> 0);
}
