/** `--json`: one document a command on stdout, with a stable schema number and 64-bit numbers as strings. */
import type { Io } from './io.ts';

/** Raised when a field changes its meaning or goes away; new fields may appear without it. */
export const SCHEMA_VERSION = 1;

/** Prints `{ schemaVersion, command, ...body }`. BigInts become decimal strings, byte arrays hexadecimal ones. */
export function printJson(io: Io, command: string, body: Readonly<Record<string, unknown>>): void {
  io.out(`${JSON.stringify({ schemaVersion: SCHEMA_VERSION, command, ...body }, replacer, 2)}\n`);
}

function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array)
    return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('');
  if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>);
  return value;
}
