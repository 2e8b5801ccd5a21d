/** What the verifier said of the programs of a run, ahead of the run itself. */
import type { ChalkInstance } from 'chalk';
import { type BpfObject, errnoName, type Verification, VerifierError } from '../../index.ts';

/** A line for each loaded program: `verified count_protocols: accepted, 44 insns, 3 states`. */
export function renderVerifications(object: BpfObject, color: ChalkInstance): string {
  return verified(object)
    .map(({ program, verification: { error, stats } }) => {
      if (error !== undefined)
        return `${color.yellow('verified')} ${color.bold(program)}: ${color.red('rejected')} [${error.code}]: ${error.message}; runs all the same\n`;
      const { insns, totalStates } = stats!;
      return `${color.dim(`verified ${program}: accepted, ${insns} insns, ${totalStates} states`)}\n`;
    })
    .join('');
}

/** The same for `--json`. */
export function verificationsToJson(object: BpfObject): object[] {
  return verified(object).map(({ program, verification }) => verdictToJson(program, verification));
}

/** A program that load refused, for `--json`. */
export function rejectionToJson(error: VerifierError): object {
  return verdictToJson(error.place.program ?? '', { accepted: false, error });
}

/** Several lines for a program that load refused: the message, where, the source line, and what to do. */
export function renderRejection(error: VerifierError, file: string, color: ChalkInstance): string {
  const { program = '', insn, source } = error.place;
  const where = [...(source === undefined ? [] : [source]), ...(insn === undefined ? [] : [`insn ${insn}`])];
  const lines = [
    `${color.red('rejected')} ${color.bold(program)} [${error.code}]: ${error.message} (${errnoName(error.errno)})`,
    ...(where.length === 0 ? [] : [`  at ${where.join(', ')}`]),
    ...(error.sourceText === undefined ? [] : [`    ; ${error.sourceText}`]),
    color.dim(`  why: bpflab verify --explain --prog ${program} ${file}`),
    color.dim('  to run it all the same, every access checked: --unsafe'),
  ];
  return `${lines.join('\n')}\n`;
}

interface Verified {
  readonly program: string;
  readonly verification: Verification;
}

function verified(object: BpfObject): Verified[] {
  return object.programList
    .filter((program) => program.isLoaded)
    .map(({ name, verification }) => ({ program: name, verification }));
}

function verdictToJson(program: string, { accepted, error, stats }: Verification): object {
  return {
    program,
    verdict: accepted ? 'accept' : 'reject',
    ...(stats === undefined ? {} : { insns: stats.insns, states: stats.totalStates }),
    ...(error === undefined ? {} : { code: error.code, message: error.message, place: error.place }),
    ...(error instanceof VerifierError
      ? { errno: error.errno, last: error.kernelMessage, log: error.log }
      : {}),
  };
}
