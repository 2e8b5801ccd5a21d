/** Link and network addresses as text and bytes. */
import { UsageError } from '../base/errors.ts';

/** `02:00:00:00:00:01` to six bytes. */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw badAddress('a MAC address such as 02:00:00:00:00:01', text);
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

/** `192.0.2.1` to four bytes. */
export function parseIpv4(text: string): Uint8Array {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : Number.NaN));
  if (parts.length !== 4 || parts.some((part) => !(part <= 255))) throw badAddress('an IPv4 address', text);
  return Uint8Array.from(parts);
}

/** `2001:db8::1` (with at most one `::`) to sixteen bytes. */
export function parseIpv6(text: string): Uint8Array {
  const [head, tail, more] = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const groups =
    tail === undefined
      ? (head ?? [])
      : [...(head ?? []), ...zeros(8 - (head ?? []).length - tail.length), ...tail];
  const valid =
    more === undefined && groups.length === 8 && groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group));
  if (!valid) throw badAddress('an IPv6 address', text);
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]),
  );
}

function zeros(count: number): string[] {
  return new Array<string>(Math.max(count, 0)).fill('0');
}

function badAddress(expected: string, text: string): UsageError {
  return new UsageError('bad-address', `expected ${expected}, got '${text}'`);
}
