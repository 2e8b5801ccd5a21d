/**
 * A program in the kernel (struct bpf_prog): ready to run, with an id, counted by those who hold it (objects, links, descriptors, prog
 * array slots); it holds its maps.
 */
import type { ProgRef } from '../maps/index.ts';
import type { PreparedProgram } from '../vm/index.ts';
import type { LiveMap } from './live-map.ts';
import type { RunnableProgram } from './prepare-program.ts';

/** BPF_F_XDP_HAS_FRAGS of BPF_PROG_LOAD. */
const XDP_HAS_FRAGS = 1 << 5;

/** What a program is, beside its code. */
export interface ProgramKind {
  readonly name: string;
  /** BPF_PROG_TYPE_* number. */
  readonly type: number;
  /** BPF_* attach type number. */
  readonly attachType: number;
  /** BPF_F_* flags of BPF_PROG_LOAD. */
  readonly flags: number;
}

export class LoadedProgram implements ProgRef {
  readonly id: number;
  readonly kind: ProgramKind;
  readonly prepared: PreparedProgram;
  /** By slot, what the kernel does not have of what the program asks for. */
  readonly missing: ReadonlyMap<number, string>;
  /**
   * The verifier accepted it: no run of it leaves its memory or does not end. False for programs that were loaded all the same, which
   * must run checked.
   */
  readonly verified: boolean;
  private readonly maps: readonly LiveMap[];
  private references = 0;

  constructor(id: number, kind: ProgramKind, code: RunnableProgram, verified: boolean) {
    this.id = id;
    this.kind = kind;
    this.prepared = code.prepared;
    this.missing = code.missing;
    this.maps = code.maps;
    this.verified = verified;
    for (const map of this.maps) map.hold();
  }

  get name(): string {
    return this.kind.name;
  }

  get type(): number {
    return this.kind.type;
  }

  get expectedAttachType(): number {
    return this.kind.attachType;
  }

  get xdpHasFrags(): boolean {
    return (this.kind.flags & XDP_HAS_FRAGS) !== 0;
  }

  hold(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    if (this.references === 0) for (const map of this.maps) map.release();
  }
}
