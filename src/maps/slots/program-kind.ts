/**
 * What programs in one map must have in common: the first that is put in, or that uses the map for tail calls, decides
 * (bpf_prog_map_compatible in kernel/bpf/core.c).
 */
import { BpfProgType } from '../../spec/index.ts';
import type { ProgRef } from '../ports.ts';

/** Program types for which the prototype of the function they are attached to counts, too. */
const BOUND_TO_PROTOTYPE: ReadonlySet<number> = new Set([
  BpfProgType.BPF_PROG_TYPE_TRACING,
  BpfProgType.BPF_PROG_TYPE_LSM,
  BpfProgType.BPF_PROG_TYPE_EXT,
  BpfProgType.BPF_PROG_TYPE_STRUCT_OPS,
]);

/** What a map's programs have in common. */
export type ProgKind = Pick<ProgRef, 'type' | 'expectedAttachType' | 'xdpHasFrags' | 'attachFuncProto'>;

/** Remembers the kind of a map's programs. */
export class OwningKind {
  private kind: ProgKind | undefined;

  /** Whether a program is of the map's kind; the first one that asks decides for all that follow. */
  accepts(program: ProgKind): boolean {
    const { type, expectedAttachType, xdpHasFrags, attachFuncProto } = program;
    const { kind } = this;
    if (kind === undefined) {
      const prototype = attachFuncProto === undefined ? {} : { attachFuncProto };
      this.kind = { type, expectedAttachType, xdpHasFrags, ...prototype };
      return true;
    }
    return (
      kind.type === type &&
      kind.expectedAttachType === expectedAttachType &&
      kind.xdpHasFrags === xdpHasFrags &&
      (kind.attachFuncProto === attachFuncProto || !BOUND_TO_PROTOTYPE.has(type))
    );
  }
}
