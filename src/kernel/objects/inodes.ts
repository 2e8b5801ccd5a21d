/** Inodes: what values of BPF_MAP_TYPE_INODE_STORAGE hang on. Each path of the simulated machine has one; content it has none. */
import type { Memory } from '../../vm/index.ts';
import type { KernelFile, PathNode } from './files.ts';
import { KernelObject, UNCOUNTED } from './kernel-object.ts';
import { NodeTable } from './node-table.ts';
import type { PathTable } from './paths.ts';

/** Bytes of a struct inode's image: programs get pointers to it, its members are not filled in. */
const IMAGE_BYTES = 8;

/** An inode, counted as kernel objects are. */
export class Inode extends KernelObject {
  readonly address: number;
  private readonly memory: Memory;
  private readonly node: PathNode;

  constructor(memory: Memory, node: PathNode) {
    super();
    this.memory = memory;
    this.node = node;
    this.address = memory.allocate({ size: IMAGE_BYTES, kind: 'kernel', name: `inode of ${node.name}` });
    memory.setAccess(this.address, IMAGE_BYTES, 'read');
  }

  file(): KernelFile {
    return { kind: 'path', node: this.node, held: UNCOUNTED };
  }

  /** Called when the path is removed. */
  end(): void {
    this.finish();
    this.memory.free(this.address);
  }
}

/** The inodes that somebody asked for. */
export class InodeTable extends NodeTable<Inode> {
  private readonly memory: Memory;
  private readonly paths: PathTable;

  constructor(memory: Memory, paths: PathTable) {
    super();
    this.memory = memory;
    this.paths = paths;
  }

  /** The inode at a path. @throws SyscallError as open(2). */
  find(path: string): Inode {
    return this.of(this.paths.find(path));
  }

  protected create(node: PathNode): Inode {
    return new Inode(this.memory, node);
  }
}
