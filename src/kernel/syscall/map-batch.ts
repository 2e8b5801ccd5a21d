/**
 * The batch commands: the caller's arrays in and out; what a batch does is src/maps' business (bpf_map_do_batch in
 * kernel/bpf/syscall.c).
 */
import { type BatchCommand, runBatch } from '../../maps/index.ts';
import type { Attributes } from './attributes.ts';
import { fileOf, type SyscallContext } from './context.ts';
import { succeed } from './failure.ts';
import { needRead, needWrite } from './map-access.ts';

type WriteAttributes = Attributes<'BPF_MAP_UPDATE_BATCH' | 'BPF_MAP_DELETE_BATCH'>;
type LookupAttributes = Attributes<'BPF_MAP_LOOKUP_BATCH' | 'BPF_MAP_LOOKUP_AND_DELETE_BATCH'>;

/** BPF_MAP_UPDATE_BATCH (generic_map_update_batch). */
export function mapUpdateBatch(sys: SyscallContext, attr: Attributes<'BPF_MAP_UPDATE_BATCH'>): number {
  return write(sys, attr, 'update', attr.word('values'));
}

/** BPF_MAP_DELETE_BATCH (generic_map_delete_batch). */
export function mapDeleteBatch(sys: SyscallContext, attr: Attributes<'BPF_MAP_DELETE_BATCH'>): number {
  return write(sys, attr, 'delete', 0);
}

function write(sys: SyscallContext, attr: WriteAttributes, command: BatchCommand, values: number): number {
  attr.checkUnused();
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needWrite(file);
  const { map } = file.map;
  const count = attr.u32('count');
  const outcome = runBatch(map, command, {
    keys: sys.user.readUpTo(attr.word('keys'), count * map.attr.keySize),
    values: sys.user.readUpTo(values, count * map.userValueSize),
    inBatch: undefined,
    outBatch: new Uint8Array(0),
    ...options(attr),
  });
  attr.put32('count', outcome.count);
  return succeed(outcome.error, `entry ${outcome.count} of the batch failed`);
}

/** BPF_MAP_LOOKUP_BATCH (generic_map_lookup_batch). */
export function mapLookupBatch(sys: SyscallContext, attr: Attributes<'BPF_MAP_LOOKUP_BATCH'>): number {
  return lookup(sys, attr, 'lookup');
}

/** BPF_MAP_LOOKUP_AND_DELETE_BATCH (__htab_map_lookup_and_delete_batch). */
export function mapTakeBatch(
  sys: SyscallContext,
  attr: Attributes<'BPF_MAP_LOOKUP_AND_DELETE_BATCH'>,
): number {
  return lookup(sys, attr, 'lookup-and-delete');
}

function lookup(sys: SyscallContext, attr: LookupAttributes, command: BatchCommand): number {
  attr.checkUnused();
  const file = fileOf(sys, attr.u32('map_fd'), 'map');
  needRead(file);
  if (command !== 'lookup') needWrite(file);
  const { map } = file.map;
  const { keySize } = map.attr;
  const count = attr.u32('count');
  const [keysAt, valuesAt, inAt, outAt] = [
    attr.word('keys'),
    attr.word('values'),
    attr.word('in_batch'),
    attr.word('out_batch'),
  ];
  // A position is a key, or the number of a bucket.
  const positionBytes = Math.max(keySize, BUCKET_BYTES);
  const keys = sys.user.readUpTo(keysAt, count * keySize);
  const values = sys.user.readUpTo(valuesAt, count * map.userValueSize);
  const outBatch = sys.user.readUpTo(outAt, positionBytes);
  const outcome = runBatch(map, command, {
    keys,
    values,
    inBatch: inAt === 0 ? undefined : sys.user.readUpTo(inAt, positionBytes),
    outBatch,
    ...options(attr),
  });
  sys.user.write(keysAt, keys);
  sys.user.write(valuesAt, values);
  sys.user.write(outAt, outBatch);
  attr.put32('count', outcome.count);
  return succeed(outcome.error, 'the batch ended early');
}

/** Bytes of a bucket's number. */
const BUCKET_BYTES = 4;

function options(attr: WriteAttributes | LookupAttributes): {
  count: number;
  elemFlags: number;
  flags: number;
} {
  return { count: attr.u32('count'), elemFlags: attr.word('elem_flags'), flags: attr.word('flags') };
}
