/**
 * Reading memory at addresses that nobody has checked, as the kernel's *_nofault functions do (mm/maccess.c,
 * arch/x86/mm/maccess.c): an address that cannot be read is an errno. Memory of simulated processes counts as user space,
 * every other region as kernel space.
 */
import { Errno } from '../base/errno.ts';
import { FIRST_ADDRESS, type Memory, type Region } from '../vm/index.ts';

/** Whose address a program says it is. */
export type AddressSpace = 'kernel' | 'user';

/** High halves of addresses on x86-64 with five levels of page tables: processes end below the first, the kernel begins at the second. */
const USER_END = 0x01000000;
const KERNEL_START = 0xff000000;
/** The vsyscall page, which counts as user space though it lies above it. */
const VSYSCALL_HI = 0xffffffff;
const VSYSCALL_PAGE = 0xff600;

/** Reads for bpf_probe_read_* and for the strings and addresses that format strings point to. */
export class SafeMemory {
  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Whether an address lies in user memory. */
  isUser(lo: number, hi: number): boolean {
    return this.regionAt(lo, hi)?.kind === 'user';
  }

  /**
   * Whether `size` bytes can be read: 0, -EFAULT, or -ERANGE for an address that is not the kernel's at all
   * (copy_from_kernel_nofault_allowed). No bytes can be read everywhere in the right space.
   */
  check(space: AddressSpace, lo: number, hi: number, size: number): number {
    const region = this.regionAt(lo, hi);
    const outside = this.outside(space, lo, hi, region);
    if (outside !== 0 || size === 0) return outside;
    const inside = region !== undefined && (lo >>> 0) + size <= region.address + region.size;
    return inside ? 0 : -Errno.EFAULT;
  }

  /** Copies bytes to `target[at…]`; 0, or an errno with nothing written. */
  read(space: AddressSpace, lo: number, hi: number, size: number, target: Uint8Array, at: number): number {
    const error = this.check(space, lo, hi, size);
    if (error !== 0 || size === 0) return error;
    const { u8 } = this.memory;
    const from = lo >>> 0;
    if (target === u8) u8.copyWithin(at, from, from + size);
    else target.set(u8.subarray(from, from + size), at);
    return 0;
  }

  /**
   * Copies a string to `target[at…]`, at most `size` bytes with the terminating zero, which is put in the last byte of
   * a string that is too long. Returns the bytes written, or an errno when memory ends before the string does; what
   * was written by then stays.
   */
  readString(
    space: AddressSpace,
    lo: number,
    hi: number,
    size: number,
    target: Uint8Array,
    at: number,
  ): number {
    if (size === 0) return 0;
    const region = this.regionAt(lo, hi);
    const outside = this.outside(space, lo, hi, region);
    if (outside !== 0) return outside;
    if (region === undefined) return -Errno.EFAULT;
    const { u8 } = this.memory;
    const from = lo >>> 0;
    const readable = Math.min(size, region.address + region.size - from);
    for (let i = 0; i < readable; i++) {
      const byte = u8[from + i]!;
      target[at + i] = byte;
      if (byte === 0) return i + 1;
    }
    if (readable < size) return -Errno.EFAULT;
    target[at + size - 1] = 0;
    return size;
  }

  private regionAt(lo: number, hi: number): Region | undefined {
    return hi === 0 ? this.memory.regionAt(lo >>> 0) : undefined;
  }

  /** 0 for an address of the space, mapped or not; else the errno that the space's functions give. */
  private outside(space: AddressSpace, lo: number, hi: number, region: Region | undefined): number {
    if (space === 'kernel') return this.isKernelAddress(lo >>> 0, hi >>> 0, region) ? 0 : -Errno.ERANGE;
    const user = hi === 0 ? region === undefined || region.kind === 'user' : hi >>> 0 < USER_END;
    return user ? 0 : -Errno.EFAULT;
  }

  /** Addresses below 2^32 are the simulated kernel's as far as memory reaches; above, x86-64's halves count. */
  private isKernelAddress(lo: number, hi: number, region: Region | undefined): boolean {
    if (hi === 0) return lo >= FIRST_ADDRESS && lo < this.memory.size && region?.kind !== 'user';
    return hi >= KERNEL_START && !(hi === VSYSCALL_HI && lo >>> 12 === VSYSCALL_PAGE);
  }
}
