/**
 * The two shapes of an instruction: `RawInsn`, the kernel's struct bpf_insn field by field, and `Insn`, what it means, as a
 * discriminated union. Sources: RFC 9669; include/uapi/linux/bpf.h for the kernel's own additions.
 *
 * Programs are slot-indexed everywhere, as in the kernel's log: a 16-byte ld_imm64 takes two slots.
 */

/** struct bpf_insn: one 8-byte slot. `offset` is a signed 16-bit, `imm` a signed 32-bit number. */
export interface RawInsn {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

/** Operand width of arithmetic and comparisons. */
export type Width = 32 | 64;
/** Bytes of a memory access. */
export type AccessSize = 1 | 2 | 4 | 8;

/** The second operand: a register or a 32-bit number. */
export type Operand =
  | { readonly kind: 'reg'; readonly reg: number }
  /** Sign-extended to the operation's width. */
  | { readonly kind: 'imm'; readonly imm: number };

/** Two-operand arithmetic; `sdiv` and `smod` are div and mod with offset 1. */
export type AluOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'mod'
  | 'xor'
  | 'mov'
  | 'arsh'
  | 'sdiv'
  | 'smod';

/** Conditions of branches; `s` for signed, `set` for a bit test. */
export type JmpOp = 'eq' | 'gt' | 'ge' | 'set' | 'ne' | 'sgt' | 'sge' | 'lt' | 'le' | 'slt' | 'sle';

/** Atomic operations; `fetch` in the instruction says whether the old value comes back in src. */
export type AtomicOp = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg';

/**
 * What the 64-bit immediate of a ld_imm64 stands for: its src field, BPF_PSEUDO_* in uapi/linux/bpf.h.
 * For `map-fd` and `map-idx` the low half names the map; `map-value` and `map-idx-value` add an offset in the high half.
 */
export type LdImm64Kind = 'const' | 'map-fd' | 'map-value' | 'btf-id' | 'func' | 'map-idx' | 'map-idx-value';

/** A decoded instruction. Branches and calls count slots from the next instruction. */
export type Insn =
  | {
      readonly kind: 'alu';
      readonly op: AluOp;
      readonly width: Width;
      readonly dst: number;
      readonly operand: Operand;
    }
  | { readonly kind: 'neg'; readonly width: Width; readonly dst: number }
  /** Sign-extending move of the low `bits` of src. */
  | {
      readonly kind: 'movsx';
      readonly width: Width;
      readonly bits: 8 | 16 | 32;
      readonly dst: number;
      readonly src: number;
    }
  /** `le`/`be`: host to that order and cut to `bits`; `swap`: unconditional byte swap (bswap). */
  | {
      readonly kind: 'endian';
      readonly op: 'le' | 'be' | 'swap';
      readonly bits: 16 | 32 | 64;
      readonly dst: number;
    }
  /** Kernel: r = (cast) between address spaces; imm holds both, `(to << 16) | from` as in the encoding. */
  | { readonly kind: 'addr-space-cast'; readonly dst: number; readonly src: number; readonly imm: number }
  | {
      readonly kind: 'ld-imm64';
      readonly pseudo: LdImm64Kind;
      readonly dst: number;
      readonly lo: number;
      readonly hi: number;
    }
  /** Legacy packet access into r0: `abs` at imm, `ind` at src + imm. */
  | {
      readonly kind: 'ld-packet';
      readonly mode: 'abs' | 'ind';
      readonly size: 1 | 2 | 4;
      readonly src: number;
      readonly imm: number;
    }
  | {
      readonly kind: 'load';
      readonly size: AccessSize;
      readonly signed: boolean;
      readonly dst: number;
      readonly src: number;
      readonly offset: number;
    }
  | {
      readonly kind: 'store';
      readonly size: AccessSize;
      readonly dst: number;
      readonly offset: number;
      readonly operand: Operand;
    }
  | {
      readonly kind: 'atomic';
      readonly op: AtomicOp;
      readonly fetch: boolean;
      readonly size: 4 | 8;
      readonly dst: number;
      readonly src: number;
      readonly offset: number;
    }
  /** Unconditional jump; `offset` in slots from the next slot. `long`: the 32-bit form (gotol). */
  | { readonly kind: 'ja'; readonly offset: number; readonly long: boolean }
  | {
      readonly kind: 'jmp';
      readonly op: JmpOp;
      readonly width: Width;
      readonly dst: number;
      readonly operand: Operand;
      readonly offset: number;
    }
  /** Kernel: jumps when the loop budget is used up. */
  | { readonly kind: 'may-goto'; readonly offset: number }
  | { readonly kind: 'call-helper'; readonly id: number }
  /** bpf-to-bpf call; `offset` in slots from the next slot. */
  | { readonly kind: 'call-subprog'; readonly offset: number }
  /** Kernel function by BTF id; `module` indexes the program's fd_array (0: vmlinux). */
  | { readonly kind: 'call-kfunc'; readonly btfId: number; readonly module: number }
  /** Indirect call of the function whose address is in `reg`. */
  | { readonly kind: 'callx'; readonly reg: number }
  | { readonly kind: 'exit' };

/** The kinds of `Insn`. */
export type InsnKind = Insn['kind'];

/** An instruction of one kind: `InsnOf<'load'>`. */
export type InsnOf<K extends InsnKind> = Extract<Insn, { kind: K }>;

/** A decoded program by slot; the second slot of a ld_imm64 is undefined. */
export type InsnList = readonly (Insn | undefined)[];

/** Slots that an instruction takes. */
export function slotsOf(insn: Insn): 1 | 2 {
  return insn.kind === 'ld-imm64' ? 2 : 1;
}
