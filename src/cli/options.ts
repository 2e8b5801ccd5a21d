/** Parsers for option values; each says what it takes when the value is wrong. */
import { BpfError, fromHex } from '../index.ts';
import type { Io } from './io.ts';
import { usageError } from './report.ts';

/** A whole number within bounds, decimal or 0x. */
export function integerOption(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw usageError(`${name} takes a whole number from ${least} to ${most}, not '${text}'`);
  };
}

/** The same for numbers of 64 bits without a sign. */
export function u64Option(name: string): (text: string) => bigint {
  return (text) => {
    const value = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? BigInt(text) : -1n;
    if (value >= 0n && value < 1n << 64n) return value;
    throw usageError(`${name} takes a whole number from 0 to 2^64 - 1, not '${text}'`);
  };
}

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

/** Bytes written as hexadecimal text, or `@FILE` for a file's content. */
export function bytesOption(name: string, text: string, io: Io): Uint8Array {
  if (text.startsWith('@')) return io.read(text.slice(1));
  try {
    return fromHex(text);
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    throw usageError(`${name} takes hexadecimal bytes or @FILE: ${error.message}`);
  }
}

/** `NAME=VALUE` taken apart at the first `=`. */
export function splitAssignment(text: string, option: string): readonly [name: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1)];
  throw usageError(`${option} takes NAME=VALUE, not '${text}'`);
}
