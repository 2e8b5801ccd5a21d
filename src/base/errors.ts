/**
 * The errors of the whole library. Every error that bad input or a bad program can cause is a `BpfError`
 * with a stable code and a place; any other exception that reaches a caller is a bug of bpflab.
 */

/** Where something went wrong. Every part is optional; whoever throws fills in what it knows. */
export interface Place {
  /** Byte offset in the file, section or buffer that was being read. */
  readonly offset?: number;
  /** ELF section name. */
  readonly section?: string;
  /** ELF symbol name. */
  readonly symbol?: string;
  /** Program (ELF function symbol) name. */
  readonly program?: string;
  /** Map name. */
  readonly map?: string;
  /** Instruction index in 8-byte slots, as the kernel's log counts them. */
  readonly insn?: number;
  /** BTF type id. */
  readonly typeId?: number;
  /** Source line as `file:line`, from .BTF.ext. */
  readonly source?: string;
  /** Line of a text input (assembler source, option value). */
  readonly line?: number;
  /** Column in that line, from 1. */
  readonly column?: number;
}

/** Base class of everything that is thrown on purpose. */
export class BpfError extends Error {
  /** Stable, kebab-case identifier of the kind of error; texts may change, codes do not. */
  readonly code: string;
  readonly place: Place;

  constructor(code: string, message: string, place: Place = {}) {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.place = place;
  }

  /** The message with its place in front, for people: `section .maps, offset 0x40: …`. */
  describe(): string {
    const where = describePlace(this.place);
    return where === '' ? this.message : `${where}: ${this.message}`;
  }
}

/** An object file that is not the ELF file it should be. */
export class ElfError extends BpfError {}

/** Type information (.BTF, .BTF.ext) that is malformed or inconsistent. */
export class BtfError extends BpfError {}

/** A well-formed object that cannot be turned into programs and maps, as libbpf would refuse it. */
export class LoadError extends BpfError {}

/** Assembler or instruction encoding errors: unknown opcodes, reserved fields, text that does not parse. */
export class IsaError extends BpfError {}

/** A misuse of the library's API: wrong argument types, unknown names. The message says what exists. */
export class UsageError extends BpfError {}

/** What a VerifierError carries beside code, message and place. */
export interface VerifierErrorDetails {
  readonly place: Place;
  /** The last line of the kernel's log ahead of the statistics; '' where the kernel says nothing. */
  readonly kernelMessage: string;
  /** The kernel's log at level 1: the path that failed. */
  readonly log: string;
  /** The source line, when the program has line information. */
  readonly sourceText?: string;
}

/** A program that the verifier rejects. The code names the rule that it breaks; `unsupported` stands for rules that are not known here. */
export class VerifierError extends BpfError {
  /** Positive error number that BPF_PROG_LOAD gives. */
  readonly errno: number;
  readonly kernelMessage: string;
  readonly log: string;
  readonly sourceText: string | undefined;

  constructor(code: string, errno: number, message: string, details: VerifierErrorDetails) {
    super(code, message, details.place);
    this.errno = errno;
    this.kernelMessage = details.kernelMessage;
    this.log = details.log;
    this.sourceText = details.sourceText;
  }
}

/** Writes a place as a person reads it; empty when nothing is known. */
function describePlace(place: Place): string {
  const parts: string[] = [];
  if (place.source !== undefined) parts.push(place.source);
  if (place.line !== undefined) parts.push(`line ${place.line}`);
  if (place.column !== undefined) parts.push(`column ${place.column}`);
  if (place.program !== undefined) parts.push(`program ${place.program}`);
  if (place.section !== undefined) parts.push(`section ${place.section}`);
  if (place.symbol !== undefined) parts.push(`symbol ${place.symbol}`);
  if (place.map !== undefined) parts.push(`map ${place.map}`);
  if (place.insn !== undefined) parts.push(`insn ${place.insn}`);
  if (place.typeId !== undefined) parts.push(`BTF type [${place.typeId}]`);
  if (place.offset !== undefined) parts.push(`offset 0x${place.offset.toString(16)}`);
  return parts.join(', ');
}
