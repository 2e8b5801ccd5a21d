/**
 * From an ObjectSpec to live maps and programs: creates maps and fills them, links programs, has them verified and loaded. The order and the
 * refusals are libbpf's (bpf_object_load in tools/lib/bpf/libbpf.c).
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { LoadError } from '../../base/errors.ts';
import type { Btf } from '../../btf/index.ts';
import {
  type KconfigValue,
  kconfigContent,
  type MapSlot,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
} from '../../loader/index.ts';
import type { BpfMap } from '../../maps/index.ts';
import { BpfProgType } from '../../spec/index.ts';
import type { VerifierInput } from '../../verifier/index.ts';
import type { Machine } from '../machine/machine.ts';
import { updateByFd } from '../objects/fds.ts';
import { mapFile, programFile } from '../objects/files.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { dumpedCode, type ProgramFacts } from '../objects/program-facts.ts';
import { createFromSpec } from './create-map.ts';
import { checkByteOrder, type LinkedProgram, mapFd } from './link-program.ts';
import { loadProgram, type Verification, verifyProgram } from './load-program.ts';
import type { ProgramCode, RunTargets } from './prepare-program.ts';
import type { VerifierInputs } from './verifier-input.ts';

/** What a load depends on beside the object. */
export interface LoadEnvironment {
  readonly machine: Machine;
  readonly kconfig: Readonly<Record<string, KconfigValue>>;
  /** Addresses of kernel symbols by name, for `.ksyms` externs. */
  readonly ksyms: Readonly<Record<string, bigint>>;
  /** The kernel's types, then those of its modules. */
  readonly kernelTypes: readonly Btf[];
  /** Rejected programs are loaded too, to be run checked. */
  readonly unsafe: boolean;
}

/** Changes to an object between open and load. */
export interface LoadChoices {
  /** Content of data sections by index in `spec.maps`, where it is not what the file says. */
  readonly initial: ReadonlyMap<number, Uint8Array>;
  readonly maxEntries: ReadonlyMap<number, number>;
  /** Names of the programs to load. */
  readonly programs: ReadonlySet<string>;
  /** The programs for the verifier. */
  readonly inputs: VerifierInputs;
}

/** What load made, in the order of the spec; a program that was not to be loaded is undefined. */
export interface LoadedObject {
  readonly maps: readonly LiveMap[];
  readonly programs: readonly (LoadedProgram | undefined)[];
  /** What came of verifying them. */
  readonly verifications: readonly (Verification | undefined)[];
}

/**
 * Loads an object. When anything fails, everything that was made is released again.
 * @throws LoadError, SyscallError (map creation), VerifierError, IsaError.
 */
export function loadObject(spec: ObjectSpec, choices: LoadChoices, env: LoadEnvironment): LoadedObject {
  checkByteOrder(spec);
  // Held until maps and programs do.
  const types = spec.btf === undefined ? undefined : env.machine.liveBtf(spec.btf);
  types?.hold();
  const maps: LiveMap[] = [];
  const programs: (LoadedProgram | undefined)[] = [];
  const verifications: (Verification | undefined)[] = [];
  try {
    spec.maps.forEach((map, index) => {
      maps.push(createFromSpec(env.machine, spec, map, choices.maxEntries.get(index)));
    });
    spec.maps.forEach((map, index) => {
      fillDataSection(spec, map, maps[index]!.map, choices.initial.get(index), env);
      // As libbpf does once the content stands.
      maps[index]!.frozen = map.origin === 'rodata' || map.origin === 'kconfig';
    });
    for (const program of spec.programs) {
      if (!choices.programs.has(program.name)) {
        programs.push(undefined);
        verifications.push(undefined);
        continue;
      }
      const loaded = loadOne(spec, program, maps, choices.inputs, env);
      programs.push(loaded.program);
      verifications.push(loaded.verification);
    }
    spec.maps.forEach((map, index) => {
      fillSlots(spec, map, maps[index]!.map, { maps, programs, verifications }, env.machine);
    });
    return { maps, programs, verifications };
  } catch (error) {
    unloadObject({ maps, programs, verifications });
    throw error;
  } finally {
    types?.release();
  }
}

function codeOf(spec: ProgramSpec, linked: LinkedProgram): ProgramCode {
  const { insns, missing } = linked;
  return { name: spec.name, insns, functions: spec.subprogs, lines: spec.lineInfo, missing };
}

function targetsOf(maps: readonly LiveMap[], env: LoadEnvironment): RunTargets {
  const nameOf = (id: number, module: number): string => env.kernelTypes[module]?.nameOf(id) ?? '';
  return {
    maps: new Map(maps.map((map, index) => [mapFd(index), map])),
    symbolAddress: (id, module) => {
      const name = nameOf(id, module);
      return Object.hasOwn(env.ksyms, name) ? env.ksyms[name] : undefined;
    },
    typeName: nameOf,
  };
}

interface LoadedOne {
  readonly program: LoadedProgram;
  readonly verification: Verification;
}

/** Verifies and loads a program; it is held by its object then. */
function loadOne(
  object: ObjectSpec,
  spec: ProgramSpec,
  maps: readonly LiveMap[],
  inputs: VerifierInputs,
  env: LoadEnvironment,
): LoadedOne {
  const { machine } = env;
  const linked = inputs.link(spec);
  const code = codeOf(spec, linked);
  const { input, verification } = verifyLinked(spec, linked, code, inputs, env);
  if (verification.error !== undefined && !env.unsafe) throw verification.error;
  const targets = targetsOf(maps, env);
  const facts = {
    license: object.license,
    code: dumpedCode(linked.insns, targets.maps),
    functions: spec.funcInfo,
    ...(object.btf === undefined ? {} : { btf: machine.liveBtf(object.btf) }),
    ...attachFacts(machine, input),
  };
  return {
    program: loadProgram(machine, { code, kind: input ?? spec, targets, facts }, verification),
    verification,
  };
}

/** The type of the kernel that a program attaches to. */
function attachFacts(
  machine: Machine,
  input: VerifierInput | undefined,
): Partial<Pick<ProgramFacts, 'attachBtfId' | 'attachBtf'>> {
  const btf = input?.attachBtf ?? input?.kernelBtf;
  if (input?.attachBtfId === undefined || input.attachBtfId === 0 || btf === undefined) return {};
  return { attachBtfId: input.attachBtfId, attachBtf: machine.liveBtf(btf) };
}

/** The program's input, as far as libbpf would have one, and what the verifier says of it. */
function verifyLinked(
  spec: ProgramSpec,
  linked: LinkedProgram,
  code: ProgramCode,
  inputs: VerifierInputs,
  env: LoadEnvironment,
): { readonly input?: VerifierInput; readonly verification: Verification } {
  let input: VerifierInput;
  try {
    if (spec.type === BpfProgType.BPF_PROG_TYPE_EXT) throw noTarget(spec);
    input = inputs.fromLinked(spec, linked);
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { verification: { accepted: false, error } };
  }
  return { input, verification: verifyProgram(code, input, env.machine.cpuCount) };
}

function noTarget(spec: ProgramSpec): LoadError {
  const message = 'extension programs (freplace) need a program to extend, and nothing here can name one yet';
  return new LoadError('no-attach-program', message, { program: spec.name, section: spec.section });
}

/** Gives up the object's own references to its programs and maps. */
export function unloadObject(object: LoadedObject): void {
  for (const program of object.programs) program?.release();
  for (const map of object.maps) map.releaseUser();
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
    const error = fillSlot(object, slot, map, key, made, machine);
    if (error < 0) {
      throw new SyscallError(-error, `slot ${slot.index} cannot hold ${slot.kind} '${slot.name}'`, {
        map: spec.name,
      });
    }
  }
}

/** Puts a program or map of the object into a slot; 0 or a negative errno. */
function fillSlot(
  object: ObjectSpec,
  slot: MapSlot,
  map: BpfMap,
  key: Uint8Array,
  made: LoadedObject,
  machine: Machine,
): number {
  if (slot.kind === 'program') {
    const program = made.programs[object.programs.findIndex((candidate) => candidate.name === slot.name)];
    return program === undefined ? -Errno.EBADF : updateByFd(machine.fds, programFile(program), map, key);
  }
  const inner = made.maps[object.maps.findIndex((candidate) => candidate.name === slot.name)];
  return inner === undefined ? -Errno.EBADF : updateByFd(machine.fds, mapFile(inner), map, key);
}
