/**
 * What objects of the simulated kernel have in common that maps keep values for, or keep: an image in linear memory, a file descriptor that
 * names them for user space, and an end.
 */
import type { KernelFile } from './files.ts';

/** What is there as long as somebody holds it. */
export abstract class KernelObject {
  /** Address of the object's image: what programs hold of it. */
  abstract readonly address: number;
  private readonly listeners = new Set<() => void>();
  private over = false;

  /** What a descriptor of the object stands for. */
  abstract file(): KernelFile;

  /** Whether the object is gone. */
  get ended(): boolean {
    return this.over;
  }

  /** Calls `listener` once when the object goes; returns what ends that. */
  onEnd(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Tells everybody that the object goes; later calls do nothing. */
  protected finish(): void {
    if (this.over) return;
    this.over = true;
    for (const listener of [...this.listeners]) listener();
    this.listeners.clear();
  }
}

/** For files that nothing counts. */
export const UNCOUNTED = { hold: () => undefined, release: () => undefined };
