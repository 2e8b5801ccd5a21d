/** Type information in the kernel (struct btf): with an id, counted by descriptors, maps and programs. */
import type { Btf } from '../../btf/index.ts';
import type { Held } from '../../maps/index.ts';

/** Type information with its holders. */
export class LiveBtf implements Held {
  readonly id: number;
  readonly btf: Btf;
  /** `vmlinux` or a module's name; '' for what a process loaded. */
  readonly name: string;
  private references = 0;
  private readonly onFree: (btf: LiveBtf) => void;

  /** Nobody holds it yet. */
  constructor(id: number, btf: Btf, name: string, onFree: (btf: LiveBtf) => void) {
    this.id = id;
    this.btf = btf;
    this.name = name;
    this.onFree = onFree;
  }

  /** The kernel's own or a module's. */
  get isKernel(): boolean {
    return this.name !== '';
  }

  hold(): void {
    this.references++;
  }

  /** Gives a reference back; the last one lets it go. */
  release(): void {
    this.references--;
    if (this.references === 0) this.onFree(this);
  }
}
