/**
 * The caller's log buffer: which settings are sane, which part of a log reaches it, and what the call answers for one that is too small
 * (bpf_vlog_init, bpf_verifier_vlog and bpf_vlog_finalize in kernel/bpf/log.c).
 */
import { Errno } from '../../base/errno.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { LOG_LEVEL1, LOG_LEVEL2, LOG_STATS } from '../../verifier/index.ts';
import { fail } from './failure.ts';
import type { UserSpace } from './user-space.ts';

/** Keep the log's start when it is too long, not its end. */
const BPF_LOG_FIXED = 8;
const LOG_MASK = LOG_LEVEL1 | LOG_LEVEL2 | LOG_STATS | BPF_LOG_FIXED;
const MAX_LOG_BYTES = 0xffffffff >>> 2;

/** Where a log goes, and how much is logged. */
export interface LogSettings {
  readonly level: number;
  /** Address and bytes of the caller's buffer; both 0 without one. */
  readonly buffer: number;
  readonly size: number;
}

/** @throws SyscallError EINVAL for settings that make no sense. */
export function checkLogSettings({ level, buffer, size }: LogSettings): void {
  if ((buffer !== 0) !== (size !== 0)) fail(Errno.EINVAL, 'a log buffer and its size go together');
  if (buffer !== 0 && level === 0) fail(Errno.EINVAL, 'a log buffer needs a log level');
  if ((level & ~LOG_MASK) !== 0) fail(Errno.EINVAL, `log level ${level} has unknown bits`);
  if (size > MAX_LOG_BYTES) fail(Errno.EINVAL, `a log buffer has at most ${MAX_LOG_BYTES} bytes`);
}

/** What became of a log. */
export interface LogOutcome {
  /** Bytes that the whole log takes, its terminating zero included; 0 when none was asked for. */
  readonly trueSize: number;
  /** 0, -ENOSPC when the buffer was too small, -EFAULT when it is no memory of the process. */
  readonly error: number;
}

/**
 * Copies a log to the caller: all of it, or its end (its start with BPF_LOG_FIXED) when the buffer is too small.
 * @param longest Bytes that the log had at its longest, when it was cut back since.
 */
export function writeLog(user: UserSpace, settings: LogSettings, text: string, longest = 0): LogOutcome {
  const { level, buffer, size } = settings;
  if (level === 0) return { trueSize: 0, error: 0 };
  const bytes = encodeUtf8(`${text}\0`);
  const needed = Math.max(text === '' ? 0 : bytes.length, longest);
  if (buffer === 0) return { trueSize: needed, error: 0 };
  if (needed > 0) {
    const shown = (level & BPF_LOG_FIXED) === 0 ? bytes.subarray(-size) : bytes.slice(0, size);
    if (shown.length > 0) shown[shown.length - 1] = 0;
    try {
      user.write(buffer, shown);
    } catch {
      return { trueSize: needed, error: -Errno.EFAULT };
    }
  }
  return { trueSize: needed, error: needed > size ? -Errno.ENOSPC : 0 };
}
