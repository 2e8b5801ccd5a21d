/** Asks the verifier about one program, and about the log of one that it rejected. */
import {
  BpfError,
  Errno,
  errnoName,
  isProgramType,
  type LineInfo,
  mayLoadWith,
  type ObjectVerifierInput,
  type Program,
  SyscallError,
  shortProgType,
  showMissing,
  type VerifierInput,
  type VerifierInputs,
  verify,
} from '../../index.ts';
import { KNOWN_FLAGS } from './prog-flags.ts';
import type { MapTrials } from './raw-maps.ts';
import { inputOfRaw, type RawProgram } from './raw-programs.ts';
import type { VerdictRecord } from './record.ts';

/** How programs are verified. */
export interface VerifySettings {
  /** Bits 1, 2 and 4 as log_level of BPF_PROG_LOAD has them. */
  readonly logLevel: number;
  /** Characters of log that are kept; the library's bound when left out. */
  readonly logSize?: number;
  /** BPF_F_* flags beside those of the section. */
  readonly flags: number;
}

/** What came of one program. */
export interface Outcome {
  readonly record: VerdictRecord;
  /** What the verifier was given; absent if the loader failed before it. */
  readonly input?: VerifierInput;
  /** The instruction that was being checked. */
  readonly insn?: number;
  /** What the kernel does not have of what that instruction asks for. */
  readonly missing?: string;
  /** The end of the log is missing. */
  readonly logTruncated: boolean;
}

/** What a record says of the program, whatever comes of it. */
type Identity = Pick<VerdictRecord, 'object' | 'program' | 'section' | 'type'>;

/** Verifies a program of the object in `file`. A program that cannot be linked is rejected with the loader's code. */
export function verifyProgram(
  file: string,
  inputs: VerifierInputs,
  program: Program,
  settings: VerifySettings,
): Outcome {
  const { name, spec } = program;
  const identity = {
    object: file,
    program: name,
    section: spec.section,
    type: shortProgType(spec.type),
  };
  let input: ObjectVerifierInput;
  try {
    input = inputs.of(spec, { flags: settings.flags });
  } catch (error) {
    if (!(error instanceof BpfError)) throw error;
    return notLoadable(identity, error);
  }
  const outcome = judge(identity, input, settings, input.missing);
  const missing = outcome.insn === undefined ? undefined : input.missing.get(outcome.insn)?.reason;
  return missing === undefined ? outcome : { ...outcome, missing };
}

/** Verifies a raw program, after its maps have been tried. */
export function verifyRaw(
  file: string,
  program: RawProgram,
  settings: VerifySettings,
  environment: Pick<VerifierInput, 'kernelBtf' | 'moduleBtfs'>,
  trials: MapTrials,
): Outcome {
  const identity = { object: file, program: program.name, section: '', type: shortProgType(program.type) };
  const input = inputOfRaw(program, (map) => trials.errorOf(map));
  if (!isProgramType(input.type) || !mayLoadWith(input.type, input.attachType))
    return badAttributes(identity);
  return judge(identity, { ...input, ...environment, flags: input.flags | settings.flags }, settings);
}

/** The log of the failing path, as libbpf asks for it once a load has failed. */
export function failureLog(input: VerifierInput): string {
  return verify(input, { logLevel: 1, clock: microsecondClock }).log;
}

/** The source line of an instruction: the last record at or before it. */
export function sourceLine(input: VerifierInput, insn: number): LineInfo | undefined {
  return input.lines?.findLast((line) => line.insn <= insn);
}

function judge(
  identity: Identity,
  input: VerifierInput,
  settings: VerifySettings,
  missing?: ObjectVerifierInput['missing'],
): Outcome {
  const { logLevel, logSize } = settings;
  if ((input.flags & ~KNOWN_FLAGS) !== 0) return badAttributes(identity);
  const started = performance.now();
  const verified = verify(input, {
    logLevel,
    clock: microsecondClock,
    ...(logSize === undefined ? {} : { logSize }),
  });
  const result = showMissing(verified, missing);
  const microseconds = Math.round(1000 * (performance.now() - started));
  const { failure, stats } = result;
  return {
    record: {
      ...identity,
      verdict: result.verdict,
      errno: failure?.errno ?? 0,
      code: failure?.code ?? '',
      last: failure?.message ?? '',
      insns: stats.insns,
      states: stats.totalStates,
      peakStates: stats.peakStates,
      markRead: stats.markRead,
      microseconds,
      ...(logLevel === 0 ? {} : { log: result.log }),
    },
    input,
    ...(failure?.insn === undefined ? {} : { insn: failure.insn }),
    logTruncated: result.logTruncated,
  };
}

function microsecondClock(): number {
  return 1000 * performance.now();
}

/** What libbpf fails with when a kernel symbol, function or type is not there; all else is EINVAL. */
const NOT_FOUND: ReadonlySet<string> = new Set([
  'extern-not-resolved',
  'unsupported-kfunc',
  'attach-target-missing',
]);

function notLoadable(identity: Identity, error: BpfError): Outcome {
  const errno =
    error instanceof SyscallError ? error.errno : NOT_FOUND.has(error.code) ? Errno.ESRCH : Errno.EINVAL;
  return { record: rejected(identity, errno, error.code, error.describe()), logTruncated: false };
}

/** Refused ahead of the verifier, without a word in the log. */
function badAttributes(identity: Identity): Outcome {
  return { record: rejected(identity, Errno.EINVAL, 'bad-load-attributes', ''), logTruncated: false };
}

/** The record of a program that never came to the verifier. */
function rejected(identity: Identity, errno: number, code: string, last: string): VerdictRecord {
  return {
    ...identity,
    verdict: 'reject',
    errno,
    code,
    last,
    insns: 0,
    states: 0,
    peakStates: 0,
    markRead: 0,
    microseconds: 0,
  };
}

/** `EACCES (-13)`: the name, and the number as libbpf prints it. */
export function describeErrno(errno: number): string {
  return `${errnoName(errno)} (${-errno})`;
}
