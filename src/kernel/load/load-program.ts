/**
 * BPF_PROG_LOAD behind its attributes: asks the verifier, readies the program for the engine, makes it known to the machine (bpf_prog_load
 * in kernel/bpf/syscall.c). Whoever has the attributes calls it: objects as libbpf makes them, or a system call.
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { type LoadError, VerifierError } from '../../base/errors.ts';
import { ProgArrayMap } from '../../maps/index.ts';
import {
  LOG_LEVEL1,
  type VerifierFailure,
  type VerifierInput,
  type VerifierStats,
  verify,
} from '../../verifier/index.ts';
import type { Machine } from '../machine/machine.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { ProgramFacts, ProgramUses } from '../objects/program-facts.ts';
import { showMissing } from './missing.ts';
import { type ProgramCode, prepareProgram, type RunTargets } from './prepare-program.ts';

/** What came of a verification. */
export interface Verification {
  readonly accepted: boolean;
  /** Why not, by the verifier or by the loader ahead of it; undefined if accepted. */
  readonly error?: VerifierError | LoadError;
  /** Undefined where the verifier was not reached. */
  readonly stats?: VerifierStats;
  /** Loads that may miss memory (VerifierResult); undefined if not accepted. */
  readonly probeLoads?: readonly number[];
  /** What the program uses; undefined if not accepted. */
  readonly uses?: ProgramUses;
}

/** A program to load. */
export interface ProgramRequest {
  readonly code: ProgramCode;
  readonly kind: Pick<VerifierInput, 'type' | 'attachType' | 'flags'>;
  /** Descriptors of maps in the code name what `maps` holds. */
  readonly targets: RunTargets;
  /** What the kernel is to remember of it. */
  readonly facts: ProgramFacts;
}

/** Characters of log that an error carries: as much as libbpf has room for. */
const LOG_SIZE = 16 * 1024 * 1024;

/**
 * Verifies a program, as BPF_PROG_LOAD does. Runs twice where it is rejected: the log is made only then.
 * @param code For the error: name, source lines, and what the kernel does not have.
 */
export function verifyProgram(code: ProgramCode, input: VerifierInput, cpus: number): Verification {
  const result = verify(input, { cpuCount: cpus });
  const { failure, stats, probeLoads } = result;
  if (failure === undefined) return { accepted: true, stats, probeLoads, uses: result };
  const logged = verify(input, { cpuCount: cpus, logLevel: LOG_LEVEL1, logSize: LOG_SIZE });
  const shown = showMissing(logged, code.missing);
  return { accepted: false, stats, error: rejection(code, shown.failure ?? failure, shown.log) };
}

/**
 * Loads a program, which the caller holds then.
 * @param verification Its outcome, from `verifyProgram`; a rejected program comes here only to be run all the same, checked.
 * @throws SyscallError when it cannot be made; LoadError, IsaError as `prepareProgram`.
 */
export function loadProgram(
  machine: Machine,
  request: ProgramRequest,
  verification: Verification,
): LoadedProgram {
  const { code, kind, facts, targets } = request;
  const { probeLoads, uses } = verification;
  const verified = probeLoads === undefined ? {} : { verified: { probeLoads } };
  const runnable = prepareProgram({ ...code, ...verified }, targets);
  machine.engine.prepare(runnable.prepared);
  const { type, attachType, flags } = kind;
  const verifiedInsns = verification.stats?.insns;
  const program = machine.addProgram(
    { name: code.name, type, attachType, flags },
    runnable,
    verification.accepted,
    {
      ...facts,
      ...(verifiedInsns === undefined ? {} : { verifiedInsns }),
      ...(uses === undefined ? {} : { uses: usesOf(uses) }),
    },
  );
  program.hold();
  try {
    checkProgArrays(program, runnable.maps);
  } catch (error) {
    program.release();
    throw error;
  }
  return program;
}

function usesOf({ contextBytes, bufferBytes, boundToAttachType }: ProgramUses): ProgramUses {
  return { contextBytes, bufferBytes, boundToAttachType };
}

/** Programs that use one prog array must be of one kind (bpf_check_tail_call in kernel/bpf/core.c). */
function checkProgArrays(program: LoadedProgram, maps: readonly LiveMap[]): void {
  for (const { map } of maps)
    if (map instanceof ProgArrayMap && !map.accepts(program)) {
      const message = `prog array '${map.attr.name}' is used by programs of another type`;
      throw new SyscallError(Errno.EINVAL, message, { program: program.name });
    }
}

/** What is thrown for a rejected program. */
function rejection(code: ProgramCode, failure: VerifierFailure, log: string): VerifierError {
  const { insn } = failure;
  const line = insn === undefined ? undefined : lineAt(code, insn);
  return new VerifierError(failure.code, failure.errno, reasonOf(code, failure), {
    log,
    kernelMessage: failure.message,
    ...(line === undefined ? {} : { sourceText: line.text.trim() }),
    place: {
      program: code.name,
      ...(insn === undefined ? {} : { insn }),
      ...(line === undefined ? {} : { source: `${line.file}:${line.line}` }),
    },
  });
}

function reasonOf({ missing }: ProgramCode, { code, message, insn }: VerifierFailure): string {
  if (code === 'unsupported') return `${message}; load it without verification to run it (unsafe, --unsafe)`;
  const absent = insn === undefined || code !== 'unknown-helper' ? undefined : missing?.get(insn)?.reason;
  return absent ?? (message === '' ? 'the kernel refuses it without a word' : message);
}

/** The line record of an instruction: the last one at or before it. */
function lineAt({ lines }: ProgramCode, insn: number): ProgramCode['lines'][number] | undefined {
  let found: ProgramCode['lines'][number] | undefined;
  for (const line of lines) {
    if (line.insn > insn) break;
    found = line;
  }
  return found;
}
