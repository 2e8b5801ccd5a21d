/** struct bpf_prog_info (bpf_prog_get_info_by_fd in kernel/bpf/syscall.c). */
import { Errno } from '../../base/errno.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { putName, readInfo, writeInfo } from './info-struct.ts';
import { FUNC_INFO_BYTES, LINE_INFO_BYTES } from './program-records.ts';

/** sizeof(struct bpf_prog_info), and the end of its last member. */
const INFO_BYTES = 232;
const LAST_MEMBER_END = 228;
const ADDRESS_BYTES = 8;
const TAG_BYTES = 8;

/** Offsets of members. */
const At = {
  type: 0,
  id: 4,
  tag: 8,
  jitedLength: 16,
  xlatedLength: 20,
  xlatedInsns: 32,
  loadTime: 40,
  uid: 48,
  mapCount: 52,
  mapIds: 56,
  name: 64,
  gplCompatible: 84,
  symbolCount: 104,
  functionLengthCount: 108,
  symbols: 112,
  functionLengths: 120,
  btfId: 128,
  functionSize: 132,
  functions: 136,
  functionCount: 144,
  lineCount: 148,
  lines: 152,
  jitedLineCount: 168,
  lineSize: 172,
  jitedLineSize: 176,
  tagCount: 180,
  tags: 184,
  runTime: 192,
  runCount: 200,
  verifiedInsns: 216,
  attachBtfObject: 220,
  attachBtfId: 224,
} as const;

/** A struct bpf_prog_info (bpf_prog_get_info_by_fd). */
export function programInfo(
  sys: SyscallContext,
  attr: Attributes<'BPF_OBJ_GET_INFO_BY_FD'>,
  program: LoadedProgram,
): number {
  const info = readInfo(sys, attr, INFO_BYTES, LAST_MEMBER_END);
  const { view } = info;
  const { facts } = program;
  const u32 = (offset: number, value: number): void => {
    view.setUint32(offset, value, true);
  };
  u32(At.type, program.type);
  u32(At.id, program.id);
  new Uint8Array(view.buffer).set(facts.code.tag, At.tag);
  view.setBigUint64(At.loadTime, program.origin.time, true);
  u32(At.uid, program.origin.uid);
  u32(At.gplCompatible, program.isGplCompatible ? 1 : 0);
  putName(view, At.name, program.name);
  copyMapIds(sys, view, program);
  checkRecordSizes(view);
  view.setBigUint64(At.runTime, program.runs.time, true);
  view.setBigUint64(At.runCount, program.runs.count, true);
  u32(At.verifiedInsns, facts.verifiedInsns ?? 0);
  if (facts.btf !== undefined) u32(At.btfId, facts.btf.id);
  copyArray(sys, view, At.xlatedLength, At.xlatedInsns, facts.code.insns, 1);
  describeMachineCode(sys, view, program);
  u32(At.attachBtfId, facts.attachBtfId ?? 0);
  if (facts.attachBtf !== undefined) u32(At.attachBtfObject, facts.attachBtf.id);
  copyArray(sys, view, At.functionCount, At.functions, functionRecords(program), FUNC_INFO_BYTES);
  copyArray(sys, view, At.lineCount, At.lines, facts.lineRecords ?? new Uint8Array(0), LINE_INFO_BYTES);
  u32(At.jitedLineCount, 0);
  copyArray(sys, view, At.tagCount, At.tags, tagsOf(program), TAG_BYTES);
  return writeInfo(sys, attr, info);
}

/**
 * Copies as many records as the caller has room for, and says how many there are.
 * @param countAt Offset of the member that holds the caller's number, then the true one.
 */
function copyArray(
  sys: SyscallContext,
  view: DataView,
  countAt: number,
  addressAt: number,
  records: Uint8Array,
  recordBytes: number,
): void {
  const room = view.getUint32(countAt, true);
  const count = records.length / recordBytes;
  view.setUint32(countAt, count, true);
  const shown = records.subarray(0, Math.min(room, count) * recordBytes);
  sys.user.write(Number(view.getBigUint64(addressAt, true)), shown);
}

function copyMapIds(sys: SyscallContext, view: DataView, { usedMaps }: LoadedProgram): void {
  const ids = Uint32Array.from(usedMaps, (map) => map.id);
  copyArray(sys, view, At.mapCount, At.mapIds, new Uint8Array(ids.buffer), 4);
}

/** Sizes of records must be the kernel's, or 0 together with their count. @throws SyscallError EINVAL. */
function checkRecordSizes(view: DataView): void {
  const rules: readonly (readonly [count: number, size: number, bytes: number])[] = [
    [At.functionCount, At.functionSize, FUNC_INFO_BYTES],
    [At.lineCount, At.lineSize, LINE_INFO_BYTES],
    [At.jitedLineCount, At.jitedLineSize, ADDRESS_BYTES],
  ];
  for (const [count, size, bytes] of rules) {
    const given = view.getUint32(size, true);
    if ((view.getUint32(count, true) !== 0 || given !== 0) && given !== bytes)
      fail(Errno.EINVAL, `a record has ${bytes} bytes, not ${given}`);
  }
  for (const [, size, bytes] of rules) view.setUint32(size, bytes, true);
}

/** There is no machine code to show: the counts are as without a JIT compiler, one function each. */
function describeMachineCode(sys: SyscallContext, view: DataView, program: LoadedProgram): void {
  const functions = program.prepared.subprogs.length;
  view.setUint32(At.jitedLength, 0, true);
  copyArray(sys, view, At.symbolCount, At.symbols, new Uint8Array(functions * ADDRESS_BYTES), ADDRESS_BYTES);
  copyArray(sys, view, At.functionLengthCount, At.functionLengths, new Uint8Array(functions * 4), 4);
}

function functionRecords({ facts }: LoadedProgram): Uint8Array {
  const words = (facts.functions ?? []).flatMap(({ insn, typeId }) => [insn, typeId]);
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/** One tag a function; those of subprograms are not told apart here. */
function tagsOf({ facts, prepared }: LoadedProgram): Uint8Array {
  const bytes = new Uint8Array(prepared.subprogs.length * TAG_BYTES);
  for (let i = 0; i < prepared.subprogs.length; i++) bytes.set(facts.code.tag, i * TAG_BYTES);
  return bytes;
}
