/**
 * The kernel's types for commands that need them: files that were named, else the machine's own. Reading a whole kernel's takes some 30 ms.
 */
import { type Btf, BtfError, parseBtf } from '../index.ts';
import type { Io } from './io.ts';

/** Where Linux shows its own types. */
const OWN_KERNEL_TYPES = '/sys/kernel/btf/vmlinux';

/**
 * The kernel's BTF, then those of its modules, which continue its ids. None where no file is named and the machine shows none: then the few
 * types that bpflab brings are taken.
 * @throws BtfError, or what reading throws, for a file that was named; the machine's own is taken only if it can be read.
 */
export function readKernelTypes(files: readonly string[], io: Io): readonly Btf[] {
  const [base, ...modules] = files;
  if (base === undefined) return ownTypes(io);
  const kernel = named(base, () => parseBtf(io.read(base)));
  return [
    kernel,
    ...modules.map((file) => named(file, () => parseBtf(io.read(file), undefined, { base: kernel }))),
  ];
}

function ownTypes(io: Io): readonly Btf[] {
  try {
    return [parseBtf(io.read(OWN_KERNEL_TYPES))];
  } catch {
    // Not there on most machines, not readable in some containers.
    return [];
  }
}

/** Says which file was wrong. */
function named<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
    throw new BtfError(error.code, `--btf ${file}: ${error.message}`, error.place);
  }
}
