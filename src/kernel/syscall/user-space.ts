/**
 * The kernel's way to memory of processes: copies in and out, with EFAULT for every address that is not a process's (copy_from_user,
 * copy_to_user, strncpy_from_user).
 */
import { Errno } from '../../base/errno.ts';
import { decodeUtf8, findZero } from '../../base/text.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';
import { fail } from './failure.ts';

/** User memory of one machine. */
export class UserSpace {
  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** A copy of user memory. No bytes can be read from anywhere, NULL included. @throws SyscallError EFAULT. */
  read(address: number, size: number): Uint8Array<ArrayBuffer> {
    if (size === 0) return new Uint8Array(0);
    this.need(address, size);
    return this.memory.readBytes(address, size);
  }

  /**
   * A struct of which the caller and the kernel may know different sizes: what the kernel knows, padded with zeros
   * (bpf_check_uarg_tail_zero, copy_from_user).
   * @throws SyscallError E2BIG when there is content that the kernel does not know, or more than a page; EFAULT.
   */
  readKnown(address: number, size: number, known: number): Uint8Array<ArrayBuffer> {
    if (size > PAGE_BYTES) fail(Errno.E2BIG, `${size} bytes are more than a page`);
    if (size > known && this.read(address + known, size - known).some((byte) => byte !== 0))
      fail(Errno.E2BIG, `bytes behind the first ${known} must be zero`);
    const bytes = new Uint8Array(known);
    bytes.set(this.read(address, Math.min(size, known)));
    return bytes;
  }

  /** As many of these bytes as are memory of the process; none for other addresses. */
  readUpTo(address: number, size: number): Uint8Array<ArrayBuffer> {
    return this.read(address, Math.min(size, this.room(address)));
  }

  /** Copies bytes to user memory. @throws SyscallError EFAULT. */
  write(address: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.need(address, bytes.length);
    this.memory.writeBytes(address, bytes);
  }

  /** Writes one 32-bit number. @throws SyscallError EFAULT. */
  put32(address: number, value: number): void {
    this.need(address, 4);
    this.memory.view.setUint32(address, value, true);
  }

  read32(address: number): number {
    this.need(address, 4);
    return this.memory.view.getUint32(address, true);
  }

  /** A zero-terminated string, cut after `limit` bytes. @throws SyscallError EFAULT when memory ends before it does. */
  readString(address: number, limit: number): string {
    const room = this.room(address);
    if (room === 0) fail(Errno.EFAULT, faultText(address, 1));
    const bytes = this.memory.readBytes(address, Math.min(room, limit));
    const end = findZero(bytes, 0);
    if (end === bytes.length && room < limit) fail(Errno.EFAULT, faultText(address + room, 1));
    return decodeUtf8(bytes, 0, end);
  }

  private need(address: number, size: number): void {
    if (this.room(address) < size) fail(Errno.EFAULT, faultText(address, size));
  }

  /** Bytes of user memory from an address on. */
  private room(address: number): number {
    if (!(address > 0 && address < this.memory.size)) return 0;
    const region = this.memory.regionAt(address);
    return region?.kind === 'user' ? region.address + region.size - address : 0;
  }
}

function faultText(address: number, size: number): string {
  return `${size} bytes at 0x${address.toString(16)} are not memory of the process`;
}
