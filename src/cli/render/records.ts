/** The records that programs sent through ring buffers and perf buffers during a run. */
import type { ChalkInstance } from 'chalk';
import {
  BpfMapType,
  type BpfObject,
  type BtfValue,
  type PerfReader,
  type RingReader,
  toHex,
} from '../../index.ts';

/** One record; `cpu` for perf samples. */
export interface SentRecord {
  readonly map: string;
  readonly cpu?: number;
  readonly data: Uint8Array;
}

/** Opens readers on all ring buffers and perf event arrays of a loaded object. */
export function consumeEvents(object: BpfObject): { list(): SentRecord[] } {
  const rings: [string, RingReader][] = [];
  const perfs: [string, PerfReader][] = [];
  for (const map of object.mapList) {
    if (map.spec.type === BpfMapType.BPF_MAP_TYPE_RINGBUF) rings.push([map.name, map.ringBuffer()]);
    if (map.spec.type === BpfMapType.BPF_MAP_TYPE_PERF_EVENT_ARRAY) perfs.push([map.name, map.perfBuffer()]);
  }
  let records: SentRecord[] | undefined;
  return {
    list: () =>
      (records ??= [
        ...rings.flatMap(([map, reader]) => reader.read().map((data) => ({ map, data: bytesOf(data) }))),
        ...perfs.flatMap(([map, reader]) =>
          reader.read().map(({ cpu, data }) => ({ map, cpu, data: bytesOf(data) })),
        ),
      ]),
  };
}

/** Readers without a type give bytes. */
function bytesOf(data: BtfValue): Uint8Array {
  return data instanceof Uint8Array ? data : new Uint8Array();
}

/** `events: 88 bytes 010203…`, a line a record. */
export function renderRecords(records: readonly SentRecord[], color: ChalkInstance): string {
  return records
    .map(({ map, cpu, data }) => {
      const where = cpu === undefined ? map : `${map} (CPU ${cpu})`;
      return `${color.bold(where)}: ${data.length} bytes ${color.dim(toHex(data))}\n`;
    })
    .join('');
}
