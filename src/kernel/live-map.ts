/**
 * A map in the kernel: with an id, counted by those who hold it (struct bpf_map's refcnt). The object that made it holds it, programs that
 * use it, and maps of maps that it is in.
 */
import { type BpfMap, MapObject, type MapRef, ProgArrayMap } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';

export class LiveMap implements MapRef {
  readonly id: number;
  readonly map: BpfMap;
  private references = 0;
  private readonly onFree: (map: LiveMap) => void;

  /** Writes the id into the map's kernel object. Nobody holds the map yet. */
  constructor(id: number, map: BpfMap, memory: Memory, onFree: (map: LiveMap) => void) {
    this.id = id;
    this.map = map;
    this.onFree = onFree;
    memory.view.setUint32(map.address + MapObject.id, id, true);
  }

  hold(): void {
    this.references++;
  }

  /** Gives a reference back; the last one frees the map. */
  release(): void {
    this.references--;
    if (this.references > 0) return;
    this.onFree(this);
    this.map.free();
  }

  /**
   * The reference of user space goes away: programs in a prog array are let go, because they may hold the array themselves
   * (bpf_map_put_uref in kernel/bpf/syscall.c).
   */
  releaseUser(): void {
    if (this.map instanceof ProgArrayMap) this.map.clear();
    this.release();
  }
}
