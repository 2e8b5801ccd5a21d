/** The content of maps, as `bpftool map dump` shows it: by BTF type where there is one, else as bytes. */
import type { ChalkInstance } from 'chalk';
import {
  type BpfObject,
  type BtfValue,
  type MapHandle,
  SyscallError,
  shortMapType,
  toHex,
} from '../../index.ts';

/** Text of all maps of a loaded object. */
export function dumpMaps(object: BpfObject, color: ChalkInstance): string {
  return object.mapList
    .map((map) => {
      const title = `${color.bold(map.name)} ${color.dim(`(${shortMapType(map.spec.type)})`)}\n`;
      const entries = entriesOf(map, object);
      if (entries === undefined)
        return `${title}  ${color.dim('its entries cannot be read from user space')}\n`;
      if (entries.length === 0) return `${title}  ${color.dim('empty')}\n`;
      return title + entries.map(([key, value]) => `  ${formatPlain(key)}: ${formatPlain(value)}\n`).join('');
    })
    .join('');
}

/** All maps for `--json`: name, type, entries. */
export function mapsToJson(object: BpfObject): Record<string, unknown>[] {
  return object.mapList.map((map) => ({
    name: map.name,
    type: shortMapType(map.spec.type),
    entries: entriesOf(map, object)?.map(([key, value]) => ({ key, value })) ?? null,
  }));
}

/** Keys and values; variables by name for data sections; undefined for kinds that user space cannot read. */
function entriesOf(map: MapHandle, object: BpfObject): [BtfValue, BtfValue][] | undefined {
  const section = object.sections[object.mapList.indexOf(map)];
  if (section !== undefined) return section.names().map((name) => [name, section.get(name)]);
  try {
    return [...map.entries()];
  } catch (error) {
    if (error instanceof SyscallError) return undefined;
    throw error;
  }
}

/** A value on one line: `{total: 3, comm: "bash"}`. */
export function formatPlain(value: BtfValue): string {
  if (value instanceof Uint8Array) return toHex(value).replace(/..(?=.)/g, '$& ');
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly BtfValue[]).map(formatPlain).join(', ')}]`;
  const members = Object.entries(value as Readonly<Record<string, BtfValue>>);
  return `{${members.map(([name, member]) => `${name}: ${formatPlain(member)}`).join(', ')}}`;
}
