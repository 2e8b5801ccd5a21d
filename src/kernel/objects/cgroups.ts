/**
 * Cgroups: the directories below /sys/fs/cgroup, with what programs and maps see of them: an id, a struct cgroup in memory, who is in which. What
 * programs are attached to them is of syscall/cgroups.ts.
 */
import { UsageError } from '../../base/errors.ts';
import type { CgroupRef } from '../../maps/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { KernelFile, PathNode } from './files.ts';
import { KernelObject, UNCOUNTED } from './kernel-object.ts';
import { NodeTable } from './node-table.ts';
import type { PathTable } from './paths.ts';

/** Bytes of a struct cgroup's image: programs get pointers to it, its members are not filled in. */
const IMAGE_BYTES = 8;

/** A cgroup. */
export class Cgroup extends KernelObject implements CgroupRef {
  readonly id: number;
  readonly address: number;
  /** The cgroup above; undefined for the root. */
  readonly parent: Cgroup | undefined;
  /** Its directory below /sys/fs/cgroup. */
  readonly directory: PathNode;
  private readonly memory: Memory;
  private references = 0;

  constructor(memory: Memory, node: PathNode, id: number, parent: Cgroup | undefined) {
    super();
    this.memory = memory;
    this.directory = node;
    this.id = id;
    this.parent = parent;
    this.address = memory.allocate({ size: IMAGE_BYTES, kind: 'kernel', name: `cgroup ${id}` });
    memory.setAccess(this.address, IMAGE_BYTES, 'read');
  }

  file(): KernelFile {
    return { kind: 'path', node: this.directory, held: UNCOUNTED };
  }

  hold(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    this.freeIfUnused();
  }

  /** From the root down to this one. */
  get path(): readonly Cgroup[] {
    return [...(this.parent?.path ?? []), this];
  }

  /** Whether this is `ancestor` or below it. */
  isUnder(ancestor: CgroupRef): boolean {
    return this === ancestor || (this.parent?.isUnder(ancestor) ?? false);
  }

  /** Called when its directory is removed: its values go, maps that hold it keep it. */
  end(): void {
    this.finish();
    this.freeIfUnused();
  }

  private freeIfUnused(): void {
    if (this.ended && this.references === 0) this.memory.free(this.address);
  }
}

/** All cgroups of a machine. */
export class CgroupTable extends NodeTable<Cgroup> {
  private readonly memory: Memory;
  private readonly paths: PathTable;

  constructor(memory: Memory, paths: PathTable) {
    super();
    this.memory = memory;
    this.paths = paths;
  }

  get root(): Cgroup {
    return this.of(this.paths.cgroupRoot);
  }

  /** The cgroup at a path like `/sys/fs/cgroup/web`. @throws SyscallError, UsageError when no cgroup is there. */
  find(path: string): Cgroup {
    const node = this.paths.find(path);
    if (node.kind === 'cgroup') return this.of(node);
    throw new UsageError('no-cgroup', `'${path}' is not a cgroup: they are below /sys/fs/cgroup`);
  }

  /** Makes a cgroup. @throws SyscallError as mkdir(2). */
  make(path: string): Cgroup {
    this.paths.makeDirectory(path);
    return this.find(path);
  }

  protected create(node: PathNode): Cgroup {
    const parent = node.parent?.kind === 'cgroup' ? this.of(node.parent) : undefined;
    return new Cgroup(this.memory, node, this.paths.idOf(node), parent);
  }
}
