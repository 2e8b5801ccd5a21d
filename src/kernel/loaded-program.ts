/**
 * A program in the kernel (struct bpf_prog): linked, with an id, counted by those who hold it (objects, links, descriptors, prog
 * array slots); it holds its maps.
 */
import type { ProgramSpec } from '../loader/index.ts';
import type { ProgRef } from '../maps/index.ts';
import type { PreparedProgram } from '../vm/index.ts';
import type { LinkedProgram } from './link-program.ts';
import type { LiveMap } from './live-map.ts';

/** BPF_F_XDP_HAS_FRAGS of BPF_PROG_LOAD. */
const XDP_HAS_FRAGS = 1 << 5;

export class LoadedProgram implements ProgRef {
  readonly id: number;
  readonly spec: ProgramSpec;
  readonly prepared: PreparedProgram;
  /** By slot, what the kernel does not have of what the program asks for. */
  readonly missing: ReadonlyMap<number, string>;
  private readonly maps: readonly LiveMap[];
  private references = 0;

  constructor(id: number, spec: ProgramSpec, linked: LinkedProgram) {
    this.id = id;
    this.spec = spec;
    this.prepared = linked.prepared;
    this.missing = linked.missing;
    this.maps = linked.maps;
    for (const map of this.maps) map.hold();
  }

  get name(): string {
    return this.spec.name;
  }

  get type(): number {
    return this.spec.type;
  }

  get expectedAttachType(): number {
    return this.spec.attachType;
  }

  get xdpHasFrags(): boolean {
    return (this.spec.flags & XDP_HAS_FRAGS) !== 0;
  }

  hold(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    if (this.references === 0) for (const map of this.maps) map.release();
  }
}
