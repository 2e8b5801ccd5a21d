/**
 * What the kernel remembers of a program beside its code, to tell it on request (struct bpf_prog_aux, for struct bpf_prog_info): licence,
 * types, where it attaches, its instructions as they are shown to user space.
 */
import type { FuncInfo } from '../../btf/index.ts';
import {
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  LD_IMM64_OPCODE,
  type RawInsn,
  rawToBytes,
} from '../../isa/index.ts';
import type { VerifierResult } from '../../verifier/index.ts';
import type { LiveBtf } from './live-btf.ts';
import type { LiveMap } from './live-map.ts';
import { sha1 } from './sha1.ts';

/** Parts of VerifierResult that count when the program is attached or run: bytes of its context and buffers, and its attach type. */
export type ProgramUses = Pick<VerifierResult, 'contextBytes' | 'bufferBytes' | 'boundToAttachType'>;

/** What only who loads the program knows. */
export interface ProgramFacts {
  readonly license: string;
  readonly code: DumpedCode;
  readonly btf?: LiveBtf;
  readonly functions?: readonly FuncInfo[];
  /** Records of struct bpf_line_info, 16 bytes each, in order. */
  readonly lineRecords?: Uint8Array;
  /** Type that it attaches to, and whose type that is. */
  readonly attachBtfId?: number;
  readonly attachBtf?: LiveBtf;
  /** What the verifier saw it use; unknown of programs that it did not accept. */
  readonly uses?: ProgramUses;
  /** Instructions that the verifier looked at. */
  readonly verifiedInsns?: number;
}

/** A program's instructions for user space. */
export interface DumpedCode {
  /** With map ids in the place of descriptors. */
  readonly insns: Uint8Array;
  /** The first eight bytes of the SHA-1 of the instructions without their map references (bpf_prog_calc_tag). */
  readonly tag: Uint8Array;
}

/** Bytes of a tag: BPF_TAG_SIZE. */
const TAG_BYTES = 8;

/**
 * What user space is shown of the instructions as they were given. The kernel shows them as its verifier rewrote them, with helpers
 * inlined and contexts translated, which nothing here does.
 * @param maps By the number that stands for them in the instructions.
 */
export function dumpedCode(given: readonly RawInsn[], maps: ReadonlyMap<number, LiveMap>): DumpedCode {
  const dumped = given.slice();
  const tagged = given.slice();
  for (let slot = 0; slot + 1 < given.length; slot++) {
    const insn = given[slot]!;
    if (insn.opcode !== LD_IMM64_OPCODE) continue;
    if (insn.src === BPF_PSEUDO_MAP_FD || insn.src === BPF_PSEUDO_MAP_VALUE) {
      dumped[slot] = { ...insn, imm: maps.get(insn.imm)?.id ?? 0 };
      tagged[slot] = { ...insn, imm: 0 };
      tagged[slot + 1] = { ...given[slot + 1]!, imm: 0 };
    }
    slot++;
  }
  return {
    insns: rawToBytes(dumped, 'little'),
    tag: sha1(rawToBytes(tagged, 'little')).subarray(0, TAG_BYTES),
  };
}
