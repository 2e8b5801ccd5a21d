/** The content of all maps after a run: a line an entry, by BTF type where there is one, else as bytes; and histograms as drawings. */
import type { ChalkInstance } from 'chalk';
import {
  type BpfObject,
  type BtfValue,
  decodeValue,
  type MapHandle,
  SyscallError,
  shortMapType,
  toHex,
} from '../../index.ts';
import { contentOf, type MapContent } from '../maps/content.ts';
import { histogramsOf, type PlotMode } from '../maps/histograms.ts';
import { drawHistogram } from './histogram.ts';
import { plainJson } from './json-writer.ts';
import { dumpJson } from './map-dump.ts';
import type { SentRecord } from './records.ts';

/** Text of all maps of a loaded object. Records that were sent are shown elsewhere: only their number is said. */
export function dumpMaps(
  object: BpfObject,
  color: ChalkInstance,
  records: readonly SentRecord[] = [],
  plot: PlotMode = 'auto',
): string {
  return object.mapList
    .map((map) => {
      const content = contentOf(object, map, records);
      const title = `${color.bold(map.name)} ${color.dim(`(${shortMapType(map.spec.type)})`)}\n`;
      return title + contentLines(object, map, content, color) + drawings(map, content, plot);
    })
    .join('');
}

/**
 * All maps for `--json`: name, type, entries as JavaScript has them, elements as bpftool has them.
 * `entries` is null for kinds that have no keys to list.
 */
export function mapsToJson(
  object: BpfObject,
  records: readonly SentRecord[] = [],
): Record<string, unknown>[] {
  return object.mapList.map((map) => ({
    name: map.name,
    type: shortMapType(map.spec.type),
    entries: entriesOf(map, object)?.map(([key, value]) => ({ key, value })) ?? null,
    elements: plainJson(dumpJson(map, contentOf(object, map, records))),
  }));
}

function contentLines(object: BpfObject, map: MapHandle, content: MapContent, color: ChalkInstance): string {
  switch (content.kind) {
    case 'hidden':
      return `  ${color.dim('its entries cannot be read from user space')}\n`;
    case 'records':
      return `  ${color.dim(`${content.records.length} records were sent`)}\n`;
    case 'values':
      return linesOr(
        content.elements.map(({ value }) => `  ${formatPlain(typedValue(content, value))}\n`),
        color,
      );
    case 'stacks':
    case 'elements':
      return linesOr(
        (entriesOf(map, object) ?? []).map(
          ([key, value]) => `  ${formatPlain(key)}: ${formatPlain(value)}\n`,
        ),
        color,
      );
  }
}

function linesOr(lines: readonly string[], color: ChalkInstance): string {
  return lines.length === 0 ? `  ${color.dim('empty')}\n` : lines.join('');
}

function typedValue({ types }: MapContent, value: Uint8Array | number): BtfValue {
  if (typeof value === 'number' || types === undefined) return value;
  return decodeValue(types.btf, types.valueTypeId, value);
}

function drawings(map: MapHandle, content: MapContent, plot: PlotMode): string {
  return histogramsOf(map, content.elements, plot)
    .map((histogram) => drawHistogram({ ...histogram, title: `  ${histogram.title}:` }))
    .join('');
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
function formatPlain(value: BtfValue): string {
  if (value instanceof Uint8Array) return toHex(value).replace(/..(?=.)/g, '$& ');
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly BtfValue[]).map(formatPlain).join(', ')}]`;
  const members = Object.entries(value as Readonly<Record<string, BtfValue>>);
  return `{${members.map(([name, member]) => `${name}: ${formatPlain(member)}`).join(', ')}}`;
}
