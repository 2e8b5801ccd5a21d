/**
 * BPF_MAP_TYPE_PROG_ARRAY: the targets of tail calls. All programs that use an array, from inside or by being in it, must be of one
 * kind, that of the first (bpf_prog_map_compatible in kernel/bpf/core.c, prog_fd_array_* in kernel/bpf/arraymap.c).
 */
import { Errno } from '../base/errno.ts';
import { BpfProgType } from '../spec/index.ts';
import { FdArrayMap } from './fd-array.ts';
import type { ProgRef } from './ports.ts';

/** Program types for which the prototype of the function they are attached to counts, too. */
const BOUND_TO_PROTOTYPE: ReadonlySet<number> = new Set([
  BpfProgType.BPF_PROG_TYPE_TRACING,
  BpfProgType.BPF_PROG_TYPE_LSM,
  BpfProgType.BPF_PROG_TYPE_EXT,
  BpfProgType.BPF_PROG_TYPE_STRUCT_OPS,
]);

/** What an array's programs have in common. */
export type ProgKind = Pick<ProgRef, 'type' | 'expectedAttachType' | 'xdpHasFrags' | 'attachFuncProto'>;

export class ProgArrayMap extends FdArrayMap<ProgRef> {
  protected readonly idOf = (program: ProgRef): number => program.id;
  private owningKind: ProgKind | undefined;

  /**
   * Whether a program may use this array: to be asked for each program that is loaded with the array in it. The first one
   * that asks decides for all that follow.
   */
  accepts(program: ProgKind): boolean {
    const { type, expectedAttachType, xdpHasFrags, attachFuncProto } = program;
    const kind = this.owningKind;
    if (kind === undefined) {
      const prototype = attachFuncProto === undefined ? {} : { attachFuncProto };
      this.owningKind = { type, expectedAttachType, xdpHasFrags, ...prototype };
      return true;
    }
    return (
      kind.type === type &&
      kind.expectedAttachType === expectedAttachType &&
      kind.xdpHasFrags === xdpHasFrags &&
      (kind.attachFuncProto === attachFuncProto || !BOUND_TO_PROTOTYPE.has(type))
    );
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
