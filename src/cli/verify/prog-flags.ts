/** `--prog-flags`: the flags of BPF_PROG_LOAD by number or name (include/uapi/linux/bpf.h). */
import { usageError } from '../report.ts';

const FLAGS: Readonly<Record<string, number>> = {
  BPF_F_STRICT_ALIGNMENT: 1 << 0,
  BPF_F_ANY_ALIGNMENT: 1 << 1,
  BPF_F_TEST_RND_HI32: 1 << 2,
  BPF_F_TEST_STATE_FREQ: 1 << 3,
  BPF_F_SLEEPABLE: 1 << 4,
  BPF_F_XDP_HAS_FRAGS: 1 << 5,
  BPF_F_XDP_DEV_BOUND_ONLY: 1 << 6,
  BPF_F_TEST_REG_INVARIANTS: 1 << 7,
  BPF_F_TOKEN_FD: 1 << 16,
};

/** All flags that BPF_PROG_LOAD knows. */
export const KNOWN_FLAGS = Object.values(FLAGS).reduce((all, flag) => all | flag);

/** The bit that makes alignment count as on machines that need it. */
export const STRICT_ALIGNMENT = 1 << 0;

/** Numbers and names, parted by commas, put together. @throws UsageError for a name that there is not. */
export function parseProgFlags(text: string): number {
  return text.split(',').reduce((flags, word) => (flags | flagOf(word.trim())) >>> 0, 0);
}

function flagOf(word: string): number {
  if (/^(0x[\da-f]{1,8}|\d{1,10})$/i.test(word) && Number(word) <= 0xffff_ffff) return Number(word);
  const name = `BPF_F_${word.toUpperCase().replace(/^BPF_F_/, '')}`;
  const bit = FLAGS[name];
  if (bit !== undefined) return bit;
  throw usageError(`--prog-flags takes a number or ${Object.keys(FLAGS).join(', ')}, not '${word}'`);
}
