/** What `verify` says of one program: the row of its table and of `--json`, which `--compare` reads back. */
import { type Explanation, LoadError } from '../../index.ts';

/** Result of one program, as `--json` prints it. */
export interface VerdictRecord {
  /** Name of the file, without its folder. */
  readonly object: string;
  readonly program: string;
  /** ELF section; '' for raw programs. */
  readonly section: string;
  /** Program type in bpftool's spelling. */
  readonly type: string;
  readonly verdict: 'accept' | 'reject';
  /** Positive errno that BPF_PROG_LOAD, or the loader before it, fails with; 0 if accepted. */
  readonly errno: number;
  /** Stable name of the broken rule; '' if accepted. */
  readonly code: string;
  /** The error line of the log, or what the loader says; '' if accepted. */
  readonly last: string;
  /** Instructions that the walk processed; 0, like the next three, if it never began. */
  readonly insns: number;
  readonly states: number;
  readonly peakStates: number;
  readonly markRead: number;
  /** Time that the verification took here. */
  readonly microseconds: number;
  /** The kernel's log, if one was asked for. */
  readonly log?: string;
  /** Why it is rejected, if that was asked for. */
  readonly explanation?: Explanation;
}

const TEXTS = ['object', 'program'] as const;
const FIGURES = ['insns', 'states', 'peakStates', 'markRead', 'microseconds'] as const;

/**
 * Reads the document of an earlier `verify --json`.
 * @throws LoadError when it is none.
 */
export function readRecords(bytes: Uint8Array): VerdictRecord[] {
  const programs = programsOf(parseJson(new TextDecoder().decode(bytes)));
  return programs.map((entry, index) => {
    if (!isRecord(entry)) throw notOurs(`programs[${index}] lacks fields`);
    return entry;
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw notOurs('it is not JSON');
  }
}

function programsOf(document: unknown): readonly unknown[] {
  if (!isObject(document)) throw notOurs('it is no JSON object');
  if (document.command !== 'verify' || !Array.isArray(document.programs))
    throw notOurs("its command is not 'verify'");
  return document.programs;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Has the fields that a comparison uses. */
function isRecord(entry: unknown): entry is VerdictRecord {
  return (
    isObject(entry) &&
    TEXTS.every((name) => typeof entry[name] === 'string') &&
    FIGURES.every((name) => Number.isFinite(entry[name])) &&
    (entry.verdict === 'accept' || entry.verdict === 'reject')
  );
}

function notOurs(why: string): LoadError {
  return new LoadError('bad-baseline', `not the output of an earlier 'bpflab verify --json': ${why}`);
}
