/** What a load or store is: the arguments of check_mem_access that belong together (kernel/bpf/verifier.c). */

/** How a load or store is made. */
export interface Access {
  /** Bytes. */
  readonly size: number;
  readonly write: boolean;
  /** Loads: the register that gets the value. Stores: the register that is stored. -1 for none. */
  readonly value: number;
  /** Aligned whatever the program's flags say: atomic operations. */
  readonly aligned?: boolean;
  /** A sign-extending load. */
  readonly signed?: boolean;
}
