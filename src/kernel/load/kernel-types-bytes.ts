/** The bytes of the kernel types that come along. Apart from who reads them, because scripts/build.js puts the bytes themselves in its place. */
import { fromHex } from '../../base/bytes.ts';
import { KERNEL_TYPES } from './kernel-types-data.ts';

/** The BTF of programs/include/bpflab_kernel.h. */
export function kernelTypesBytes(): Uint8Array {
  return fromHex(KERNEL_TYPES);
}
