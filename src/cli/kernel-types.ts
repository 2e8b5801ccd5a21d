/**
 * The kernel's types for commands that need them: files that were named, else the machine's own. Reading a whole kernel's takes some 30 ms.
 */
import { type Btf, parseBtf } from '../index.ts';
import { inFile } from './in-file.ts';
import type { Io } from './io.ts';

/** Where Linux shows its own types. */
const OWN_KERNEL_TYPES = '/sys/kernel/btf/vmlinux';

/**
 * The types of the files, or where none is named the machine's own; nothing where it shows none: then the few types that bpflab brings are
 * taken.
 * @throws as typesFrom.
 */
export function kernelTypes(files: readonly string[], io: Io): readonly Btf[] {
  return files.length === 0 ? ownTypes(io) : typesFrom(files, io);
}

/**
 * The kernel's BTF, then those of its modules, which continue its ids.
 * @throws FileFailure.
 */
export function typesFrom(files: readonly string[], io: Io): readonly Btf[] {
  const types: Btf[] = [];
  for (const file of files) {
    const [base] = types;
    types.push(inFile(file, () => parseBtf(io.read(file), undefined, base === undefined ? {} : { base })));
  }
  return types;
}

function ownTypes(io: Io): readonly Btf[] {
  try {
    return [parseBtf(io.read(OWN_KERNEL_TYPES))];
  } catch {
    // Not there on most machines, not readable in some containers.
    return [];
  }
}
