/**
 * A map in the kernel: with an id, counted by those who hold it (struct bpf_map's refcnt), and by user space apart (usercnt). The object that
 * made it holds it, descriptors and pins, programs that use it, and maps of maps that it is in.
 */
import {
  type BpfMap,
  fieldsOfMap,
  type MapCounts,
  MapObject,
  type MapRef,
  ProgArrayMap,
  type SpecialField,
} from '../../maps/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { LiveBtf } from './live-btf.ts';

/** What is done when a map loses those who hold it. */
export interface MapLosses {
  /** Nobody holds it any more. */
  onFree(map: LiveMap): void;
  /** Nobody in user space holds it any more. */
  onLastUser(map: LiveMap): void;
}

/** A map in the kernel, counted by programs and by user space. */
export class LiveMap implements MapRef, MapCounts {
  readonly id: number;
  readonly map: BpfMap;
  /** The types of its keys and values, as the kernel keeps them. */
  readonly btf: LiveBtf | undefined;
  /** User space cannot write it any more (BPF_MAP_FREEZE). */
  frozen = false;
  private references = 0;
  private users = 0;
  private readonly losses: MapLosses;

  /** Writes the id into the map's kernel object. Nobody holds the map yet; it holds its types. */
  constructor(id: number, map: BpfMap, memory: Memory, btf: LiveBtf | undefined, losses: MapLosses) {
    this.id = id;
    this.map = map;
    this.btf = btf;
    this.losses = losses;
    btf?.hold();
    map.setCounts?.(this);
    memory.view.setUint32(map.address + MapObject.id, id, true);
  }

  /** Locks, timers and other fields of its value that are the kernel's. */
  get fields(): readonly SpecialField[] {
    return fieldsOfMap(this.map.attr);
  }

  get kernelReferences(): number {
    return Math.max(this.references - this.users, 0);
  }

  /** Whether anybody in user space holds it. */
  get hasUsers(): boolean {
    return this.users > 0;
  }

  hold(): void {
    this.references++;
  }

  /** A reference of user space: an object's, a descriptor's, a pin's. */
  holdUser(): void {
    this.users++;
    this.references++;
  }

  /** Gives a reference back; the last one frees the map. */
  release(): void {
    this.references--;
    if (this.references > 0) return;
    this.losses.onFree(this);
  }

  /**
   * Gives a reference of user space back. With the last one, programs in a prog array, of timers and those of a socket map are let go,
   * because they may hold the map themselves (bpf_map_put_uref in kernel/bpf/syscall.c).
   */
  releaseUser(): void {
    this.users--;
    if (this.users === 0) {
      if (this.map instanceof ProgArrayMap) this.map.clear();
      this.map.socketPrograms?.clear();
      this.losses.onLastUser(this);
    }
    this.release();
  }
}
