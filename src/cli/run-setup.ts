/**
 * What `run` and `map` have in common: the options that say what a kernel is like and what happens in it, and the object that is loaded
 * into it accordingly.
 */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import {
  BpfObject,
  BtfError,
  type EngineName,
  type Interpreter,
  type KconfigValue,
  Kernel,
  UsageError,
} from '../index.ts';
import { inFile } from './in-file.ts';
import type { Io } from './io.ts';
import { typesFrom } from './kernel-types.ts';
import { optimizeAtOnce } from './optimize.ts';
import { bytesOption, collect, integerOption, splitAssignment } from './options.ts';
import { traceLine } from './render/trace.ts';
import { unknownName, usageError } from './report.ts';
import type { RunPlan } from './run-programs.ts';
import { parseValue } from './values.ts';

/** Values of the options that `addRunOptions` adds. */
export interface RunOptions {
  readonly prog?: string;
  readonly set: readonly string[];
  readonly map: readonly string[];
  readonly kconfig: readonly string[];
  readonly data?: string;
  readonly ctx?: string;
  readonly fire: readonly string[];
  readonly times: number;
  readonly cpus: number;
  readonly cpu: number;
  readonly pid?: number;
  readonly budget?: number;
  readonly seed: number;
  readonly engine: EngineName;
  readonly btf: readonly string[];
  readonly trace?: boolean;
  readonly unsafe?: boolean;
}

/** Adds the options that say what the machine is like and what happens on it. */
export function addRunOptions(command: Command): Command {
  return command
    .option('--prog <name>', 'only this program')
    .option('--set <var=value>', 'set a global variable before load (repeatable)', collect, [])
    .option('--map <name[key]=value>', 'set a map entry before the run (repeatable)', collect, [])
    .option('--kconfig <name=value>', 'value of a .kconfig extern (repeatable)', collect, [])
    .option('--data <hex|@file>', 'packet for XDP, tc and socket filter programs')
    .option('--ctx <hex|@file>', 'context for test runs: the struct that the program is given')
    .option(
      '--fire <event>',
      'event to fire: a system call (getuid), tp/CATEGORY/NAME, raw_tp/NAME, kprobe/FUNCTION, receive, transmit (repeatable)',
      collect,
      [],
    )
    .option(
      '--times <n>',
      'how often the programs run, or the events happen',
      integerOption('--times', 1, 1_000_000_000),
      1,
    )
    .option('--cpus <n>', 'CPUs of the machine', integerOption('--cpus', 1, 4096), 1)
    .option('--cpu <n>', 'CPU to run on', integerOption('--cpu', 0, 4095), 0)
    .option('--pid <n>', 'process id of the current task', integerOption('--pid', 1, 4_194_304))
    .addOption(
      new Option('--engine <name>', 'what runs programs').choices(['interp', 'jit', 'auto']).default('auto'),
    )
    .option(
      '--btf <file>',
      "the kernel's types, such as /sys/kernel/btf/vmlinux; further ones are of its modules (repeatable)",
      collect,
      [],
    )
    .option(
      '--budget <n>',
      'instructions that one run may take before it is stopped (default: 10000000)',
      integerOption('--budget', 1, Number.MAX_SAFE_INTEGER),
    )
    .option('--seed <n>', 'seed of the random numbers', integerOption('--seed', 0, 0xffff_ffff), 1)
    .option('--trace', 'print every instruction that runs, to stderr')
    .option('--unsafe', 'load programs that the verifier rejects, too; every access is checked');
}

/**
 * Opens an object, loads it into a kernel that is as the options say, and sets the map entries that they name.
 * @throws What opening and loading throw, VerifierError for a program that is rejected; UsageError for a name that there is not.
 */
export function loadAsAsked(
  file: string,
  options: RunOptions,
  io: Io,
): { readonly kernel: Kernel; readonly object: BpfObject } {
  const object = inFile(file, () => BpfObject.open(io.read(file), { name: basename(file) }));
  const kernel = makeKernel(options, io);
  selectPrograms(object, options.prog);
  for (const text of options.set) setVariable(object, text);
  kernel.load(object);
  for (const text of options.map) setEntry(object, text);
  return { kernel, object };
}

/** What the options make happen. */
export function runPlan(options: RunOptions, io: Io): RunPlan {
  return {
    ...(options.prog === undefined ? {} : { program: options.prog }),
    ...(options.data === undefined ? {} : { data: bytesOption('--data', options.data, io) }),
    ...(options.ctx === undefined ? {} : { ctx: bytesOption('--ctx', options.ctx, io) }),
    events: options.fire,
    times: options.times,
    cpu: options.cpu,
  };
}

function makeKernel(options: RunOptions, io: Io): Kernel {
  const kconfig = Object.fromEntries(
    options.kconfig.map((text): [string, KconfigValue] => {
      const [name, value] = splitAssignment(text, '--kconfig');
      return [name, value];
    }),
  );
  return new Kernel({
    cpus: options.cpus,
    seed: options.seed,
    engine: options.engine,
    beforeCompile: optimizeAtOnce,
    ...(options.btf.length === 0 ? {} : { btf: typesFrom(options.btf, io) }),
    kconfig,
    ...(options.budget === undefined ? {} : { budget: options.budget }),
    ...(options.pid === undefined ? {} : { task: { pid: options.pid } }),
    ...(options.trace === true ? { onInsn: traceTo(io) } : {}),
    unsafe: options.unsafe === true,
  });
}

function traceTo(io: Io): (interpreter: Interpreter) => void {
  return (interpreter) => {
    io.err(`${traceLine(interpreter)}\n`);
  };
}

/** Loads only the wanted program, and those that the file puts into prog arrays: it may jump to them. */
function selectPrograms(object: BpfObject, name: string | undefined): void {
  if (name === undefined) return;
  const wanted = object.programs[name];
  const slots = object.spec.maps.flatMap((map) => map.values).filter((slot) => slot.kind === 'program');
  const targets = new Set(slots.map((slot) => slot.name));
  for (const program of object.programList)
    program.autoload = program === wanted || targets.has(program.name);
}

/** `VAR=VALUE`; structs and arrays are set whole. */
function setVariable(object: BpfObject, text: string): void {
  const [name, value] = splitAssignment(text, '--set');
  const section = object.sectionOf(name);
  if (section === undefined) {
    const names = object.sections.flatMap((candidate) => candidate?.names() ?? []);
    throw unknownName('variable', name, object.spec.name, names);
  }
  asOption(`--set ${text}`, () => {
    section.set(name, parseValue(value));
  });
}

/** `NAME[KEY]=VALUE`. */
function setEntry(object: BpfObject, text: string): void {
  const [, name, key, value] = /^([\w.]+)\[(.*?)\]=(.*)$/s.exec(text) ?? [];
  if (name === undefined || key === undefined || value === undefined) {
    throw usageError(`--map takes NAME[KEY]=VALUE, not '${text}'`);
  }
  const map = object.maps[name]!;
  const program = object.programList.find((candidate) => candidate.name === value && candidate.isLoaded);
  const parsed = program === undefined ? parseValue(value) : program;
  asOption(`--map ${text}`, () => {
    map.update(parseValue(key), parsed);
  });
}

/** A value that does not fit its type is a wrong option, not a malformed file. */
function asOption(option: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof UsageError || error instanceof BtfError)
      throw usageError(`${option}: ${error.message}`);
    throw error;
  }
}
