/**
 * The four batch commands of bpf(2) over any map: which type knows which, the rules of counting, and the general way, element by
 * element. Hashes read bucket by bucket (hash-batch.ts). Source: generic_map_*_batch and bpf_map_do_batch in kernel/bpf/syscall.c.
 */
import { Errno } from '../base/errno.ts';
import { BpfMapType } from '../spec/index.ts';
import { BPF_F_LOCK } from './flags.ts';
import type { BatchOutcome, BatchRequest, BpfMap } from './map.ts';
import { copyWhatFits } from './values/copy.ts';
import { hasLockField } from './values/map-fields.ts';

/** What BPF_MAP_LOOKUP_BATCH and its kin ask for. */
export type BatchCommand = 'lookup' | 'lookup-and-delete' | 'update' | 'delete';

const ARRAY_COMMANDS: readonly BatchCommand[] = ['lookup', 'update'];
const TRIE_COMMANDS: readonly BatchCommand[] = ['lookup', 'update', 'delete'];
const HASH_COMMANDS: readonly BatchCommand[] = ['lookup', 'lookup-and-delete', 'update', 'delete'];

/** The commands that a map type knows; those that are not here know none. */
const COMMANDS: ReadonlyMap<number, readonly BatchCommand[]> = new Map<number, readonly BatchCommand[]>([
  [BpfMapType.BPF_MAP_TYPE_ARRAY, ARRAY_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_PERCPU_ARRAY, ARRAY_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_ARRAY_OF_MAPS, ARRAY_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_LPM_TRIE, TRIE_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_HASH, HASH_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_PERCPU_HASH, HASH_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_LRU_HASH, HASH_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_LRU_PERCPU_HASH, HASH_COMMANDS],
  [BpfMapType.BPF_MAP_TYPE_HASH_OF_MAPS, HASH_COMMANDS],
]);

/** The batch commands of a map type; none for types that have no batches. */
export function batchCommands(mapType: number): readonly BatchCommand[] {
  return COMMANDS.get(mapType) ?? [];
}

/**
 * Does one batch. Whether the caller may read and write the map is the caller's to check.
 * @returns 0 or a negative errno (ENOTSUPP when the type does not know the command), and what `count` becomes: how many elements were
 * done, also of a batch that failed; the request's own count when the request itself was refused.
 */
export function runBatch(map: BpfMap, command: BatchCommand, request: BatchRequest): BatchOutcome {
  const { count } = request;
  if (!batchCommands(map.attr.type).includes(command)) return { error: -Errno.ENOTSUPP, count };
  if (!acceptsElementFlags(map, request.elemFlags)) return { error: -Errno.EINVAL, count };
  switch (command) {
    case 'update':
      return count === 0 ? NOTHING : updateAll(map, request);
    case 'delete':
      return count === 0 ? NOTHING : deleteAll(map, request);
    case 'lookup':
    case 'lookup-and-delete': {
      // Only hashes look at the flags of the batch itself.
      if (map.readBuckets === undefined) return count === 0 ? NOTHING : lookupAll(map, request);
      if (request.flags !== 0) return { error: -Errno.EINVAL, count };
      return count === 0 ? NOTHING : map.readBuckets(request, command === 'lookup-and-delete');
    }
  }
}

const NOTHING: BatchOutcome = { error: 0, count: 0 };

function acceptsElementFlags(map: BpfMap, flags: number): boolean {
  return flags === 0 || (flags === BPF_F_LOCK && hasLockField(map.attr));
}

/** `size` bytes of a user's array at element `index`; shorter where the array ends, which whoever copies them reports as EFAULT. */
function part(bytes: Uint8Array, index: number, size: number): Uint8Array {
  return bytes.subarray(index * size, (index + 1) * size);
}

function updateAll(map: BpfMap, { keys, values, count, elemFlags }: BatchRequest): BatchOutcome {
  const { keySize } = map.attr;
  for (let done = 0; done < count; done++) {
    const error = map.updateUser(part(keys, done, keySize), part(values, done, map.userValueSize), elemFlags);
    if (error !== 0) return { error, count: done };
  }
  return { error: 0, count };
}

function deleteAll(map: BpfMap, { keys, count }: BatchRequest): BatchOutcome {
  for (let done = 0; done < count; done++) {
    const error = map.deleteUser(part(keys, done, map.attr.keySize));
    if (error !== 0) return { error, count: done };
  }
  return { error: 0, count };
}

/** Follows the keys in order. A batch is known by the last key it showed. */
function lookupAll(map: BpfMap, request: BatchRequest): BatchOutcome {
  const { keys, values, count, inBatch, outBatch, elemFlags } = request;
  const { keySize } = map.attr;
  if (inBatch !== undefined && inBatch.length < keySize) return { error: -Errno.EFAULT, count: 0 };
  let previous = inBatch?.slice(0, keySize);
  let key = new Uint8Array(keySize);
  const value = new Uint8Array(map.userValueSize);
  let done = 0;
  let error = 0;
  while (done < count) {
    error = map.nextKey(previous, key);
    if (error !== 0) break;
    error = map.readUser(key, value, elemFlags);
    if (error !== 0 && error !== -Errno.ENOENT) return { error, count: 0 };
    if (error === 0) {
      const shown =
        copyWhatFits(part(keys, done, keySize), key) && copyWhatFits(part(values, done, value.length), value);
      if (!shown) return { error: -Errno.EFAULT, count: 0 };
      done++;
    }
    error = 0;
    const spare = previous ?? new Uint8Array(keySize);
    previous = key;
    key = spare;
  }
  if (error === -Errno.EFAULT) return { error, count: 0 };
  if (done > 0 && previous !== undefined) {
    if (outBatch.length < keySize) return { error: -Errno.EFAULT, count: done };
    outBatch.set(previous);
  }
  return { error, count: done };
}
