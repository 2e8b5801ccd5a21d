/**
 * The records of .BTF.ext that belong to instructions: which function starts where, which source line an instruction came
 * from, and what CO-RE has to patch (struct bpf_func_info, bpf_line_info, bpf_core_relo in include/uapi/linux/bpf.h).
 */

/** A function starts here. */
export interface FuncInfo {
  /** Position in slots: from the start of the section as parsed, of the program once linked. */
  readonly insn: number;
  /** Id of a `func`. */
  readonly typeId: number;
}

/** From here on, instructions come from this source line. */
export interface LineInfo {
  /** Position in slots, as in FuncInfo. */
  readonly insn: number;
  readonly file: string;
  /** The source line itself, with its indentation. */
  readonly text: string;
  /** Counted from 1; 0 when the compiler does not say. */
  readonly line: number;
  /** Counted from 1; 0 when the compiler does not say. */
  readonly column: number;
}

/** What a CO-RE record asks for, by its number: enum bpf_core_relo_kind, in the names that libbpf logs. */
export const CORE_RELOC_KINDS = [
  'byte_off',
  'byte_sz',
  'field_exists',
  'signed',
  'lshift_u64',
  'rshift_u64',
  'local_type_id',
  'target_type_id',
  'type_exists',
  'type_size',
  'enumval_exists',
  'enumval_value',
  'type_matches',
] as const;

/** What a CO-RE record asks for, by the names of enum bpf_core_relo_kind. */
export type CoreRelocKind = (typeof CORE_RELOC_KINDS)[number];

/** An instruction whose immediate or offset depends on the running kernel's types. */
export interface CoreReloc {
  /** Position in slots, as in FuncInfo. */
  readonly insn: number;
  /** Id of the local type that the access starts from. */
  readonly typeId: number;
  /** Path through the type, e.g. `0:1:2`; for enumerators their index, for whole types `0`. */
  readonly access: string;
  readonly kind: CoreRelocKind;
}
