/**
 * From an ObjectSpec to live maps and programs: creates maps and fills them, resolves externs, puts map addresses into
 * instructions, prepares programs. The order and the refusals are libbpf's (bpf_object_load in tools/lib/bpf/libbpf.c).
 */
import { Errno, errnoName, SyscallError } from '../base/errno.ts';
import { BpfError, LoadError } from '../base/errors.ts';
import { highHalf, lowHalf } from '../base/int64.ts';
import { decodeProgram, linkFunctionPointers, type RawInsn } from '../isa/index.ts';
import {
  type ExternSpec,
  type KconfigValue,
  kconfigContent,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  type Reference,
} from '../loader/index.ts';
import type { BpfMap } from '../maps/index.ts';
import type { PreparedProgram, SourceOf } from '../vm/index.ts';
import { createFromSpec } from './create-map.ts';
import { LoadedProgram } from './loaded-program.ts';
import type { Machine } from './machine.ts';

/** What a load depends on beside the object. */
export interface LoadEnvironment {
  readonly machine: Machine;
  readonly kconfig: Readonly<Record<string, KconfigValue>>;
  /** Addresses of kernel symbols by name, for `.ksyms` externs. */
  readonly ksyms: Readonly<Record<string, bigint>>;
  nextProgramId(): number;
}

/** Changes to an object between open and load. */
export interface LoadChoices {
  /** Content of data sections by index in `spec.maps`, where it is not what the file says. */
  readonly initial: ReadonlyMap<number, Uint8Array>;
  readonly maxEntries: ReadonlyMap<number, number>;
  /** Names of the programs to load. */
  readonly programs: ReadonlySet<string>;
}

/** What load made, in the order of the spec; a program that was not to be loaded is undefined. */
export interface LoadedObject {
  readonly maps: readonly BpfMap[];
  readonly programs: readonly (LoadedProgram | undefined)[];
}

/**
 * Loads an object. When anything fails, everything that was made is released again.
 * @throws LoadError, SyscallError (map creation), IsaError.
 */
export function loadObject(spec: ObjectSpec, choices: LoadChoices, env: LoadEnvironment): LoadedObject {
  if (spec.byteOrder !== 'little') {
    throw new LoadError(
      'wrong-byte-order',
      `${spec.name} is a big-endian object and this kernel is little-endian: compile it with --target=bpf or bpfel to run it`,
    );
  }
  const maps: BpfMap[] = [];
  const programs: (LoadedProgram | undefined)[] = [];
  try {
    spec.maps.forEach((map, index) => {
      maps.push(createFromSpec(env.machine, spec, map, choices.maxEntries.get(index)));
    });
    spec.maps.forEach((map, index) => {
      fillDataSection(spec, map, maps[index]!, choices.initial.get(index), env);
    });
    for (const program of spec.programs) {
      programs.push(choices.programs.has(program.name) ? loadProgram(spec, program, maps, env) : undefined);
    }
    spec.maps.forEach((map, index) => {
      fillSlots(spec, map, maps[index]!, { maps, programs }, env.machine);
    });
    return { maps, programs };
  } catch (error) {
    unloadObject({ maps, programs }, env.machine);
    throw error;
  }
}

/** Gives up the object's own references to its programs and maps. */
export function unloadObject(object: LoadedObject, machine: Machine): void {
  for (const program of object.programs) program?.release();
  for (const map of object.maps) machine.removeMap(map);
}

function fillDataSection(
  object: ObjectSpec,
  spec: MapSpec,
  map: BpfMap,
  chosen: Uint8Array | undefined,
  env: LoadEnvironment,
): void {
  if (!['data', 'rodata', 'bss', 'kconfig'].includes(spec.origin)) return;
  const content = spec.origin === 'kconfig' ? kconfigContent(object, env.kconfig) : (chosen ?? spec.initial);
  const address = map.directValue?.(0) ?? -Errno.EOPNOTSUPP;
  if (content !== undefined && address > 0) env.machine.memory.writeBytes(address, content);
}

/** Sets the slots that the file declares for map-in-maps and prog arrays. */
function fillSlots(
  object: ObjectSpec,
  spec: MapSpec,
  map: BpfMap,
  made: LoadedObject,
  machine: Machine,
): void {
  if (spec.origin === 'struct_ops') return;
  for (const slot of spec.values) {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, slot.index, true);
    const error =
      slot.kind === 'program' ? setProgram(object, slot.name, map, key, made, machine) : -Errno.EOPNOTSUPP;
    if (error < 0) {
      throw new SyscallError(-error, `slot ${slot.index} cannot hold ${slot.kind} '${slot.name}'`, {
        map: spec.name,
      });
    }
  }
}

function setProgram(
  object: ObjectSpec,
  name: string,
  map: BpfMap,
  key: Uint8Array,
  made: LoadedObject,
  machine: Machine,
): number {
  const program = made.programs[object.programs.findIndex((candidate) => candidate.name === name)];
  if (program === undefined) return -Errno.EBADF;
  return updateByFd(machine, program, map, key);
}

/** Stores a program in a prog array slot, as user space does it: by a file descriptor of its own for the moment. */
export function updateByFd(machine: Machine, program: LoadedProgram, map: BpfMap, key: Uint8Array): number {
  const fd = machine.programFds.open(program);
  const value = new Uint8Array(4);
  new DataView(value.buffer).setUint32(0, fd, true);
  const error = map.updateUser(key, value, 0);
  machine.programFds.close(fd);
  return error;
}

function loadProgram(
  object: ObjectSpec,
  spec: ProgramSpec,
  maps: readonly BpfMap[],
  env: LoadEnvironment,
): LoadedProgram {
  if (spec.linkError !== undefined) {
    const { code, message, place } = spec.linkError;
    throw new LoadError(code, message, place);
  }
  try {
    const insns = spec.insns.slice();
    for (const reference of spec.references) resolve(object, spec, reference, insns, maps, env);
    const prepared: PreparedProgram = {
      name: spec.name,
      insns: decodeProgram(linkFunctionPointers(insns)),
      subprogs: spec.subprogs.map((subprog) => subprog.start),
      subprogNames: spec.subprogs.map((subprog) => subprog.name),
      source: sourceOf(spec),
    };
    env.machine.engine.prepare(prepared);
    const program = new LoadedProgram(env.nextProgramId(), spec, prepared);
    program.hold();
    return program;
  } catch (error) {
    if (error instanceof BpfError && error.place.program === undefined) {
      Object.assign(error, { place: { ...error.place, program: spec.name } });
    }
    throw error;
  }
}

/** Puts what a reference stands for into its instruction. */
function resolve(
  object: ObjectSpec,
  spec: ProgramSpec,
  reference: Reference,
  insns: RawInsn[],
  maps: readonly BpfMap[],
  env: LoadEnvironment,
): void {
  switch (reference.kind) {
    case 'map':
      setImmediate64(insns, reference.insn, BigInt(maps[reference.mapIndex]!.address));
      return;
    case 'map-value': {
      const address = maps[reference.mapIndex]!.directValue?.(reference.offset) ?? -Errno.ENOTSUPP;
      if (address < 0) {
        throw new LoadError(
          'no-direct-value',
          `map '${reference.map}' gives no address for offset ${reference.offset} (${errnoName(address)})`,
          {
            program: spec.name,
            map: reference.map,
            insn: reference.insn,
          },
        );
      }
      setImmediate64(insns, reference.insn, BigInt(address));
      return;
    }
    case 'extern': {
      const extern = object.externs.find((candidate) => candidate.name === reference.name);
      resolveExtern(spec, reference.insn, reference.name, extern, insns, env);
    }
  }
}

function resolveExtern(
  spec: ProgramSpec,
  slot: number,
  name: string,
  extern: ExternSpec | undefined,
  insns: RawInsn[],
  env: LoadEnvironment,
): void {
  const place = { program: spec.name, insn: slot, symbol: name };
  const known = Object.hasOwn(env.ksyms, name) ? env.ksyms[name] : undefined;
  if (extern?.kind === 'ksym-func' && extern.weak && known === undefined && isCall(insns[slot])) {
    // libbpf poisons the call: it may stand there, but must not be reached.
    insns[slot] = { ...insns[slot]!, src: 0, offset: 0, imm: UNRESOLVED_KFUNC };
    return;
  }
  if (extern?.kind === 'ksym-func' && isCall(insns[slot])) {
    throw new LoadError('unsupported-kfunc', `this kernel has no kernel function '${name}'`, place);
  }
  if (known === undefined && extern?.weak !== true) {
    throw new LoadError(
      'extern-not-resolved',
      `this kernel has no symbol '${name}'; give its address in the ksyms option, or declare it __weak`,
      place,
    );
  }
  setImmediate64(insns, slot, known ?? 0n);
}

/** The helper number that stands for a weak kernel function that is not there: POISON_CALL_KFUNC_BASE of libbpf. */
const UNRESOLVED_KFUNC = 2002000000;

function isCall(insn: RawInsn | undefined): boolean {
  return insn?.opcode === 0x85;
}

/** Makes a ld_imm64 load this number. */
function setImmediate64(insns: RawInsn[], slot: number, value: bigint): void {
  insns[slot] = { ...insns[slot]!, src: 0, imm: lowHalf(value) };
  insns[slot + 1] = { ...insns[slot + 1]!, imm: highHalf(value) };
}

/** Finds the line record of an instruction: the last one at or before it. */
function sourceOf(spec: ProgramSpec): SourceOf {
  const { lineInfo } = spec;
  return (slot) => {
    let low = 0;
    let high = lineInfo.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lineInfo[middle]!.insn <= slot) low = middle + 1;
      else high = middle;
    }
    return lineInfo[low - 1];
  };
}
