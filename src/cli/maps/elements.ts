/**
 * The elements of a map that has keys, as bpf(2) gives them to user space and as bpftool shows them: bytes, and by type where the kernel knows
 * the types (print_entry_json, print_entry_plain, do_dump_btf in tools/bpf/bpftool/map.c).
 */
import { type BpfMap, BpfMapType, type Btf, Errno, type MapHandle } from '../../index.ts';
import { type Json, type JsonObject, jsonObject } from '../render/json-writer.ts';
import { valueTree } from './value-tree.ts';

/** A key, and the value's bytes as BPF_MAP_LOOKUP_ELEM gives them, or its negative errno. */
export interface Element {
  readonly key: Uint8Array;
  readonly value: Uint8Array | number;
}

const MAPS_OF_MAPS: ReadonlySet<number> = new Set([
  BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS,
  BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS,
]);

/** All elements in the kernel's order; undefined for a map whose keys cannot be listed. */
export function elementsOf({ map }: MapHandle): Element[] | undefined {
  const elements: Element[] = [];
  for (let key = nextKey(map, undefined); key !== undefined; key = nextKey(map, key)) {
    if (typeof key === 'number') return undefined;
    const value = lookUp(map, key);
    // A slot of a prog array or of an array of maps may be empty.
    if (value !== -Errno.ENOENT) elements.push({ key, value });
  }
  return elements;
}

/** The key after `key`, the first for undefined; undefined at the end, a negative errno where there are no keys. */
export function nextKey(map: BpfMap, key: Uint8Array | undefined): Uint8Array | number | undefined {
  const next = new Uint8Array(map.attr.keySize);
  const error = map.nextKey(key, next);
  if (error === -Errno.ENOENT) return undefined;
  return error < 0 ? error : next;
}

/** The value's bytes, or a negative errno. */
export function lookUp(map: BpfMap, key: Uint8Array): Uint8Array | number {
  const value = new Uint8Array(map.userValueSize);
  const error = map.readUser(key, value, 0);
  return error < 0 ? error : value;
}

/** What the key and the value of a map are; ids are 0 where there is no type. */
export interface ElementTypes {
  readonly btf: Btf;
  readonly keyTypeId: number;
  readonly valueTypeId: number;
}

/** The types that the kernel knows; undefined for maps that it knows none of. */
export function kernelTypesOf({ map: { attr } }: MapHandle): ElementTypes | undefined {
  const { btf, btfKeyTypeId: keyTypeId = 0, btfValueTypeId: valueTypeId = 0 } = attr;
  return btf === undefined || valueTypeId === 0 ? undefined : { btf, keyTypeId, valueTypeId };
}

/** For `--json`: the bytes, then everything by type under `formatted`. */
export function elementJson(
  handle: MapHandle,
  { key, value }: Element,
  types: ElementTypes | undefined,
): JsonObject {
  if (typeof value === 'number')
    return jsonObject(['key', hexBytes(key)], ['value', jsonObject(['error', errorText(value)])]);
  const { map } = handle;
  const bytes = handle.isPerCpu
    ? (['values', perCpu(handle, value, hexBytes)] as const)
    : (['value', hexBytes(value.subarray(0, map.attr.valueSize))] as const);
  const inner = MAPS_OF_MAPS.has(map.attr.type)
    ? [['inner_map_id', new DataView(value.buffer).getUint32(0, true)] as const]
    : [];
  const formatted =
    types === undefined ? [] : [['formatted', typedElement(handle, { key, value }, types, false)] as const];
  return jsonObject(['key', hexBytes(key)], bytes, ...inner, ...formatted);
}

/**
 * A data section by its variables: their places are what the file says, which a loader writes into the types only when it loads them
 * (btf_fixup_datasec in tools/lib/bpf/libbpf.c).
 */
function sectionValue({ spec }: MapHandle, btf: Btf, bytes: Uint8Array, plain: boolean): Json {
  const variables = spec.variables.map(({ name, offset, size, btfTypeId }) => {
    const own = bytes.subarray(offset, offset + size);
    return jsonObject([name, btfTypeId === 0 ? hexBytes(own) : valueTree(btf, btfTypeId, own, plain)]);
  });
  return jsonObject([spec.section, variables]);
}

/** Key and value by type. @param plain For people: see valueTree. */
export function typedElement(
  handle: MapHandle,
  { key, value }: { readonly key: Uint8Array; readonly value: Uint8Array },
  { btf, keyTypeId, valueTypeId }: ElementTypes,
  plain: boolean,
): JsonObject {
  const section = handle.spec.variables.length > 0;
  const typed = (bytes: Uint8Array): Json =>
    section ? sectionValue(handle, btf, bytes, plain) : valueTree(btf, valueTypeId, bytes, plain);
  return jsonObject(
    ...(keyTypeId === 0 || key.length === 0 ? [] : [['key', valueTree(btf, keyTypeId, key, plain)] as const]),
    handle.isPerCpu
      ? ['values', perCpu(handle, value, typed)]
      : ['value', typed(value.subarray(0, handle.map.attr.valueSize))],
  );
}

/** One object a CPU. Values are padded to 8 bytes each. */
function perCpu(handle: MapHandle, value: Uint8Array, show: (bytes: Uint8Array) => Json): Json {
  return cpuValues(handle, value).map((bytes, cpu) => jsonObject(['cpu', cpu], ['value', show(bytes)]));
}

/** The value of each CPU, taken apart. */
export function cpuValues({ map: { attr } }: MapHandle, value: Uint8Array): Uint8Array[] {
  const stride = Math.ceil(attr.valueSize / 8) * 8;
  return Array.from({ length: value.length / stride }, (_, cpu) =>
    value.subarray(cpu * stride, cpu * stride + attr.valueSize),
  );
}

/** `["0x01","0x00"]`. */
export function hexBytes(bytes: Uint8Array): Json {
  return Array.from(bytes, (byte) => `0x${byte.toString(16).padStart(2, '0')}`);
}

/** Without types: bytes on one line if they are few. */
export function elementText(handle: MapHandle, element: Element): string {
  if (typeof element.value === 'number') return errorLines(element.key, element.value);
  return handle.isPerCpu
    ? perCpuText(handle, element.key, element.value)
    : plainText(handle, element.key, element.value);
}

/** Most bytes that stand beside their name, and most of key and value together that share a line. */
const BESIDE_NAME = 16;
const ONE_LINE = 24;

function plainText({ map: { attr } }: MapHandle, key: Uint8Array, value: Uint8Array): string {
  const { keySize, valueSize, type } = attr;
  const apart = keySize > BESIDE_NAME || valueSize > BESIDE_NAME ? '\n' : ' ';
  const between = apart === ' ' && keySize + valueSize <= ONE_LINE ? '  ' : '\n';
  const keyText = keySize === 0 ? '' : `key:${apart}${hexLines(key)}${between}`;
  if (valueSize === 0) return `${keyText}\n`;
  if (MAPS_OF_MAPS.has(type))
    return `${keyText}inner_map_id:${apart}${new DataView(value.buffer).getUint32(0, true)} \n`;
  return `${keyText}value:${apart}${hexLines(value.subarray(0, valueSize))}\n`;
}

function perCpuText(handle: MapHandle, key: Uint8Array, value: Uint8Array): string {
  const apart = handle.map.attr.valueSize > BESIDE_NAME ? '\n' : ' ';
  const lines = cpuValues(handle, value).map(
    (bytes, cpu) => `value (CPU ${`${cpu}`.padStart(2, '0')}):${apart}${hexLines(bytes)}\n`,
  );
  return `key:\n${hexLines(key)}\n${lines.join('')}`;
}

function errorLines(key: Uint8Array, error: number): string {
  const message = error === -Errno.ENOENT ? '<no entry>' : errorText(error);
  const apart = key.length > BESIDE_NAME || message.length > BESIDE_NAME ? '\n' : ' ';
  const between = apart === ' ' && key.length + message.length <= ONE_LINE ? '  ' : '\n';
  return `key:${apart}${hexLines(key)}${between}value:${apart}${message}\n`;
}

/** strerror's words for what maps answer. */
const ERROR_TEXTS: Readonly<Record<number, string>> = {
  [Errno.ENOENT]: 'No such file or directory',
  [Errno.EPERM]: 'Operation not permitted',
  [Errno.EINVAL]: 'Invalid argument',
  [Errno.ENOSPC]: 'No space left on device',
  [Errno.EOPNOTSUPP]: 'Operation not supported',
  [Errno.ENOTSUPP]: 'Unknown error 524',
};

/** What bpftool says of an errno of either sign. */
export function errorText(errno: number): string {
  return ERROR_TEXTS[Math.abs(errno)] ?? `Unknown error ${Math.abs(errno)}`;
}

/** Bytes as bpftool prints them: sixteen a line, two groups of eight. */
export function hexLines(bytes: Uint8Array): string {
  let text = '';
  bytes.forEach((byte, at) => {
    if (at > 0) text += at % 16 === 0 ? '\n' : at % 8 === 0 ? '  ' : ' ';
    text += byte.toString(16).padStart(2, '0');
  });
  return text;
}
