/**
 * A program in the kernel (struct bpf_prog): ready to run, with an id, counted by those who hold it (objects, links, descriptors, prog
 * array slots); it holds its maps.
 */
import type { ProgRef } from '../../maps/index.ts';
import { ProgFlag } from '../../spec/index.ts';
import { isGplCompatible } from '../../spec/licenses.ts';
import type { PreparedProgram } from '../../vm/index.ts';
import type { RunnableProgram } from '../load/prepare-program.ts';
import type { LiveMap } from './live-map.ts';
import type { ProgramFacts } from './program-facts.ts';

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

/** When a program was loaded, in nanoseconds of CLOCK_BOOTTIME, and by which user. */
export interface ProgramOrigin {
  readonly time: bigint;
  readonly uid: number;
}

/** What a program in the kernel is made of. */
export interface ProgramParts {
  readonly kind: ProgramKind;
  readonly code: RunnableProgram;
  /** Whether the verifier accepted it. */
  readonly verified: boolean;
  readonly facts: ProgramFacts;
  readonly origin: ProgramOrigin;
}

/** Name of the type that a program attaches to; '' when it has none. */
export function attachName({ facts }: LoadedProgram): string {
  const { attachBtf, attachBtfId = 0 } = facts;
  return attachBtfId === 0 ? '' : (attachBtf?.btf.nameOf(attachBtfId) ?? '');
}

/** A program in the kernel. */
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
  readonly facts: ProgramFacts;
  readonly origin: ProgramOrigin;
  /** How often it ran while runs were counted (BPF_ENABLE_STATS), and for how many nanoseconds. */
  readonly runs = { count: 0n, time: 0n };
  private readonly maps: LiveMap[];
  private references = 0;
  private readonly onFree: () => void;

  /** Nobody holds it yet; it holds its maps and types. `onFree` is called when its last holder lets go. */
  constructor(id: number, parts: ProgramParts, onFree: () => void) {
    const { kind, code, verified, facts, origin } = parts;
    this.id = id;
    this.kind = kind;
    this.prepared = code.prepared;
    this.missing = code.missing;
    this.maps = [...code.maps];
    this.verified = verified;
    this.facts = facts;
    this.origin = origin;
    this.onFree = onFree;
    for (const held of [...this.maps, facts.btf, facts.attachBtf]) held?.hold();
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

  get attachBtfId(): number | undefined {
    return this.facts.attachBtfId;
  }

  get xdpHasFrags(): boolean {
    return (this.kind.flags & ProgFlag.BPF_F_XDP_HAS_FRAGS) !== 0;
  }

  hold(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    if (this.references > 0) return;
    this.onFree();
    for (const held of [...this.maps, this.facts.btf, this.facts.attachBtf]) held?.release();
  }

  /** The maps that it holds: those that it uses, then those that were bound to it. */
  get usedMaps(): readonly LiveMap[] {
    return this.maps;
  }

  /** Has it hold one more map; nothing changes when it holds it already (BPF_PROG_BIND_MAP). */
  bindMap(map: LiveMap): void {
    if (this.maps.includes(map)) return;
    map.hold();
    this.maps.push(map);
  }

  /** It may call helpers that are for GPL-compatible programs only. */
  get isGplCompatible(): boolean {
    return isGplCompatible(this.facts.license);
  }

  /** Counts a run that took so many nanoseconds. */
  count(nanoseconds: bigint): void {
    this.runs.count++;
    this.runs.time += nanoseconds;
  }
}
