/**
 * What a program asks for and the kernel does not have: libbpf puts a call of a helper that does not exist in its place, and where the
 * verifier comes to one, changes the end of the log to say what is missing (fixup_verifier_log in tools/lib/bpf/libbpf.c).
 */
import type { RawInsn } from '../../isa/index.ts';
import type { VerifierResult } from '../../verifier/index.ts';

/** Something missing, in bpflab's words and in libbpf's. */
export interface MissingPart {
  /** What is missing and what to do about it. */
  readonly reason: string;
  /** What libbpf shows instead of the call. */
  readonly shown: string;
  /** What libbpf shows instead of the verifier's message. */
  readonly message: string;
}

/** BPF_JMP | BPF_CALL. */
export const CALL_OPCODE = 0x85;
/** Helper numbers that stand for maps that are not made and for weak kernel functions that are not there: POISON_*_BASE. */
const UNMADE_MAP = 2001000000;
const UNRESOLVED_KFUNC = 2002000000;

/** A call of a helper that does not exist. */
export function poisonedCall(helper: number): RawInsn {
  return { opcode: CALL_OPCODE, dst: 0, src: 0, offset: 0, imm: helper };
}

/** In the place of a CO-RE relocation; `what` as libbpf writes it: `<byte_off> [5] struct task_struct.pid (0:3 @ offset 8)`. */
export function missingField(what: string): MissingPart {
  return {
    reason: `the kernel's types have no match for ${what}; ask for it with bpf_core_field_exists first`,
    shown: '<invalid CO-RE relocation>',
    message: `failed to resolve CO-RE relocation ${what}`,
  };
}

/** In both slots of a reference to a map of the object. */
export function missingMap(
  index: number,
  name: string,
): { readonly insn: RawInsn; readonly part: MissingPart } {
  return {
    insn: poisonedCall(UNMADE_MAP + index),
    part: {
      reason: `map '${name}' is not created: the '?' of its section asks for that`,
      shown: '<invalid BPF map reference>',
      message: `BPF map '${name}' is referenced but wasn't created`,
    },
  };
}

/** In the place of a call of a kernel function; `index` among the object's externs. */
export function missingKfunc(
  index: number,
  name: string,
): { readonly insn: RawInsn; readonly part: MissingPart } {
  return {
    insn: poisonedCall(UNRESOLVED_KFUNC + index),
    part: {
      reason: `this kernel has no kernel function '${name}', which is __weak; test its address first`,
      shown: '<invalid kfunc call>',
      message: `kfunc '${name}' is referenced but wasn't resolved`,
    },
  };
}

/** The result as libbpf shows it: where the verifier came to something missing, message and log say what that is. */
export function showMissing(
  result: VerifierResult,
  missing: ReadonlyMap<number, MissingPart> | undefined,
): VerifierResult {
  const { failure, log } = result;
  const insn = failure?.insn;
  const part = insn === undefined ? undefined : missing?.get(insn);
  if (failure === undefined || part === undefined || failure.code !== 'unknown-helper') return result;
  const lines = log.split('\n');
  const at = lines.lastIndexOf(failure.message);
  if (at > 0 && lines[at - 1]?.startsWith(`${insn}: (85) call unknown#`) === true)
    lines.splice(at - 1, 2, `${insn}: ${part.shown}`, part.message);
  return { ...result, log: lines.join('\n'), failure: { ...failure, message: part.message } };
}
