/** How a verification is run and watched, beside the program itself. */
import type { VerifierObserver } from './observer.ts';

/** How `verify` runs. */
export interface VerifierOptions {
  /** Bits LOG_LEVEL1, LOG_LEVEL2, LOG_STATS as for log_level of BPF_PROG_LOAD; 0 (the default) makes no log. */
  readonly logLevel?: number;
  /** Characters of log that are kept, from the start; 64 MiB when left out. */
  readonly logSize?: number;
  /** CPUs of the machine: the range of bpf_get_smp_processor_id. 2 when left out. */
  readonly cpuCount?: number;
  /** Hears of everything that the walk does. */
  readonly observer?: VerifierObserver;
  /** Gives microseconds for the log's `verification time`; 0 when left out. */
  readonly clock?: () => number;
}
