/** `bpflab run OBJ`: load an object, make its events happen, show what its programs did. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import {
  BpfObject,
  type Btf,
  BtfError,
  type EngineName,
  type Interpreter,
  type KconfigValue,
  Kernel,
  parseBtf,
  UsageError,
  VmFault,
} from '../../index.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { optimizeAtOnce } from '../optimize.ts';
import { bytesOption, collect, integerOption, splitAssignment } from '../options.ts';
import { dumpMaps, mapsToJson } from '../render/maps.ts';
import { consumeEvents, renderRecords } from '../render/records.ts';
import { renderRuns } from '../render/runs.ts';
import { traceLine } from '../render/trace.ts';
import { CommandFailed, usageError } from '../report.ts';
import { type Outcome, runPrograms } from '../run-programs.ts';
import { parseValue } from '../values.ts';

interface RunOptions {
  readonly prog?: string;
  readonly set: readonly string[];
  readonly map: readonly string[];
  readonly kconfig: readonly string[];
  readonly data?: string;
  readonly fire: readonly string[];
  readonly times: number;
  readonly cpus: number;
  readonly cpu: number;
  readonly pid?: number;
  readonly seed: number;
  readonly engine: EngineName;
  readonly btf: readonly string[];
  readonly dumpMaps?: boolean;
  readonly trace?: boolean;
  readonly json?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument('<object>', 'object file; - for stdin')
    .option('--prog <name>', 'only this program')
    .option('--set <var=value>', 'set a global variable before load (repeatable)', collect, [])
    .option('--map <name[key]=value>', 'set a map entry before the run (repeatable)', collect, [])
    .option('--kconfig <name=value>', 'value of a .kconfig extern (repeatable)', collect, [])
    .option('--data <hex|@file>', 'packet for XDP, tc and socket filter programs')
    .option(
      '--fire <event>',
      'event to fire: a system call (getuid), tp/CATEGORY/NAME, raw_tp/NAME, kprobe/FUNCTION, receive, transmit (repeatable)',
      collect,
      [],
    )
    .option('--times <n>', 'how often', integerOption('--times', 1, 1_000_000_000), 1)
    .option('--cpus <n>', 'CPUs of the machine', integerOption('--cpus', 1, 4096), 1)
    .option('--cpu <n>', 'CPU to run on', integerOption('--cpu', 0, 4095), 0)
    .option('--pid <n>', 'process id of the current task', integerOption('--pid', 1, 4_194_304))
    .addOption(
      new Option('--engine <name>', 'what runs programs').choices(['interp', 'jit', 'auto']).default('auto'),
    )
    .option(
      '--btf <file>',
      "a kernel's BTF for CO-RE; further ones are of its modules (repeatable)",
      collect,
      [],
    )
    .option('--seed <n>', 'seed of the random numbers', integerOption('--seed', 0, 0xffff_ffff), 1)
    .option('--dump-maps', 'print the content of the maps afterwards')
    .option('--trace', 'print every instruction that runs, to stderr')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nWithout --fire, packet programs run on --data (64 zero bytes by default), others on the event in their section name.\n',
    )
    .action((file: string, options: RunOptions) => {
      run(file, options, io);
    });
}

function run(file: string, options: RunOptions, io: Io): void {
  const object = BpfObject.open(io.read(file), { name: basename(file) });
  const kernel = makeKernel(options, io);
  selectPrograms(object, options.prog);
  for (const text of options.set) setVariable(object, text);
  kernel.load(object);
  for (const text of options.map) setEntry(object, text);
  const records = consumeEvents(object);

  let outcomes: readonly Outcome[] = [];
  let fault: VmFault | undefined;
  try {
    outcomes = runPrograms(kernel, object, {
      ...(options.prog === undefined ? {} : { program: options.prog }),
      ...(options.data === undefined ? {} : { data: bytesOption(options.data, io) }),
      events: options.fire,
      times: options.times,
      cpu: options.cpu,
    });
  } catch (error) {
    if (!(error instanceof VmFault)) throw error;
    fault = error;
  }

  const lines = kernel.tracePipe.lines();
  if (options.json === true) {
    printJson(io, 'run', {
      object: object.spec.name,
      runs: outcomes,
      trace: lines,
      records: records.list(),
      ...(fault === undefined
        ? {}
        : { fault: { code: fault.code, message: fault.message, place: fault.place } }),
      ...(options.dumpMaps === true ? { maps: mapsToJson(object) } : {}),
    });
  } else {
    if (fault === undefined) io.out(renderRuns(outcomes, io.color));
    for (const line of lines) io.out(`${line}\n`);
    io.out(renderRecords(records.list(), io.color));
    if (options.dumpMaps === true) io.out(dumpMaps(object, io.color));
    if (fault !== undefined) io.err(`${io.errColor.red('fault')} [${fault.code}]: ${fault.report()}\n`);
  }
  if (fault !== undefined) throw new CommandFailed(ExitCode.Failed);
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
    ...(options.btf.length === 0 ? {} : { btf: readKernelTypes(options.btf, io) }),
    kconfig,
    ...(options.pid === undefined ? {} : { task: { pid: options.pid } }),
    ...(options.trace === true ? { onInsn: traceTo(io) } : {}),
  });
}

/** The kernel's BTF, then those of its modules, which continue its ids. */
function readKernelTypes(files: readonly string[], io: Io): Btf[] {
  const types: Btf[] = [];
  for (const file of files) {
    const base = types[0];
    types.push(parseBtf(io.read(file), undefined, base === undefined ? {} : { base }));
  }
  return types;
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
    throw usageError(`${object.spec.name} has no variable '${name}'; it has ${names.join(', ') || 'none'}`);
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
