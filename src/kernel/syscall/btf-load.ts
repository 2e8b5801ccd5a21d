/** BPF_BTF_LOAD (bpf_btf_load in kernel/bpf/syscall.c, btf_parse in kernel/bpf/btf.c). */
import { Errno } from '../../base/errno.ts';
import { BtfError } from '../../base/errors.ts';
import { type Btf, parseBtf } from '../../btf/index.ts';
import type { Attributes } from './attributes.ts';
import { type BtfProblem, checkBtfHeader } from './btf-header.ts';
import { checkBtfRecords } from './btf-types.ts';
import { openNew, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { checkLogSettings, type LogSettings, writeLog } from './log-buffer.ts';
import { refuseToken } from './small-commands.ts';

const BPF_F_TOKEN_FD = 1 << 16;
/** BTF_MAX_SIZE. */
const MAX_BYTES = 16 * 1024 * 1024;

/** BPF_BTF_LOAD (bpf_btf_load). */
export function btfLoad(sys: SyscallContext, attr: Attributes<'BPF_BTF_LOAD'>): number {
  attr.checkUnused();
  const flags = attr.u32('btf_flags');
  if ((flags & ~BPF_F_TOKEN_FD) !== 0) fail(Errno.EINVAL, 'btf_flags has unknown bits');
  if (flags !== 0) refuseToken(sys, attr.s32('btf_token_fd'));
  const size = attr.u32('btf_size');
  if (size > MAX_BYTES) fail(Errno.E2BIG, `type information has at most ${MAX_BYTES} bytes`);
  const settings: LogSettings = {
    level: attr.u32('btf_log_level'),
    buffer: attr.word('btf_log_buf'),
    size: attr.u32('btf_log_size'),
  };
  checkLogSettings(settings);
  const bytes = sys.user.read(attr.word('btf'), size);
  const result = check(bytes);
  const log = writeLog(sys.user, settings, 'errno' in result ? result.text : '');
  if (attr.covers('btf_log_true_size')) attr.put32('btf_log_true_size', log.trueSize);
  if (log.error !== 0) fail(-log.error, 'the log does not fit its buffer');
  if ('errno' in result)
    fail(result.errno, `the type information is refused: ${result.text.split('\n').at(-1) ?? ''}`);
  const btf = sys.machine.liveBtf(result.btf);
  return openNew(sys, { kind: 'btf', btf, held: btf });
}

function check(bytes: Uint8Array): BtfProblem | { readonly btf: Btf } {
  const problem = checkBtfHeader(bytes);
  if (problem !== undefined) return problem;
  try {
    const btf = parseBtf(bytes, 'little');
    return checkBtfRecords(bytes, btf) ?? { btf };
  } catch (error) {
    if (error instanceof BtfError) return { errno: Errno.EINVAL, text: error.message };
    throw error;
  }
}
