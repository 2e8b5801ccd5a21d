/** `--prog-flags`: the flags of BPF_PROG_LOAD by number or name (include/uapi/linux/bpf.h). */
import { ProgFlag } from '../../index.ts';
import { usageError } from '../report.ts';

const FLAGS: Readonly<Record<string, number>> = ProgFlag;

/** All flags that BPF_PROG_LOAD knows. */
export const KNOWN_FLAGS = Object.values(FLAGS).reduce((all, flag) => all | flag);

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
