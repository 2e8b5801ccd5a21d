/** What a map is, as `bpftool map show` prints it (show_map_close_plain, show_map_close_json in tools/bpf/bpftool/map.c). */
import { type MapHandle, shortMapType } from '../../index.ts';
import { type JsonObject, jsonObject } from './json-writer.ts';

/** Two or three lines for people. */
export function showText(handle: MapHandle): string {
  const { keySize, valueSize, maxEntries } = handle.map.attr;
  const { btfId, frozen } = handle.identity;
  const more = [...(btfId === 0 ? [] : [`btf_id ${btfId}`]), ...(frozen ? ['frozen'] : [])].join('  ');
  const sizes = `\tkey ${keySize}B  value ${valueSize}B  max_entries ${maxEntries}\n`;
  return `${headerText(handle)}${sizes}${more === '' ? '' : `\t${more}\n`}`;
}

/** `3: hash  name counts  flags 0x0`. */
export function headerText({ map: { attr }, identity }: MapHandle): string {
  return `${identity.id}: ${shortMapType(attr.type)}  name ${attr.name}  flags 0x${attr.flags.toString(16)}\n`;
}

/** The members that also stand before the elements of one map among several. */
export function headerJson({ map: { attr }, identity }: MapHandle): JsonObject {
  return jsonObject(
    ['id', identity.id],
    ['type', shortMapType(attr.type)],
    ['name', attr.name],
    ['flags', attr.flags],
  );
}

/** For `--json`. */
export function showJson(handle: MapHandle): JsonObject {
  const { keySize, valueSize, maxEntries } = handle.map.attr;
  const { btfId, frozen } = handle.identity;
  return jsonObject(
    ...headerJson(handle).members,
    ['bytes_key', keySize],
    ['bytes_value', valueSize],
    ['max_entries', maxEntries],
    ['frozen', frozen ? 1 : 0],
    ...(btfId === 0 ? [] : [['btf_id', btfId] as const]),
  );
}
