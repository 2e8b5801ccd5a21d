/** What must hold of every register after an instruction. Source: reg_bounds_sanity_check in kernel/bpf/verifier.c. */
import { Errno } from '../../base/errno.ts';
import { findContradiction, forgetContradiction, formatContradiction } from '../domain/index.ts';
import type { Env } from '../env.ts';

/** Gives up bounds that contradict each other, or rejects the program if it asked for that (BPF_F_TEST_REG_INVARIANTS). */
export function checkInvariants(env: Env, words: Int32Array, o: number, occasion: string): void {
  const contradiction = findContradiction(words, o);
  if (contradiction === undefined) return;
  const message = formatContradiction(occasion, contradiction, words, o);
  if (env.testRegInvariants) env.reject('register-invariants', Errno.EFAULT, message);
  env.print(`${message}\n`);
  forgetContradiction(words, o);
}
