/**
 * How a running program and what surrounds it call each other: helper functions, callbacks, prepared programs. Both
 * engines use these types; the implementations of helpers live in helpers/, of programs in kernel/.
 *
 * Numbers cross this boundary as signed 32-bit halves or as addresses below 2^32, never as BigInt (design: three times the
 * cost). A pointer is the byte offset in the one linear memory.
 */
import type { InsnList } from '../isa/index.ts';

/**
 * How one register is passed to a helper. `u32`: its low half, as a signed 32-bit number (sizes, ints, flags that fit). `ptr`: the
 * same for an address; the checked engine faults when the high half is not zero. `u64`: two arguments, low half then
 * high half. Take addresses with `>>> 0` when memory may grow beyond 2 GiB.
 */
export type ArgPass = 'u32' | 'ptr' | 'u64';

/**
 * What a helper gives back. `int`: a C int or errno, sign-extended. `ptr`: an address, zero-extended, 0 is NULL. `u64`: the low half is
 * returned and the high half left in `HelperTable.high`. `void`: r0 is 0 as in the kernel's BPF_CALL of void type.
 */
export type ReturnPass = 'int' | 'ptr' | 'u64' | 'void';

/** A helper's implementation, bound to its kernel. Takes one number for each `u32`, two for each `u64`. */
export type HelperFn = (...words: number[]) => number;

/**
 * A helper that calls back into the program (bpf_loop, bpf_for_each_map_elem). The engine drives it: `start` with the helper's
 * words, then a callback call for each `true` of `next`, so that stepping and interruption work inside callbacks. One
 * object is live per active call; nested calls make further ones.
 */
export interface CallbackDriver {
  /** The callback's function pointer, from the helper's arguments: the low half of a `func` ld_imm64. */
  readonly callback: number;
  /**
   * Prepares the next call: writes its arguments to `args` as ten 32-bit halves (r1 lo, r1 hi, … r5 hi) and returns true; or
   * returns false when the iteration is over.
   */
  next(args: Int32Array): boolean;
  /** Told the callback's r0 after each call; the next `next` follows. */
  returned(lo: number, hi: number): void;
  /** The helper's own return value, once `next` has returned false (as ReturnPass says). */
  result(): number;
}

/**
 * How compiled code may do a helper's work without calling it. A hint: engines may ignore it, so the entry must work without.
 * `word`: r0 is the unsigned number of 4 or 8 bytes at an address (get_smp_processor_id, get_current_pid_tgid). `element`: r0 is the address
 * of the element number r1, or 0 when there are not that many. `map-lookup`: r1 is a map, r2 points to its key; maps without a layout may
 * have a `finder`, which does the helper's work for that one map and takes the key's address. `loop`: bpf_loop. `map-walk`:
 * bpf_for_each_map_elem. `cpuAddress`: where the number of the current CPU is, 32 bits; without it, nothing is done in line for per-CPU maps.
 */
export type InlineHelper =
  | { readonly kind: 'word'; readonly address: number; readonly size: 4 | 8 }
  | { readonly kind: 'element'; readonly values: number; readonly stride: number; readonly count: number }
  | {
      readonly kind: 'map-lookup';
      readonly layout: (mapAddress: number) => MapLayout | undefined;
      readonly finder?: (mapAddress: number) => HelperFn | undefined;
      readonly cpuAddress?: number;
    }
  | { readonly kind: 'loop' }
  | {
      readonly kind: 'map-walk';
      readonly layout: (mapAddress: number) => MapLayout | undefined;
      readonly cpuAddress?: number;
    };

/**
 * How to find a key's value in a map without calling it; holds for as long as programs that use the map are loaded. `cpuStride`: for maps with
 * a value for each CPU, the distance between those of two CPUs.
 */
export type MapLayout = (ArrayLayout | HashLayout) & { readonly cpuStride?: number };

/** The key is an index of 32 bits: value `i` is at `values + i * stride`. */
export interface ArrayLayout {
  readonly kind: 'array';
  readonly values: number;
  readonly stride: number;
  readonly count: number;
}

/**
 * Buckets of chained elements. Bucket `hash & mask`, a word of 32 bits from `buckets` on, holds the address of its first element, 0 when it is empty;
 * an element begins with the value, and has the key and the address of the next one at these offsets. The hash is the kernel's jhash of
 * the key with this seed.
 */
export interface HashLayout {
  readonly kind: 'hash';
  readonly buckets: number;
  readonly mask: number;
  readonly seed: number;
  readonly keySize: 4 | 8;
  readonly keyAt: number;
  readonly nextAt: number;
}

/** One row of the table an engine calls through, indexed by helper id. */
export type HelperEntry = {
  readonly id: number;
  readonly name: string;
  readonly args: readonly ArgPass[];
  readonly returns: ReturnPass;
  readonly inline?: InlineHelper;
} & (
  | {
      readonly kind: 'plain';
      readonly call: HelperFn;
      /** The same for verified programs: without the checks that the verifier has made already. */
      readonly unchecked?: HelperFn;
    }
  | { readonly kind: 'callback'; readonly start: (...words: number[]) => CallbackDriver | number }
  /** bpf_tail_call: the engine asks for the target program; undefined means fall through with an error in r0. */
  | {
      readonly kind: 'tail-call';
      readonly target: (mapAddress: number, index: number) => PreparedProgram | undefined;
    }
);

/** The helpers of one kernel. `high` is where a `u64` result leaves its high half. */
export interface HelperTable {
  readonly entries: readonly (HelperEntry | undefined)[];
  high: number;
  /** Kernel functions by BTF id and fd_array index (0: vmlinux); asked once for each call site, when a program is prepared. */
  readonly kfunc?: (btfId: number, module: number) => HelperEntry | undefined;
  readonly loadPacket?: PacketLoad;
  /**
   * callx with a number that is no code pointer calls the helper of that number, as runtimes outside the kernel do (Linux
   * itself refuses callx).
   */
  readonly callxByNumber?: boolean;
}

/**
 * Legacy packet access (BPF_ABS, BPF_IND): `size` bytes of the packet of the context in r6, converted from network order to an
 * unsigned number; negative when they are not there, which ends the function with r0 = 0. As bpf_skb_load_helper_* in
 * net/core/filter.c, `offset` may be negative to count from SKF_NET_OFF or SKF_LL_OFF.
 */
export type PacketLoad = (ctx: number, offset: number, size: 1 | 2 | 4) => number;

/** A source position by slot, for faults and traces. */
export type SourceOf = (
  slot: number,
) => { readonly file: string; readonly line: number; readonly text: string } | undefined;

/**
 * A program ready for an engine: map references already replaced by addresses (ld_imm64 `const`), subprograms appended,
 * entry at slot 0. `func` immediates hold the slot of their subprogram in `lo` and become opaque code pointers in the engine.
 */
export interface PreparedProgram {
  readonly name: string;
  readonly insns: InsnList;
  /** Start slots of all subprograms in ascending order, the main program's 0 first. */
  readonly subprogs: readonly number[];
  /** Names by subprogram, for faults and traces. */
  readonly subprogNames: readonly string[];
  readonly source?: SourceOf;
  /** Names of helpers by number, for faults. */
  readonly helperName?: (id: number) => string | undefined;
  /** The verifier accepted it: compiled code need not check where it reads and writes. */
  readonly verified?: boolean;
  /**
   * Slots of loads through BTF pointers, which read zeros where nothing is mapped instead of faulting (the kernel's
   * BPF_PROBE_MEM).
   */
  readonly probeLoads?: ReadonlySet<number>;
}

/**
 * Inputs that a program is run on one after another: where they are in linear memory. Before each run the input is copied to `target` and the
 * context is filled with its template and with the address where the input ends.
 */
export interface InputBatch {
  /** Address of the first input; the others follow without gaps. */
  readonly inputs: number;
  /** Address of their lengths, u32 each. */
  readonly lengths: number;
  /** Address that the low halves of r0 go to, i32 each. */
  readonly results: number;
  /** At least one. */
  readonly count: number;
  /** Address with room for the longest input. */
  readonly target: number;
  /** Address of the context, which r1 is. */
  readonly context: number;
  readonly template: number;
  /** Bytes of the template, a multiple of 8, at least 8. */
  readonly templateBytes: number;
  /** Offset in the context of the 32-bit address where the input ends. */
  readonly endAt: number;
}
