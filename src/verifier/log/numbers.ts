/** Numbers of registers as the log's messages print them: %lld. */
import { i64FromHalves, u64FromHalves } from '../../base/int64.ts';

/** A signed 64-bit field in decimal. */
export function signedText(r: Int32Array, at: number): string {
  return i64FromHalves(r[at]!, r[at + 1]!).toString();
}

/** An unsigned 64-bit field in decimal. */
export function unsignedText(r: Int32Array, at: number): string {
  return u64FromHalves(r[at]!, r[at + 1]!).toString();
}
