/**
 * Between bytes and `RawInsn`, in both byte orders. In big-endian objects the two register nibbles change places along
 * with the bytes of offset and imm (RFC 9669 section 3; struct bpf_insn's bit fields in include/uapi/linux/bpf.h).
 */
import type { ByteOrder } from '../base/bytes.ts';
import { IsaError } from '../base/errors.ts';
import type { RawInsn } from './insn.ts';

/** Bytes of one slot. */
export const SLOT_BYTES = 8;

/**
 * Reads slots from bytes, little-endian ones if nothing else is said.
 * @throws IsaError `bad-length` when the bytes are no whole number of slots.
 */
export function rawFromBytes(bytes: Uint8Array, order: ByteOrder = 'little'): RawInsn[] {
  if (bytes.length % SLOT_BYTES !== 0) {
    throw new IsaError(
      'bad-length',
      `${bytes.length} bytes are not a whole number of ${SLOT_BYTES}-byte instructions`,
      { offset: bytes.length - (bytes.length % SLOT_BYTES) },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = order === 'little';
  const raws = new Array<RawInsn>(bytes.length / SLOT_BYTES);
  for (let slot = 0, at = 0; slot < raws.length; slot++, at += SLOT_BYTES) {
    const registers = view.getUint8(at + 1);
    raws[slot] = {
      opcode: view.getUint8(at),
      dst: little ? registers & 15 : registers >> 4,
      src: little ? registers >> 4 : registers & 15,
      offset: view.getInt16(at + 2, little),
      imm: view.getInt32(at + 4, little),
    };
  }
  return raws;
}

/** Writes slots as bytes, little-endian ones if nothing else is said. Fields are cut to their width. */
export function rawToBytes(raws: readonly RawInsn[], order: ByteOrder = 'little'): Uint8Array {
  const bytes = new Uint8Array(raws.length * SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  const little = order === 'little';
  let at = 0;
  for (const { opcode, dst, src, offset, imm } of raws) {
    view.setUint8(at, opcode);
    view.setUint8(at + 1, little ? (src << 4) | (dst & 15) : (dst << 4) | (src & 15));
    view.setInt16(at + 2, offset, little);
    view.setInt32(at + 4, imm, little);
    at += SLOT_BYTES;
  }
  return bytes;
}
