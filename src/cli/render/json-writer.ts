/**
 * JSON as bpftool writes it: 64-bit numbers in all their digits, members in their order even if their names repeat, and its layout for
 * people, in which elements of arrays stand in one line (tools/bpf/bpftool/json_writer.c).
 */

/** A value to be written. */
export type Json = null | boolean | number | bigint | string | Verbatim | readonly Json[] | JsonObject;

/** Text that is written as it is: numbers that JSON does not know, in output for people. */
export interface Verbatim {
  readonly verbatim: string;
}

/** Members in their order. */
export interface JsonObject {
  readonly members: readonly (readonly [name: string, value: Json])[];
}

/** An object. */
export function jsonObject(...members: readonly (readonly [string, Json])[]): JsonObject {
  return { members };
}

/** How output for people is indented by default. */
const INDENT = '    ';

/** The text, without a line break at its end. `pretty` gives each member a line of its own. */
export function writeJson(value: Json, pretty: boolean): string {
  const parts: string[] = [];
  write(value, pretty ? '\n' : undefined, parts);
  return parts.join('');
}

/** @param line What a new line begins with at this depth; undefined for text without line breaks. */
function write(value: Json, line: string | undefined, parts: string[]): void {
  if (typeof value === 'bigint' || typeof value === 'number') parts.push(numberText(value));
  else if (typeof value !== 'object' || value === null) parts.push(JSON.stringify(value));
  else if ('verbatim' in value) parts.push(value.verbatim);
  else if ('members' in value) writeObject(value, line, parts);
  else writeArray(value, line, parts);
}

/** Not every float is a number to JSON. */
function numberText(value: number | bigint): string {
  return typeof value === 'number' && !Number.isFinite(value) ? `"${value}"` : `${value}`;
}

function writeObject({ members }: JsonObject, line: string | undefined, parts: string[]): void {
  const inner = line === undefined ? undefined : line + INDENT;
  parts.push('{');
  members.forEach(([name, value], index) => {
    if (index > 0) parts.push(',');
    parts.push(inner ?? '', JSON.stringify(name), line === undefined ? ':' : ': ');
    write(value, inner, parts);
  });
  if (members.length > 0) parts.push(line ?? '');
  parts.push('}');
}

function writeArray(values: readonly Json[], line: string | undefined, parts: string[]): void {
  const inner = line === undefined ? undefined : line + INDENT;
  parts.push('[');
  values.forEach((value, index) => {
    if (index > 0) parts.push(',');
    write(value, inner, parts);
  });
  if (values.length > 0) parts.push(line ?? '');
  parts.push(']');
}

/** The same for JSON.stringify: numbers that it cannot write exactly become strings, of members with one name the last one stays. */
export function plainJson(value: Json): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : `${value}`;
  }
  if (typeof value !== 'object' || value === null) return value;
  if ('verbatim' in value) return value.verbatim;
  if ('members' in value)
    return Object.fromEntries(value.members.map(([name, member]) => [name, plainJson(member)]));
  return value.map(plainJson);
}
