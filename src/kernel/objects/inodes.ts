/** Inodes: what values of BPF_MAP_TYPE_INODE_STORAGE hang on. Each path of the simulated machine has one; content it has none. */
import type { Memory } from '../../vm/index.ts';
import type { KernelFile, PathNode } from './files.ts';
import { KernelObject, UNCOUNTED } from './kernel-object.ts';
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
export class InodeTable {
  private readonly memory: Memory;
  private readonly paths: PathTable;
  private readonly byNode = new Map<PathNode, Inode>();
  private readonly byAddress = new Map<number, Inode>();

  constructor(memory: Memory, paths: PathTable) {
    this.memory = memory;
    this.paths = paths;
  }

  /** The inode at a path. @throws SyscallError as open(2). */
  find(path: string): Inode {
    return this.of(this.paths.find(path));
  }

  of(node: PathNode): Inode {
    const known = this.byNode.get(node);
    if (known !== undefined) return known;
    const inode = new Inode(this.memory, node);
    this.byNode.set(node, inode);
    this.byAddress.set(inode.address, inode);
    return inode;
  }

  at(address: number): Inode | undefined {
    return this.byAddress.get(address);
  }

  /** A path was removed. */
  removed(node: PathNode): void {
    const inode = this.byNode.get(node);
    if (inode === undefined) return;
    this.byNode.delete(node);
    this.byAddress.delete(inode.address);
    inode.end();
  }
}
