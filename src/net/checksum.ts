/** The Internet checksum (RFC 1071): ones-complement sums of 16-bit words in network order. */

/** Adds the bytes, taken as big-endian 16-bit words (an odd last byte is padded with zero), to a running sum. */
export function sum16(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum;
}

/** The checksum field's value for a running sum: its complement, 16 bits. */
export function finishChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return ~folded & 0xffff;
}
