/**
 * From an ObjectSpec to live maps and programs: creates maps and fills them, links programs and readies them. The order and the
 * refusals are libbpf's (bpf_object_load in tools/lib/bpf/libbpf.c).
 */
import { Errno, SyscallError } from '../base/errno.ts';
import { LoadError } from '../base/errors.ts';
import type { Btf } from '../btf/index.ts';
import {
  type KconfigValue,
  kconfigContent,
  type MapSlot,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
} from '../loader/index.ts';
import { type BpfMap, ProgArrayMap } from '../maps/index.ts';
import { createFromSpec } from './create-map.ts';
import { updateByFd } from './fds.ts';
import { mapFile, programFile } from './files.ts';
import { type LinkedProgram, mapFd } from './link-program.ts';
import type { LiveMap } from './live-map.ts';
import type { LoadedProgram } from './loaded-program.ts';
import type { Machine } from './machine.ts';
import {
  type ProgramCode,
  prepareProgram,
  type RunnableProgram,
  type RunTargets,
} from './prepare-program.ts';
import { dumpedCode } from './program-facts.ts';
import type { VerifierInputs } from './verifier-input.ts';

/** What a load depends on beside the object. */
export interface LoadEnvironment {
  readonly machine: Machine;
  readonly kconfig: Readonly<Record<string, KconfigValue>>;
  /** Addresses of kernel symbols by name, for `.ksyms` externs. */
  readonly ksyms: Readonly<Record<string, bigint>>;
  /**
   * The kernel's types, then those of its modules.
   */
  readonly kernelTypes: readonly Btf[];
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
  const maps: LiveMap[] = [];
  const programs: (LoadedProgram | undefined)[] = [];
  try {
    spec.maps.forEach((map, index) => {
      maps.push(createFromSpec(env.machine, spec, map, choices.maxEntries.get(index)));
    });
    spec.maps.forEach((map, index) => {
      fillDataSection(spec, map, maps[index]!.map, choices.initial.get(index), env);
    });
    for (const program of spec.programs) {
      if (!choices.programs.has(program.name)) {
        programs.push(undefined);
        continue;
      }
      const linked = choices.inputs.link(program);
      const targets = targetsOf(maps, env);
      const runnable = prepareProgram(codeOf(program, linked), targets);
      env.machine.engine.prepare(runnable.prepared);
      programs.push(makeProgram(env.machine, spec, program, linked, runnable, targets));
    }
    spec.maps.forEach((map, index) => {
      fillSlots(spec, map, maps[index]!.map, { maps, programs }, env.machine);
    });
    return { maps, programs };
  } catch (error) {
    unloadObject({ maps, programs });
    throw error;
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

/** The program in the kernel, held by its object. */
function makeProgram(
  machine: Machine,
  object: ObjectSpec,
  spec: ProgramSpec,
  linked: LinkedProgram,
  runnable: RunnableProgram,
  targets: RunTargets,
): LoadedProgram {
  const facts = {
    license: object.license,
    code: dumpedCode(linked.insns, targets.maps),
    functions: spec.funcInfo,
    ...(object.btf === undefined ? {} : { btf: machine.liveBtf(object.btf) }),
  };
  const program = machine.addProgram(spec, runnable, false, facts);
  program.hold();
  for (const { map } of runnable.maps) {
    if (!(map instanceof ProgArrayMap) || map.accepts(program)) continue;
    program.release();
    throw new SyscallError(
      Errno.EINVAL,
      `prog array '${map.attr.name}' is used by programs of another type`,
      {
        program: spec.name,
      },
    );
  }
  return program;
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
