/** What the bpf_map_ops of types without keys and values answer: one errno for every operation. */
import type { MapAttr } from './map.ts';

/** A map whose every operation on keys fails. */
export abstract class KeylessMap {
  readonly userValueSize = 0;
  abstract readonly attr: MapAttr;
  private readonly answer: number;

  /** @param errno Positive; what every operation on keys fails with. */
  constructor(errno: number) {
    this.answer = -errno;
  }

  lookup(): number {
    return this.answer;
  }

  update(): number {
    return this.answer;
  }

  delete(): number {
    return this.answer;
  }

  readUser(): number {
    return this.answer;
  }

  updateUser(): number {
    return this.answer;
  }

  deleteUser(): number {
    return this.answer;
  }

  nextKey(): number {
    return this.answer;
  }
}
