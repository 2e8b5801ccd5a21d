/**
 * The content of a map as `bpftool map dump` prints it: by type where there is one, else as bytes; for people or as JSON. Kinds that bpftool
 * cannot dump have ways of their own.
 */
import type { MapHandle } from '../../index.ts';
import type { MapContent } from '../maps/content.ts';
import {
  type Element,
  elementJson,
  elementText,
  hexBytes,
  hexLines,
  typedElement,
} from '../maps/elements.ts';
import { type Json, jsonObject, writeJson } from './json-writer.ts';
import type { SentRecord } from './records.ts';

/** Lines for people. */
export function dumpText(handle: MapHandle, content: MapContent): string {
  switch (content.kind) {
    case 'hidden':
      return `user space cannot read the content of a map of this type\n`;
    case 'records':
      return content.records.map(recordText).join('') + found(content.records.length, 'record');
    case 'stacks':
      return content.elements.map(stackText).join('') + found(content.elements.length, 'stack');
    case 'values':
    case 'elements':
      return elementsText(handle, content);
  }
}

/** An array of elements for machines; records and values without keys in their own shape. */
export function dumpJson(handle: MapHandle, content: MapContent): Json {
  if (content.kind === 'records') return content.records.map(recordJson);
  return content.elements.map((element) => elementJson(handle, element, content.types));
}

/** One element as `bpftool map lookup` prints it. */
export function elementLines(handle: MapHandle, element: Element, types: MapContent['types']): string {
  const { key, value } = element;
  if (types === undefined || typeof value === 'number') return elementText(handle, element);
  return `${writeJson(typedElement(handle, { key, value }, types, true), true)}\n`;
}

function elementsText(handle: MapHandle, { elements, types }: MapContent): string {
  const lines =
    elements.map((element) => elementText(handle, element)).join('') + found(elements.length, 'element');
  if (types === undefined) return lines;
  const typed = elements.flatMap(({ key, value }) =>
    typeof value === 'number' ? [] : [typedElement(handle, { key, value }, types, true)],
  );
  return `${writeJson(typed, true)}\n`;
}

function found(count: number, what: string): string {
  return `Found ${count} ${what}${count === 1 ? '' : 's'}\n`;
}

function recordText({ cpu, data }: SentRecord, index: number): string {
  const where = cpu === undefined ? '' : ` (CPU ${`${cpu}`.padStart(2, '0')})`;
  return `record ${index}${where}: ${data.length} bytes\n${hexLines(data)}\n`;
}

function recordJson({ cpu, data }: SentRecord): Json {
  return jsonObject(
    ...(cpu === undefined ? [] : [['cpu', cpu] as const]),
    ['size', data.length],
    ['data', hexBytes(data)],
  );
}

/** Addresses, the innermost first; what is not used of a slot is zero. */
function stackText({ key, value }: Element): string {
  const id = new DataView(key.buffer, key.byteOffset).getUint32(0, true);
  if (typeof value === 'number') return '';
  const view = new DataView(value.buffer, value.byteOffset);
  const frames: string[] = [];
  for (let at = 0; at + 8 <= value.length; at += 8) {
    const address = view.getBigUint64(at, true);
    if (address === 0n) break;
    frames.push(`    0x${address.toString(16).padStart(16, '0')}\n`);
  }
  return `stack ${id}:\n${frames.join('')}`;
}
