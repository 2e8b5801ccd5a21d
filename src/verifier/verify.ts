/**
 * The whole verification, in the kernel's order: structure checks, the walk, what is checked after it. Source: bpf_check in
 * kernel/bpf/verifier.c.
 */
import { Errno } from '../base/errno.ts';
import { BtfError } from '../base/errors.ts';
import { setRuleSink } from './domain/index.ts';
import { Env } from './env.ts';
import { EINVAL, Rejection, unsupported } from './errors.ts';
import { walkAll } from './explore/functions.ts';
import type { VerifierFailure, VerifierInput, VerifierResult, VerifierStats } from './input.ts';
import { LOG_LEVEL1, LOG_LEVEL2 } from './input.ts';
import { probeLoads } from './insns/load-store.ts';
import { MAX_PROCESSED } from './limits.ts';
import { KernelLog } from './log/kernel-log.ts';
import { SourceLines } from './log/source-lines.ts';
import { statsText } from './log/stats-text.ts';
import { combineObservers } from './observers.ts';
import type { VerifierOptions } from './options.ts';
import { keepShapes } from './shapes.ts';
import { checkAttachTarget } from './structure/attach.ts';
import { checkFunctionRecords, checkRecordsOfSubprogs } from './structure/btf-info.ts';
import { checkCfg } from './structure/cfg.ts';
import { dropFastcallStack, markFastcallPatterns } from './structure/fastcall.ts';
import { resolveLdImm64 } from './structure/ld-imm64.ts';
import { checkStackDepth, finalStackDepths } from './structure/stack-depth.ts';
import { checkSubprogs, findSubprogs } from './structure/subprogs.ts';

/** CPUs when nothing is said: as many as the reference kernel's virtual machine has. */
const DEFAULT_CPUS = 2;
/** Characters of log that are kept when nothing is said. */
const LOG_SIZE = 64 * 1024 * 1024;

/**
 * Accepts or rejects a program as Linux 6.12 does. A program that needs what is not checked here yet is rejected with the code
 * `unsupported`. Never throws for any program; hostile BTF is a rejection too.
 */
export function verify(input: VerifierInput, options: VerifierOptions = {}): VerifierResult {
  const level = options.logLevel ?? 0;
  const log =
    (level & (LOG_LEVEL1 | LOG_LEVEL2)) === 0
      ? undefined
      : new KernelLog(level, options.logSize ?? LOG_SIZE, new SourceLines(input.lines ?? []));
  const observers = [log, options.observer].filter((observer) => observer !== undefined);
  keepShapes();
  const started = options.clock?.() ?? 0;
  const env = new Env(input, options.cpuCount ?? DEFAULT_CPUS, combineObservers(observers));
  const { observer } = env;
  const before =
    observer?.bound === undefined ? undefined : { sink: setRuleSink(observer.bound.bind(observer)) };
  let failure: VerifierFailure | undefined;
  try {
    failure = checkAll(env, level);
  } finally {
    if (before !== undefined) setRuleSink(before.sink);
  }
  const stats = statsOf(env, failure === undefined);
  const elapsed = Math.round((options.clock?.() ?? 0) - started);
  const text = level === 0 ? '' : (log?.buffer.toString() ?? '') + statsText(stats, level, elapsed);
  return {
    verdict: failure === undefined ? 'accept' : 'reject',
    ...(failure === undefined ? {} : { failure }),
    stats,
    probeLoads: failure === undefined ? probeLoads(env) : [],
    contextBytes: env.contextBytes,
    bufferBytes: env.bufferBytes,
    boundToAttachType: env.boundToAttachType,
    log: text,
    logTruncated: log?.buffer.truncated ?? false,
  };
}

function checkAll(env: Env, level: number): VerifierFailure | undefined {
  let walking = false;
  try {
    const { length } = env.program;
    if (length === 0 || length > MAX_PROCESSED) throw new Rejection('bad-length', Errno.E2BIG, '');
    if (env.input.unprivileged === true) throw unsupported('loading without capabilities');
    checkFunctionRecords(env);
    findSubprogs(env, level);
    checkSubprogs(env);
    checkRecordsOfSubprogs(env);
    resolveLdImm64(env);
    checkCfg(env);
    checkAttachTarget(env);
    markFastcallPatterns(env);
    walking = true;
    walkAll(env);
    walking = false;
    dropFastcallStack(env);
    checkStackDepth(env);
    if (env.reachesMissingKfunc)
      env.reject('unknown-helper', EINVAL, 'invalid kernel function call not eliminated in verifier pass');
    return undefined;
  } catch (error) {
    return failureOf(env, error, walking);
  }
}

function failureOf(env: Env, error: unknown, walking: boolean): VerifierFailure {
  const place = walking ? { insn: env.insn } : {};
  if (error instanceof Rejection)
    return { code: error.code, errno: error.errno, message: error.message, ...place };
  if (error instanceof BtfError) return { code: error.code, errno: EINVAL, message: error.message, ...place };
  throw error;
}

function statsOf(env: Env, accepted: boolean): VerifierStats {
  return {
    insns: env.processed,
    maxStatesPerInsn: env.maxStatesPerInsn,
    totalStates: env.totalStates,
    peakStates: env.peakStates,
    markRead: env.longestMarkRead,
    stackDepths: accepted ? finalStackDepths(env) : env.subprogs.map(({ stackDepth }) => stackDepth),
  };
}
