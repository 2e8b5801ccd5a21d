/**
 * The function and line records of BPF_PROG_LOAD: arrays of a size of the caller's choice, read as far as this kernel knows them
 * (check_btf_info_early, check_btf_func_early and check_btf_line in kernel/bpf/verifier.c).
 */
import { Errno } from '../../base/errno.ts';
import type { Btf, FuncInfo, LineInfo } from '../../btf/index.ts';
import type { LiveBtf } from '../objects/live-btf.ts';
import type { Attributes } from './attributes.ts';
import { btfOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';

/** Records as they came and as the verifier takes them. */
export interface ProgramRecords {
  readonly btf?: LiveBtf;
  readonly functions: readonly FuncInfo[];
  readonly lines: readonly LineInfo[];
  /** Line records of 16 bytes, for those who ask for them. */
  readonly lineBytes: Uint8Array;
}

/** sizeof(struct bpf_func_info). */
export const FUNC_INFO_BYTES = 8;
/** sizeof(struct bpf_line_info). */
export const LINE_INFO_BYTES = 16;
const MAX_RECORD_BYTES = 252;
const MAX_LINE_RECORDS = Math.floor(0x7fffffff / LINE_INFO_BYTES);

/** @throws SyscallError EBADF, EINVAL, EACCES, E2BIG, EFAULT. */
export function readRecords(sys: SyscallContext, attr: Attributes<'BPF_PROG_LOAD'>): ProgramRecords {
  const functionCount = attr.u32('func_info_cnt');
  const lineCount = attr.u32('line_info_cnt');
  if (functionCount === 0 && lineCount === 0)
    return { functions: [], lines: [], lineBytes: new Uint8Array(0) };
  const btf = btfOf(sys, attr.u32('prog_btf_fd'));
  if (btf.isKernel) fail(Errno.EACCES, "a program's types are not the kernel's");
  const functionBytes = readArray(sys, {
    address: attr.word('func_info'),
    count: functionCount,
    given: attr.u32('func_info_rec_size'),
    known: FUNC_INFO_BYTES,
    what: 'func_info',
  });
  if (lineCount > MAX_LINE_RECORDS) fail(Errno.EINVAL, 'there are too many line records');
  const lineBytes = readArray(sys, {
    address: attr.word('line_info'),
    count: lineCount,
    given: attr.u32('line_info_rec_size'),
    known: LINE_INFO_BYTES,
    what: 'line_info',
  });
  return {
    btf,
    functions: functionsOf(functionBytes),
    lines: linesOf(lineBytes, btf.btf),
    lineBytes,
  };
}

interface RecordArray {
  readonly address: number;
  readonly count: number;
  /** Bytes of a record as the caller has them, and as the kernel does. */
  readonly given: number;
  readonly known: number;
  readonly what: string;
}

/** Copies records; what the caller's have beyond the known ones must be zero. */
function readArray(sys: SyscallContext, { address, count, given, known, what }: RecordArray): Uint8Array {
  if (count === 0) return new Uint8Array(0);
  if (given < known || given > MAX_RECORD_BYTES || given % 4 !== 0)
    fail(
      Errno.EINVAL,
      `${what}_rec_size is a multiple of 4 from ${known} to ${MAX_RECORD_BYTES}, not ${given}`,
    );
  const bytes = sys.user.read(address, count * given);
  if (given === known) return bytes;
  const out = new Uint8Array(count * known);
  for (let i = 0; i < count; i++) {
    const record = bytes.subarray(i * given, (i + 1) * given);
    if (record.subarray(known).some((byte) => byte !== 0))
      fail(Errno.E2BIG, `record ${i} of ${what} has content that this kernel does not know`);
    out.set(record.subarray(0, known), i * known);
  }
  return out;
}

function functionsOf(bytes: Uint8Array): FuncInfo[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / FUNC_INFO_BYTES }, (_, i) => ({
    insn: view.getUint32(i * FUNC_INFO_BYTES, true),
    typeId: view.getUint32(i * FUNC_INFO_BYTES + 4, true),
  }));
}

/** @throws SyscallError EINVAL for strings that are not there. */
function linesOf(bytes: Uint8Array, btf: Btf): LineInfo[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (offset: number, i: number): string =>
    btf.strings.at(offset) ??
    fail(Errno.EINVAL, `line record ${i} names a string that the BTF does not have`);
  return Array.from({ length: bytes.length / LINE_INFO_BYTES }, (_, i) => {
    const word = (n: number): number => view.getUint32(i * LINE_INFO_BYTES + 4 * n, true);
    const position = word(3);
    return {
      insn: word(0),
      file: text(word(1), i),
      text: text(word(2), i),
      line: position >>> 10,
      column: position & 0x3ff,
    };
  });
}
