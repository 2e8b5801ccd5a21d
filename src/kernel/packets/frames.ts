/** The packets that runMany is given, as a list or as one array, seen in one way. */
import { UsageError } from '../../base/errors.ts';

/** Packets one behind the other in one array, as a capture file has them. */
export interface PackedPackets {
  readonly bytes: Uint8Array;
  /** Bytes of each packet. */
  readonly lengths: Uint16Array | Uint32Array | readonly number[];
}

/** What runMany takes its frames from. */
export interface Frames {
  /** Bytes of each frame. */
  readonly lengths: Uint32Array;
  frame(index: number): Uint8Array;
  /** Copies the frames from `first` on to before `end`, without gaps, to an address. */
  copy(first: number, end: number, memory: Uint8Array, address: number): void;
}

/**
 * The frames of a list or of an array.
 * @throws UsageError `bad-lengths` when the lengths are no counts, or reach over the end of the bytes.
 */
export function framesOf(packets: readonly Uint8Array[] | PackedPackets): Frames {
  return 'lengths' in packets ? framesOfArray(packets) : framesOfList(packets);
}

function framesOfList(packets: readonly Uint8Array[]): Frames {
  const lengths = new Uint32Array(packets.length);
  for (let index = 0; index < packets.length; index++) lengths[index] = packets[index]!.length;
  return {
    lengths,
    frame: (index) => packets[index]!,
    copy: (first, end, memory, address) => {
      let at = address;
      for (let index = first; index < end; index++) {
        memory.set(packets[index]!, at);
        at += lengths[index]!;
      }
    },
  };
}

function framesOfArray({ bytes, lengths: given }: PackedPackets): Frames {
  const lengths = given instanceof Uint32Array ? given : Uint32Array.from(given);
  // Typed arrays hold nothing but counts.
  if (Array.isArray(given)) needCounts(given);
  // Where each frame begins, and the last one ends.
  const starts = new Float64Array(lengths.length + 1);
  for (let index = 0; index < lengths.length; index++) starts[index + 1] = starts[index]! + lengths[index]!;
  const total = starts[lengths.length]!;
  if (total > bytes.length)
    throw new UsageError(
      'bad-lengths',
      `the packets have ${total} bytes together; there are ${bytes.length}`,
    );
  return {
    lengths,
    frame: (index) => bytes.subarray(starts[index], starts[index + 1]),
    copy: (first, end, memory, address) => {
      memory.set(bytes.subarray(starts[first], starts[end]), address);
    },
  };
}

function needCounts(lengths: readonly number[]): void {
  const index = lengths.findIndex((length) => length !== length >>> 0);
  if (index >= 0)
    throw new UsageError(
      'bad-lengths',
      `the length of packet ${index} is ${lengths[index]}, which is no count`,
    );
}
