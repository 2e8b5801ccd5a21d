/** The closing lines of the log. Source: print_verification_stats in kernel/bpf/verifier.c. */
import { LOG_STATS, type VerifierStats } from '../input.ts';
import { MAX_PROCESSED } from '../limits.ts';

/** The statistics at this log level; `microseconds` is the time that the verification took. */
export function statsText(stats: VerifierStats, logLevel: number, microseconds: number): string {
  let text = '';
  if ((logLevel & LOG_STATS) !== 0)
    text = `verification time ${microseconds} usec\nstack depth ${stats.stackDepths.join('+')}\n`;
  return (
    `${text}processed ${stats.insns} insns (limit ${MAX_PROCESSED}) max_states_per_insn ${stats.maxStatesPerInsn} ` +
    `total_states ${stats.totalStates} peak_states ${stats.peakStates} mark_read ${stats.markRead}\n`
  );
}
