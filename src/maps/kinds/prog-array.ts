/**
 * BPF_MAP_TYPE_PROG_ARRAY: the targets of tail calls. All programs that use an array, from inside or by being in it, must be of one
 * kind, that of the first (prog_fd_array_* in kernel/bpf/arraymap.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfProgType } from '../../spec/index.ts';
import type { ProgRef } from '../ports.ts';
import { FdArrayMap } from '../slots/fd-array.ts';
import { OwningKind, type ProgKind } from '../slots/program-kind.ts';

/** Programs by index, for tail calls. */
export class ProgArrayMap extends FdArrayMap<ProgRef> {
  protected readonly idOf = (program: ProgRef): number => program.id;
  private readonly owningKind = new OwningKind();

  /** Whether a program may use this array: to be asked for each program that is loaded with the array in it. */
  accepts(program: ProgKind): boolean {
    return this.owningKind.accepts(program);
  }

  programAt(index: number): ProgRef | undefined {
    return this.at(index);
  }

  protected resolve(fd: number): ProgRef | number {
    return this.env.programByFd?.(fd) ?? -Errno.EBADF;
  }

  protected handleOf(program: ProgRef): number {
    return program.id;
  }

  protected refuse(program: ProgRef): number {
    const fits = program.type !== BpfProgType.BPF_PROG_TYPE_EXT && this.accepts(program);
    return fits ? 0 : -Errno.EINVAL;
  }
}
