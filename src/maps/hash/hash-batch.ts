/**
 * Reading a hash bucket by bucket, with or without deletion: a bucket is shown whole or not at all, and where to go on is the number of the next
 * one (__htab_map_lookup_and_delete_batch in kernel/bpf/hashtab.c).
 */
import { Errno } from '../../base/errno.ts';
import type { BatchOutcome, BatchRequest } from '../map.ts';
import { copyWhatFits, userWord } from '../values/copy.ts';
import type { HashTable } from './hash-table.ts';

/** What a batch needs of a hash. */
export interface BucketReader {
  readonly table: HashTable;
  readonly keySize: number;
  readonly userValueSize: number;
  /** Copies an element's key and value to the user. */
  copy(element: number, key: Uint8Array, value: Uint8Array): void;
  /** Takes an element out and disposes of it. */
  remove(element: number): void;
}

/** Bytes of a bucket's number in in_batch and out_batch. */
const BUCKET_NUMBER_BYTES = 4;

/** Reads whole buckets while they fit. ENOSPC when not even the first one does, ENOENT when the last bucket was read. */
export function readBuckets(hash: BucketReader, request: BatchRequest, remove: boolean): BatchOutcome {
  const { table } = hash;
  const { inBatch, outBatch, count } = request;
  if (inBatch !== undefined && inBatch.length < BUCKET_NUMBER_BYTES) return FAULT;
  let bucket = inBatch === undefined ? 0 : userWord(inBatch, 0);
  if (bucket >= table.bucketCount) return { error: -Errno.ENOENT, count: 0 };
  let done = 0;
  let error = 0;
  while (error === 0) {
    const elements = elementsOf(table, bucket);
    if (elements.length > count - done) {
      if (done === 0) error = -Errno.ENOSPC;
      break;
    }
    const fits = copyAll(hash, elements, request, done);
    // As in the kernel, what the user's arrays have no room for is gone.
    if (remove) for (const element of elements) hash.remove(element);
    if (!fits) return FAULT;
    done += elements.length;
    bucket++;
    if (bucket >= table.bucketCount) error = -Errno.ENOENT;
  }
  if (outBatch.length < BUCKET_NUMBER_BYTES) return FAULT;
  for (let i = 0; i < BUCKET_NUMBER_BYTES; i++) outBatch[i] = bucket >>> (8 * i);
  return { error, count: done };
}

/** The kernel has set the count to zero before anything can go wrong with the user's memory. */
const FAULT: BatchOutcome = { error: -Errno.EFAULT, count: 0 };

function elementsOf(table: HashTable, bucket: number): number[] {
  const elements: number[] = [];
  for (let at = table.firstIn(bucket); at !== 0; at = table.nextInBucket(at)) elements.push(at);
  return elements;
}

/** False when the user's arrays are too short; then keys are shown as far as they fit and, if all do, values. */
function copyAll(
  hash: BucketReader,
  elements: readonly number[],
  { keys, values }: BatchRequest,
  done: number,
): boolean {
  if (elements.length === 0) return true;
  const { keySize, userValueSize } = hash;
  const after = done + elements.length;
  const keysFit = keys.length >= after * keySize;
  const fits = keysFit && values.length >= after * userValueSize;
  const spareKey = new Uint8Array(fits ? 0 : keySize);
  const spareValue = new Uint8Array(fits ? 0 : userValueSize);
  elements.forEach((element, i) => {
    const key = keys.subarray((done + i) * keySize, (done + i + 1) * keySize);
    const value = values.subarray((done + i) * userValueSize, (done + i + 1) * userValueSize);
    if (fits) {
      hash.copy(element, key, value);
      return;
    }
    hash.copy(element, spareKey, spareValue);
    copyWhatFits(key, spareKey);
    if (keysFit) copyWhatFits(value, spareValue);
  });
  return fits;
}
