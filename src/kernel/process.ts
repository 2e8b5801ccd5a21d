/**
 * The user's side of the simulated process: memory that system calls may point to, files by path, perf events, and descriptors. What
 * open(2), mkdir(2), unlink(2), close(2) and perf_event_open(2) are for programs that use bpf(2).
 */
import { concatBytes } from '../base/bytes.ts';
import { Errno, SyscallError } from '../base/errno.ts';
import { UsageError } from '../base/errors.ts';
import { PAGE_BYTES } from '../spec/uapi.ts';
import { type HookTable, KernelLink, type Link } from './attach/hooks.ts';
import type { SessionSource } from './iterators/ports.ts';
import type { Machine } from './machine/machine.ts';
import type { Task } from './machine/tasks.ts';
import type { Cgroup } from './objects/cgroups.ts';
import type { FdTable } from './objects/fds.ts';
import { mapFile, type Pinnable, perfEventFile, programFile } from './objects/files.ts';
import type { Inode } from './objects/inodes.ts';
import { KernelObject } from './objects/kernel-object.ts';
import type { LiveMap } from './objects/live-map.ts';
import type { LoadedProgram } from './objects/loaded-program.ts';
import type { PathTable } from './objects/paths.ts';
import { pathOf } from './objects/paths.ts';
import { PerfEvent, type PerfEventTarget } from './objects/perf-events.ts';
import type { Program } from './program.ts';
import type { Socket } from './sockets/socket.ts';

/** Bytes that one read gives at most (include/linux/fs.h). */
const MAX_RW_COUNT = 0x7ffff000;

/** The process that makes system calls (`kernel.process`). */
export class Process {
  private readonly machine: Machine;
  private readonly paths: PathTable;
  private readonly hooks: HookTable;

  constructor(machine: Machine, paths: PathTable, hooks: HookTable) {
    this.machine = machine;
    this.paths = paths;
    this.hooks = hooks;
  }

  /** How many descriptors are open. */
  get openFiles(): number {
    return this.fds.count;
  }

  /** Puts content, or so many zeros, into memory of the process. @returns its address, for pointers in attributes. */
  allocate(content: Uint8Array | number): number {
    const size = typeof content === 'number' ? content : content.length;
    const address = this.machine.memory.allocate({
      size: Math.max(size, 1),
      kind: 'user',
      name: 'user memory',
    });
    if (typeof content !== 'number') this.machine.memory.writeBytes(address, content);
    return address;
  }

  /** Gives memory of `allocate` back. */
  free(address: number): void {
    this.machine.memory.free(address);
  }

  /** Opens a directory of the bpffs, a cgroup or another path. @throws SyscallError as open(2). */
  open(path: string): number {
    const node = this.paths.find(path);
    if (node.pin !== undefined) return this.openPin(node.pin, path);
    const nothing = { hold: () => undefined, release: () => undefined };
    return this.opened(this.fds.open({ kind: 'path', node, held: nothing }));
  }

  /**
   * read(2): up to `size` bytes of an iterator, none at its end.
   * @throws SyscallError EBADF; EISDIR, EINVAL for what cannot be read; E2BIG, EAGAIN, ENOMEM of an iterator; VmFault when its program faults.
   */
  read(fd: number, size: number): Uint8Array<ArrayBuffer> {
    const file = this.fds.get(fd);
    if (file === undefined) throw new SyscallError(Errno.EBADF, `descriptor ${fd} is not open`);
    if (file.kind === 'path' && file.node.children !== undefined)
      throw new SyscallError(Errno.EISDIR, `descriptor ${fd} is a directory`);
    if (file.kind !== 'iterator')
      throw new SyscallError(Errno.EINVAL, `descriptor ${fd} is a ${file.kind}, which cannot be read here`);
    return file.session.read(Math.min(size, MAX_RW_COUNT));
  }

  /** Reads to the end, in pieces of a page, as cat(1) does. @throws as `read`. */
  readAll(fd: number): Uint8Array {
    const pieces: Uint8Array[] = [];
    for (let piece = this.read(fd, PAGE_BYTES); piece.length > 0; piece = this.read(fd, PAGE_BYTES))
      pieces.push(piece);
    return concatBytes(pieces);
  }

  /**
   * A descriptor of an iterator, to be read (BPF_ITER_CREATE).
   * @throws UsageError for links of other kinds; SyscallError ENOMEM, EOPNOTSUPP.
   */
  openIterator(link: Link): number {
    const iterator = link instanceof KernelLink ? link.rules.iterator : undefined;
    if (iterator === undefined) throw new UsageError('no-iterator', `${link.hook} is no iterator`);
    return this.openSession(iterator, link.program);
  }

  /** Makes a directory below /sys/fs/bpf, or a cgroup below /sys/fs/cgroup. @throws SyscallError as mkdir(2). */
  makeDirectory(path: string): void {
    this.paths.makeDirectory(path);
  }

  /** Removes a pin, a directory or a cgroup. @throws SyscallError as unlink(2) and rmdir(2). */
  remove(path: string): void {
    const node = this.paths.remove(path);
    if (node.kind === 'cgroup') this.hooks.clear(`cgroup${pathOf(node)}:`);
    this.machine.objects.removed(node);
  }

  /** A descriptor of a perf event. */
  openPerfEvent(target: PerfEventTarget, cpu = 0): number {
    return this.opened(this.fds.open(perfEventFile(new PerfEvent(target, cpu))));
  }

  /** A descriptor of a loaded program, as bpf_program__fd of libbpf has it; the caller closes it. */
  openProgram(program: Program): number {
    return this.opened(this.fds.open(programFile(program.loaded)));
  }

  /** A descriptor of a loaded map, as bpf_map__fd of libbpf has it; the caller closes it. */
  openMap(map: { readonly loaded: LiveMap }): number {
    return this.opened(this.fds.open(mapFile(map.loaded)));
  }

  /** A descriptor of a socket, a task (as pidfd_open(2)), a cgroup or an inode. */
  openObject(object: Socket | Task | Cgroup | Inode): number {
    if (!(object instanceof KernelObject)) throw new UsageError('no-object', 'give a task of this kernel');
    return this.opened(this.fds.open(object.file()));
  }

  /** Closes a descriptor. @throws SyscallError EBADF. */
  close(fd: number): void {
    if (!this.fds.close(fd)) throw new SyscallError(Errno.EBADF, `descriptor ${fd} is not open`);
  }

  /** A pinned iterator is opened as a file; other pins only by BPF_OBJ_GET (bpf_mkobj_ops in kernel/bpf/inode.c). */
  private openPin(pin: Pinnable, path: string): number {
    const iterator = pin.kind === 'link' ? pin.link.rules.iterator : undefined;
    if (pin.kind !== 'link' || iterator === undefined)
      throw new SyscallError(Errno.EIO, `what is pinned at '${path}' is opened by BPF_OBJ_GET`);
    return this.openSession(iterator, pin.link.program);
  }

  private openSession(iterator: SessionSource, program: LoadedProgram): number {
    const session = iterator.open(program);
    session.hold();
    try {
      return this.opened(this.fds.open({ kind: 'iterator', session, held: session }));
    } finally {
      session.release();
    }
  }

  private get fds(): FdTable {
    return this.machine.fds;
  }

  private opened(fd: number): number {
    if (fd < 0) throw new SyscallError(-fd, 'too many files are open');
    return fd;
  }
}
