/**
 * BPF_PROG_LOAD: the checks of bpf_prog_load in kernel/bpf/syscall.c in their order, then the verifier, its log, and the program in the
 * kernel.
 */
import { Errno } from '../../base/errno.ts';
import { MAX_BTF_TYPES, MAX_INSNS, MAX_OBJ_NAME } from '../../base/limits.ts';
import {
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_IDX,
  BPF_PSEUDO_MAP_IDX_VALUE,
  BPF_PSEUDO_MAP_VALUE,
  decodeProgram,
  LD_IMM64_OPCODE,
  linkFunctionPointers,
  type RawInsn,
  rawFromBytes,
  SLOT_BYTES,
  subprogStarts,
} from '../../isa/index.ts';
import { ProgFlag } from '../../spec/index.ts';
import { type VerifierInput, type VerifierResult, verify } from '../../verifier/index.ts';
import { loadProgram, type ProgramRequest } from '../load/load-program.ts';
import { programFile } from '../objects/files.ts';
import type { LiveBtf } from '../objects/live-btf.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { dumpedCode } from '../objects/program-facts.ts';
import type { Attributes } from './attributes.ts';
import { openFile, programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { checkLogSettings, type LogSettings, writeLog } from './log-buffer.ts';
import { objectName } from './map-create.ts';
import { mapInfo } from './map-info.ts';
import { BY_BTF_ID, BY_PROGRAM, fixedAttachType, isProgramType, mayLoadWith } from './program-kinds.ts';
import { type ProgramRecords, readRecords } from './program-records.ts';
import { refuseToken } from './small-commands.ts';

type LoadAttributes = Attributes<'BPF_PROG_LOAD'>;

/** All BPF_F_* flags of BPF_PROG_LOAD but BPF_F_TOKEN_FD. */
const KNOWN_FLAGS = 0xff;
const { BPF_F_TOKEN_FD } = ProgFlag;
const LICENSE_BYTES = 127;

/** What a program attaches to. */
interface Target {
  readonly btf?: LiveBtf;
  readonly btfId: number;
  readonly program?: LoadedProgram;
}

/** BPF_PROG_LOAD (bpf_prog_load). */
export function programLoad(sys: SyscallContext, attr: LoadAttributes): number {
  attr.checkUnused();
  const flags = attr.u32('prog_flags');
  if ((flags & ~(KNOWN_FLAGS | BPF_F_TOKEN_FD)) !== 0) fail(Errno.EINVAL, 'prog_flags has unknown bits');
  const type = attr.u32('prog_type');
  const attachType = fixedAttachType(type, attr.u32('expected_attach_type'));
  if ((flags & BPF_F_TOKEN_FD) !== 0) refuseToken(sys, attr.s32('prog_token_fd'));
  const count = attr.u32('insn_cnt');
  if (count === 0 || count > MAX_INSNS)
    fail(Errno.E2BIG, `a program has 1 to ${MAX_INSNS} instructions, not ${count}`);
  const target = attachTarget(sys, attr);
  checkTarget(type, attachType, target);
  const insns = rawFromBytes(sys.user.read(attr.word('insns'), count * SLOT_BYTES), 'little');
  const license = sys.user.readString(attr.word('license'), LICENSE_BYTES);
  if (attr.u32('prog_ifindex') !== 0) refuseDevice(sys, attr.u32('prog_ifindex'), type);
  if (!isProgramType(type)) fail(Errno.EINVAL, `there is no program type ${type}`);
  const name = objectName(attr.bytes('prog_name'));
  return verifyAndLoad(sys, attr, {
    kind: { name, type, attachType, flags: flags & KNOWN_FLAGS },
    insns,
    license,
    target,
  });
}

interface Candidate {
  readonly kind: LoadedProgram['kind'];
  readonly insns: readonly RawInsn[];
  readonly license: string;
  readonly target: Target;
}

function attachTarget(sys: SyscallContext, attr: LoadAttributes): Target {
  const fd = attr.s32('attach_prog_fd');
  const btfId = attr.u32('attach_btf_id');
  if (fd === 0) {
    if (btfId === 0) return { btfId };
    const [kernel] = sys.machine.kernelTypes;
    return kernel === undefined ? { btfId } : { btfId, btf: sys.machine.liveBtf(kernel) };
  }
  const file = sys.fds.get(fd);
  if (file?.kind === 'program') return { btfId, program: programOf(sys, fd) };
  if (file?.kind !== 'btf') fail(Errno.EINVAL, `descriptor ${fd} is no program and no BTF to attach to`);
  if (!file.btf.isKernel) fail(Errno.ENOTSUPP, "programs attach to the kernel's types, or to programs");
  return { btfId, btf: file.btf };
}

/** bpf_prog_load_check_attach. */
function checkTarget(type: number, attachType: number, { btf, btfId, program }: Target): void {
  if (btfId > MAX_BTF_TYPES) fail(Errno.EINVAL, `there is no BTF type ${btfId}`);
  if (btfId !== 0 && (!BY_BTF_ID.includes(type) || (btf === undefined && program === undefined)))
    fail(Errno.EINVAL, 'programs of this type do not attach by a BTF id');
  if (btf !== undefined && (btfId === 0 || program !== undefined))
    fail(Errno.EINVAL, 'attach_btf_obj_fd needs an attach_btf_id');
  if (program !== undefined && !BY_PROGRAM.includes(type))
    fail(Errno.EINVAL, 'programs of this type do not attach to programs');
  if (!mayLoadWith(type, attachType))
    fail(Errno.EINVAL, `programs of type ${type} are not loaded with attach type ${attachType}`);
}

/** bpf_prog_dev_bound_init: no device here runs programs itself. */
function refuseDevice(sys: SyscallContext, ifindex: number, type: number): never {
  const bindable = [3, 6].includes(type);
  if (!bindable || sys.devices.byIndex(ifindex) === undefined)
    fail(Errno.EINVAL, `there is no device ${ifindex} to load the program for`);
  return fail(Errno.EOPNOTSUPP, 'the device does not run programs');
}

function verifyAndLoad(sys: SyscallContext, attr: LoadAttributes, candidate: Candidate): number {
  const settings: LogSettings = {
    level: attr.u32('log_level'),
    buffer: attr.word('log_buf'),
    size: attr.u32('log_size'),
  };
  checkLogSettings(settings);
  const records = readRecords(sys, attr);
  const insns = withDescriptors(sys, attr, candidate.insns);
  const maps = mapsOf(sys, insns);
  const result = verify(verifierInput(sys, { ...candidate, insns }, records, maps), {
    logLevel: settings.level & 7,
    cpuCount: sys.machine.cpuCount,
  });
  const log = writeLog(sys.user, settings, result.log);
  if (attr.covers('log_true_size')) attr.put32('log_true_size', log.trueSize);
  if (log.error !== 0) fail(-log.error, 'the log does not fit its buffer');
  if (result.failure !== undefined) refused(sys, insns, result);
  const program = makeProgram(sys, { ...candidate, insns }, records, maps, result);
  try {
    return openFile(sys, programFile(program));
  } finally {
    program.release();
  }
}

function refused(sys: SyscallContext, insns: readonly RawInsn[], { failure, log }: VerifierResult): never {
  const why = failure?.message === '' ? failure.code : (failure?.message ?? '');
  const lines = log === '' ? '' : `\n${log}`;
  const given = failure?.errno ?? Errno.EINVAL;
  const unknown = failure?.code === 'bad-map-fd' && given === Errno.EBADF;
  return fail(
    (unknown ? errnoOfMap(sys, insns) : undefined) ?? given,
    `the verifier refuses the program: ${why}${lines}`,
  );
}

/** The verifier only knows that some descriptor is no map's; the errno says whether it is open. */
function errnoOfMap(sys: SyscallContext, insns: readonly RawInsn[]): number | undefined {
  for (const insn of insns) {
    const map = isMapReference(insn) ? sys.fds.map(insn.imm) : undefined;
    if (typeof map === 'number') return -map;
  }
  return undefined;
}

function isMapReference({ opcode, src }: RawInsn): boolean {
  return opcode === LD_IMM64_OPCODE && (src === BPF_PSEUDO_MAP_FD || src === BPF_PSEUDO_MAP_VALUE);
}

/** The instructions with descriptors in the place of their indices in fd_array. */
function withDescriptors(sys: SyscallContext, attr: LoadAttributes, given: readonly RawInsn[]): RawInsn[] {
  const array = attr.word('fd_array');
  const insns = given.slice();
  for (let slot = 0; slot < insns.length; slot++) {
    const insn = insns[slot]!;
    if (insn.opcode !== LD_IMM64_OPCODE) continue;
    if (insn.src === BPF_PSEUDO_MAP_IDX || insn.src === BPF_PSEUDO_MAP_IDX_VALUE) {
      if (array === 0) fail(Errno.EPROTO, 'fd_idx without fd_array is invalid');
      const imm = sys.user.read32(array + 4 * insn.imm) | 0;
      insns[slot] = {
        ...insn,
        src: insn.src === BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE,
        imm,
      };
    }
    slot++;
  }
  return insns;
}

/** The maps that instructions name, by descriptor; what is no map is left to the verifier. */
function mapsOf(sys: SyscallContext, insns: readonly RawInsn[]): Map<number, LiveMap> {
  const maps = new Map<number, LiveMap>();
  for (const insn of insns) {
    const map = isMapReference(insn) ? sys.fds.map(insn.imm) : -Errno.EBADF;
    if (typeof map !== 'number') maps.set(insn.imm, map);
  }
  return maps;
}

function verifierInput(
  sys: SyscallContext,
  { kind, insns, license, target }: Candidate,
  records: ProgramRecords,
  maps: ReadonlyMap<number, LiveMap>,
): VerifierInput {
  const [kernelBtf, ...moduleBtfs] = sys.machine.kernelTypes;
  const infos = new Map([...new Set(maps.values())].map((map) => [map, mapInfo(map, sys.machine.memory)]));
  return {
    insns,
    type: kind.type,
    attachType: kind.attachType,
    flags: kind.flags,
    license,
    maps: new Map([...maps].map(([fd, map]) => [fd, infos.get(map)!])),
    ...(records.btf === undefined ? {} : { btf: records.btf.btf }),
    functions: records.functions,
    lines: records.lines,
    ...(kernelBtf === undefined ? {} : { kernelBtf, moduleBtfs }),
    attachBtfId: target.btfId,
    ...(target.btf === undefined ? {} : { attachBtf: target.btf.btf }),
    attachProgram: target.program !== undefined,
  };
}

/** The caller holds it. */
function makeProgram(
  sys: SyscallContext,
  { kind, insns, license, target }: Candidate,
  records: ProgramRecords,
  maps: ReadonlyMap<number, LiveMap>,
  result: VerifierResult,
): LoadedProgram {
  const { machine } = sys;
  const types = machine.kernelTypes;
  const nameOf = (id: number, module: number): string => types[module]?.nameOf(id) ?? '';
  const request: ProgramRequest = {
    code: { name: kind.name, insns, functions: functionsOf(insns, kind.name, records), lines: records.lines },
    kind,
    targets: {
      maps,
      symbolAddress: (id, module) => {
        const name = nameOf(id, module);
        return Object.hasOwn(sys.ksyms, name) ? sys.ksyms[name] : undefined;
      },
      typeName: nameOf,
    },
    facts: {
      license,
      code: dumpedCode(insns, maps),
      ...(records.btf === undefined ? {} : { btf: records.btf }),
      functions: records.functions,
      lineRecords: records.lineBytes,
      attachBtfId: target.btfId,
      ...(target.btf === undefined ? {} : { attachBtf: target.btf }),
    },
  };
  return loadProgram(machine, request, {
    accepted: true,
    stats: result.stats,
    probeLoads: result.probeLoads,
    uses: result,
  });
}

/** The functions, named by their types where there are any. */
function functionsOf(
  insns: readonly RawInsn[],
  name: string,
  { btf, functions }: ProgramRecords,
): { name: string; start: number }[] {
  return subprogStarts(decodeProgram(linkFunctionPointers(insns))).map((start, i) => {
    const record = functions.find((candidate) => candidate.insn === start);
    const typed = record === undefined ? undefined : btf?.btf.nameOf(record.typeId);
    return { start, name: typed ?? (i === 0 ? name.slice(0, MAX_OBJ_NAME) : `func${i}`) };
  });
}
