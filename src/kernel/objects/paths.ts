/**
 * The few paths of the simulated machine: a bpffs with what is pinned in it, a tree of cgroups, the network namespace, and a file that is
 * none of these. Rules of the bpffs: kernel/bpf/inode.c; of walking a path: fs/namei.c.
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import type { PathNode, Pinnable } from './files.ts';

/** Bytes of a path, the terminating zero included (include/uapi/linux/limits.h). */
export const PATH_MAX = 4096;
const NAME_MAX = 255;

type DirectoryKind = 'bpffs' | 'cgroup' | 'directory';

function directory(kind: DirectoryKind, name: string, parent: PathNode | undefined): PathNode {
  const node: PathNode = { kind, name, parent, children: new Map() };
  parent?.children?.set(name, node);
  return node;
}

function leaf(kind: 'file' | 'netns', name: string, parent: PathNode): void {
  parent.children?.set(name, { kind, name, parent });
}

/** Paths of one machine, walked from the root. */
export class PathTable {
  private readonly root = directory('directory', '', undefined);
  private readonly ids = new WeakMap<PathNode, number>();
  private lastId = 0;
  /** The root of all cgroups, at /sys/fs/cgroup. */
  readonly cgroupRoot: PathNode;

  constructor() {
    const sys = directory('directory', 'sys', this.root);
    const fs = directory('directory', 'fs', sys);
    directory('bpffs', 'bpf', fs);
    this.cgroupRoot = directory('cgroup', 'cgroup', fs);
    this.idOf(this.cgroupRoot);
    directory('directory', 'tmp', this.root);
    leaf('file', 'null', directory('directory', 'dev', this.root));
    const self = directory('directory', 'self', directory('directory', 'proc', this.root));
    leaf('netns', 'net', directory('directory', 'ns', self));
  }

  /**
   * What is at a path; a relative one starts at `base`, the root by default.
   * @throws SyscallError ENOENT, ENOTDIR, ENAMETOOLONG, EPERM (a dot in a name of the bpffs).
   */
  find(path: string, base: PathNode = this.root): PathNode {
    const parts = partsOf(path);
    let node = path.startsWith('/') ? this.root : base;
    for (const part of parts) node = step(node, part, path);
    if (path.endsWith('/') && node.children === undefined)
      throw new SyscallError(Errno.ENOTDIR, `'${path}' is not a directory`);
    return node;
  }

  /**
   * Pins an object; the pin holds it.
   * @throws SyscallError EEXIST when something is there, EPERM outside a bpffs, and what `find` throws.
   */
  pin(path: string, object: Pinnable, base: PathNode = this.root): void {
    const { parent, name } = this.newEntry(path, base, false);
    if (parent.kind !== 'bpffs') throw new SyscallError(Errno.EPERM, `'${path}' is not in a bpffs`);
    object.held.hold();
    parent.children?.set(name, { kind: 'pin', name, parent, pin: object });
  }

  /** Makes a directory: in the bpffs one more of it, in the cgroup tree a cgroup. @throws SyscallError as mkdir(2). */
  makeDirectory(path: string): PathNode {
    const { parent, name } = this.newEntry(path, this.root, true);
    if (parent.kind !== 'bpffs' && parent.kind !== 'cgroup' && parent.kind !== 'directory')
      throw new SyscallError(Errno.ENOTDIR, `'${path}' is not below a directory`);
    return directory(parent.kind, name, parent);
  }

  /** Removes a pin, or an empty directory. @returns what was there. @throws SyscallError as unlink(2) and rmdir(2). */
  remove(path: string): PathNode {
    const node = this.find(path);
    if (node.parent === undefined || node === this.cgroupRoot || (node.kind !== 'pin' && !isOwn(node)))
      throw new SyscallError(Errno.EBUSY, `'${path}' belongs to the machine`);
    if ((node.children?.size ?? 0) > 0) {
      const errno = node.kind === 'cgroup' ? Errno.EBUSY : Errno.ENOTEMPTY;
      throw new SyscallError(errno, `'${path}' is not empty`);
    }
    node.parent.children?.delete(node.name);
    node.pin?.held.release();
    return node;
  }

  /** The inode number of a node: given when it is first asked for. */
  idOf(node: PathNode): number {
    const id = this.ids.get(node) ?? ++this.lastId;
    this.ids.set(node, id);
    return id;
  }

  private newEntry(path: string, base: PathNode, isDirectory: boolean): { parent: PathNode; name: string } {
    const parts = partsOf(path);
    const name = parts.at(-1);
    if (name === undefined || name === '.' || name === '..')
      throw new SyscallError(Errno.EEXIST, `'${path}' exists`);
    let parent = path.startsWith('/') ? this.root : base;
    for (const part of parts.slice(0, -1)) parent = step(parent, part, path);
    if (parent.children === undefined)
      throw new SyscallError(Errno.ENOTDIR, `'${path}' is not below a directory`);
    if (name.length > NAME_MAX) throw new SyscallError(Errno.ENAMETOOLONG, 'a name has at most 255 bytes');
    if (parent.children.has(name)) throw new SyscallError(Errno.EEXIST, `'${path}' exists`);
    refuseDots(parent, name);
    if (path.endsWith('/') && !isDirectory)
      throw new SyscallError(Errno.ENOENT, `'${path}' names a directory`);
    return { parent, name };
  }
}

/** The path of a node from the root. */
export function pathOf(node: PathNode): string {
  return node.parent === undefined ? '' : `${pathOf(node.parent)}/${node.name}`;
}

/** Directories that users made: those of the machine are never removed. */
function isOwn(node: PathNode): boolean {
  return node.parent?.kind === node.kind && (node.kind === 'bpffs' || node.kind === 'cgroup');
}

function partsOf(path: string): string[] {
  if (path === '') throw new SyscallError(Errno.ENOENT, 'the path is empty');
  if (path.length >= PATH_MAX) throw new SyscallError(Errno.ENAMETOOLONG, 'a path has at most 4095 bytes');
  return path.split('/').filter((part) => part !== '');
}

function step(node: PathNode, name: string, path: string): PathNode {
  if (node.children === undefined)
    throw new SyscallError(Errno.ENOTDIR, `a part of '${path}' is no directory`);
  if (name === '.') return node;
  if (name === '..') return node.parent ?? node;
  if (name.length > NAME_MAX) throw new SyscallError(Errno.ENAMETOOLONG, 'a name has at most 255 bytes');
  const next = node.children.get(name);
  if (next !== undefined) return next;
  refuseDots(node, name);
  throw new SyscallError(Errno.ENOENT, `there is no '${path}'`);
}

/** Names with dots are kept for later use by the bpffs (bpf_lookup). */
function refuseDots(directoryNode: PathNode, name: string): void {
  if (directoryNode.kind === 'bpffs' && name.includes('.'))
    throw new SyscallError(Errno.EPERM, `names in a bpffs have no dots, as '${name}' has`);
}
