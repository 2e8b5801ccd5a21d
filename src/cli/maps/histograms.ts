/**
 * Finds histograms in maps: maps from a small number to a count, and arrays of counts in values and global variables (`__u32 slots[27]` of
 * the libbpf tools). Without being told to, only where a name says so; counts of all CPUs are summed.
 */
import {
  BpfMapType,
  type Btf,
  type BtfStruct,
  type BtfType,
  type MapHandle,
  type VariableSpec,
} from '../../index.ts';
import { extent, type Histogram } from '../render/histogram.ts';
import { type Json, writeJson } from '../render/json-writer.ts';
import { cpuValues, type Element } from './elements.ts';
import { valueTree } from './value-tree.ts';

/** What is drawn: what looks like a histogram, all that can be one on a given scale, or nothing. */
export const PLOT_MODES = ['auto', 'log2', 'linear', 'never'] as const;
/** One of `PLOT_MODES`. */
export type PlotMode = (typeof PLOT_MODES)[number];

/** Names of what holds a distribution. */
const TELLING = /hist|dist|slots|bucket|latenc/i;
const LINEAR = /linear|lhist/i;
/** More powers of two than a 64-bit number has are none. */
const LOG2_SLOTS = 65;
/** Rows that a linear histogram may have. */
const MOST_ROWS = 256;

/** A place that holds an array of counts. */
interface Slots {
  /** How C would write it. */
  readonly name: string;
  readonly offset: number;
  /** Bytes of one count. */
  readonly size: number;
  readonly length: number;
}

/** The histograms of a map, those without any count left out. */
export function histogramsOf(handle: MapHandle, elements: readonly Element[], mode: PlotMode): Histogram[] {
  if (mode === 'never') return [];
  const readable = elements.flatMap(({ key, value }) => (typeof value === 'number' ? [] : [{ key, value }]));
  const found = countsByKey(handle, readable, mode);
  const histograms = found === undefined ? slotsOf(handle, readable, mode) : [found];
  return histograms.filter(({ counts }) => counts.some((count) => count > 0n));
}

interface ReadElement {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A map whose keys are values and whose values are counts. */
function countsByKey(
  handle: MapHandle,
  elements: readonly ReadElement[],
  mode: PlotMode,
): Histogram | undefined {
  const { attr } = handle.map;
  if (
    !isCount(handle, attr.btfKeyTypeId, attr.keySize) ||
    !isCount(handle, attr.btfValueTypeId, attr.valueSize)
  )
    return undefined;
  if (mode === 'auto' && !TELLING.test(handle.name)) return undefined;
  const { least, most } = extent(elements.map(({ key }) => number(key)));
  const slots = isArray(handle) ? attr.maxEntries : Number(most) + 1;
  const scale = scaleOf(handle.name, slots, mode);
  const first = scale === 'log2' ? 0n : least;
  if (most - first >= BigInt(scale === 'log2' ? LOG2_SLOTS : MOST_ROWS)) return undefined;
  const counts = new Array<bigint>(Number(most - first) + 1).fill(0n);
  for (const { key, value } of elements) counts[Number(number(key) - first)] = sum(handle, value);
  return { title: handle.name, scale, first, counts };
}

function isArray({ map: { attr } }: MapHandle): boolean {
  return attr.type === BpfMapType.BPF_MAP_TYPE_ARRAY || attr.type === BpfMapType.BPF_MAP_TYPE_PERCPU_ARRAY;
}

/** Whether this is a number: by its type, or where there is none by its size. */
function isCount(handle: MapHandle, typeId: number | undefined, size: number): boolean {
  const { btf } = handle.map.attr;
  if (btf !== undefined && typeId !== undefined && typeId !== 0) return isInteger(btf.resolve(typeId));
  return size === 4 || size === 8;
}

function isInteger(type: BtfType): boolean {
  return (
    type.kind === 'int' &&
    [1, 2, 4, 8].includes(type.size) &&
    type.encoding !== 'bool' &&
    type.name !== 'char'
  );
}

function scaleOf(name: string, slots: number, mode: PlotMode): 'log2' | 'linear' {
  if (mode === 'log2' || mode === 'linear') return mode;
  return slots > LOG2_SLOTS || LINEAR.test(name) ? 'linear' : 'log2';
}

/** Values that hold arrays of counts: one histogram for each and each element of the map. */
function slotsOf(handle: MapHandle, elements: readonly ReadElement[], mode: PlotMode): Histogram[] {
  const { btf, btfKeyTypeId = 0, btfValueTypeId = 0, maxEntries } = handle.map.attr;
  if (btf === undefined || btfValueTypeId === 0) return [];
  const places = new SlotFinder(btf, mode, handle).find(btfValueTypeId);
  return places.flatMap((slots) => {
    const scale = scaleOf(`${handle.name} ${slots.name}`, slots.length, mode);
    if (slots.length > (scale === 'log2' ? LOG2_SLOTS : MOST_ROWS)) return [];
    return elements.map(({ key, value }): Histogram => {
      const which = maxEntries === 1 && isArray(handle) ? '' : `[${keyText(btf, btfKeyTypeId, key)}]`;
      const title =
        handle.spec.variables.length > 0 ? slots.name : `${handle.name}${which}${dotted(slots.name)}`;
      return { title, scale, first: 0n, counts: countsAt(handle, value, slots) };
    });
  });
}

function dotted(name: string): string {
  return name === '' || name.startsWith('[') ? name : `.${name}`;
}

function keyText(btf: Btf, typeId: number, key: Uint8Array): string {
  const value: Json = typeId === 0 ? number(key.subarray(0, 8)) : valueTree(btf, typeId, key, true);
  return writeJson(value, false);
}

function countsAt(handle: MapHandle, value: Uint8Array, { offset, size, length }: Slots): bigint[] {
  const values = handle.isPerCpu ? cpuValues(handle, value) : [value];
  return Array.from({ length }, (_, slot) => {
    const at = offset + slot * size;
    return values.reduce((total, bytes) => total + number(bytes.subarray(at, at + size)), 0n);
  });
}

function sum(handle: MapHandle, value: Uint8Array): bigint {
  const values = handle.isPerCpu ? cpuValues(handle, value) : [value.subarray(0, handle.map.attr.valueSize)];
  return values.reduce((total, bytes) => total + number(bytes), 0n);
}

/** Little-endian. */
function number(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return value;
}

/** Structs of one value that are looked into, and places that are found: types can nest without end. */
const MOST_VISITS = 4096;

/** Looks for arrays of counts in a type: in structs and in arrays of structs; of a data section, in its variables. */
class SlotFinder {
  private readonly btf: Btf;
  private readonly mode: PlotMode;
  private readonly mapName: string;
  private readonly variables: readonly VariableSpec[];
  private readonly found: Slots[] = [];
  private visits = 0;

  constructor(btf: Btf, mode: PlotMode, { name, spec }: MapHandle) {
    this.btf = btf;
    this.mode = mode;
    this.mapName = name;
    this.variables = spec.variables;
  }

  find(typeId: number): readonly Slots[] {
    if (this.variables.length === 0) this.visit(typeId, '', 0);
    for (const { name, offset, btfTypeId } of this.variables)
      if (btfTypeId !== 0) this.visit(btfTypeId, name, offset);
    return this.found;
  }

  private visit(typeId: number, name: string, offset: number): void {
    if (++this.visits > MOST_VISITS) return;
    const type = this.btf.resolve(typeId);
    switch (type.kind) {
      case 'struct':
        this.members(type, name, offset);
        break;
      case 'array':
        this.array(type.elementType, type.count, name, offset);
        break;
      default:
    }
  }

  private members(struct: BtfStruct, name: string, offset: number): void {
    for (const member of struct.members) {
      if (member.bitSize !== 0 || member.bitOffset % 8 !== 0) continue;
      const path = [name, member.name].filter((part) => part !== '').join('.');
      this.visit(member.type, path, offset + member.bitOffset / 8);
    }
  }

  private array(elementType: number, count: number, name: string, offset: number): void {
    const element = this.btf.resolve(elementType);
    const size = this.btf.sizeOf(elementType);
    if (isInteger(element)) {
      if (this.mode !== 'auto' || TELLING.test(name) || (name === '' && TELLING.test(this.mapName)))
        this.found.push({ name, offset, size, length: count });
    } else if (element.kind === 'struct') {
      for (let i = 0; i < count && this.visits < MOST_VISITS; i++)
        this.visit(elementType, `${name}[${i}]`, offset + i * size);
    }
  }
}
