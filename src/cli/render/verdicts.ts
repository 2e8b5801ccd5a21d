/**
 * Verdicts of the programs of one file, a line each; for a rejected one also where it went wrong and the end of its log between the
 * marks that libbpf puts around it.
 */
import type { ChalkInstance } from 'chalk';
import { describeErrno, failureLog, type Outcome, sourceLine } from '../verify/outcome.ts';
import type { VerdictRecord } from '../verify/record.ts';
import type { Why } from './why.ts';

/** Lines of the end of a log that are shown when nobody asked for the log. */
const SHOWN_LINES = 40;

/**
 * Everything that is said of one program: its log if that was asked for, its explanation if that was, else for a rejected one the end of
 * the log.
 */
export function renderVerdict(outcome: Outcome, color: ChalkInstance, why?: Why): string {
  const { record } = outcome;
  const explanation = why?.renderWhy(outcome, color) ?? '';
  const parts = [verdictLine(record, color)];
  if (explanation === '') parts.push(sourceText(outcome, color));
  if (record.log !== undefined) parts.push(framed(record.log));
  else if (record.verdict === 'reject' && explanation === '') parts.push(logEnd(outcome, color));
  parts.push(explanation);
  if (outcome.logTruncated)
    parts.push(color.yellow('the log is longer than what is kept: its end is missing\n'));
  return parts.join('');
}

/** `parse (xdp): rejected with EACCES (-13): invalid access to packet…`. */
function verdictLine(record: VerdictRecord, color: ChalkInstance): string {
  const { insns, states, peakStates, microseconds } = record;
  const who = `${color.bold(record.program)} ${color.dim(`(${record.type})`)}`;
  const walk = `processed ${insns} insns, ${states} states (peak ${peakStates}) in ${microseconds} us`;
  if (record.verdict === 'accept') return `${who}: ${color.green('accepted')}, ${walk}\n`;
  const why = record.last === '' ? '' : `: ${record.last}`;
  const errno = `${color.red('rejected')} with ${describeErrno(record.errno)} [${record.code}]`;
  return `${who}: ${errno}${why}\n`;
}

/** `  at programs/xdp/parse.c:12:7, insn 5: return *byte;`. */
function sourceText({ input, insn, missing }: Outcome, color: ChalkInstance): string {
  if (input === undefined || insn === undefined) return '';
  const line = sourceLine(input, insn);
  const reason = missing === undefined ? '' : `  ${missing}\n`;
  if (line === undefined) return `  at insn ${insn}\n${reason}`;
  const column = line.column === 0 ? '' : `:${line.column}`;
  return `  at ${line.file}:${line.line}${column}, insn ${insn}: ${color.cyan(line.text.trim())}\n${reason}`;
}

function logEnd({ input }: Outcome, color: ChalkInstance): string {
  if (input === undefined) return '';
  const log = failureLog(input);
  if (log === '') return '';
  const lines = log.trimEnd().split('\n');
  const left = lines.length - SHOWN_LINES;
  if (left <= 0) return framed(log);
  const notice = color.dim(`… ${left} lines before; --log-level 1 shows all …\n`);
  return framed(`${notice}${lines.slice(-SHOWN_LINES).join('\n')}\n`);
}

/** The log as it is, between libbpf's marks. */
function framed(log: string): string {
  const end = log === '' || log.endsWith('\n') ? '' : '\n';
  return `-- BEGIN PROG LOAD LOG --\n${log}${end}-- END PROG LOAD LOG --\n`;
}

/**
 * A raw program on one line: verdict, errno as the kernel returns it, its closing statistics in its words, and the error. So that lines can
 * be held against what a kernel answered.
 */
export function renderRawVerdict(outcome: Outcome, color: ChalkInstance, why?: Why): string {
  const { record } = outcome;
  const { verdict, errno, insns, states, peakStates, markRead, last } = record;
  const shown = verdict === 'accept' ? color.green(verdict) : color.red(verdict);
  const stats = `processed ${insns} insns total_states ${states} peak_states ${peakStates} mark_read ${markRead}`;
  const line = `${record.program}: ${shown} err ${0 - errno} ${stats}${last === '' ? '' : `: ${last}`}\n`;
  return [
    line,
    record.log === undefined ? '' : framed(record.log),
    why?.renderWhy(outcome, color) ?? '',
  ].join('');
}
