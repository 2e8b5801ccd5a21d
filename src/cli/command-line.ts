/** The commands: one row each, loaded only when it is asked for, so that a small command starts fast. */
import { Command, Help, Option } from 'commander';
import { nearest } from '../base/suggest.ts';
import type { Io } from './io.ts';
import { readPackageFile } from './package-files.ts';

/** What a command's module exports. */
export interface CommandModule {
  /** Adds arguments, options and the action to the command that stands for it. */
  define(command: Command, io: Io): void;
}

interface CommandRow {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

const COMMANDS: Readonly<Record<string, CommandRow>> = {
  run: {
    summary: 'run the programs of an object and show what they did',
    load: () => import('./commands/run.ts'),
  },
  verify: {
    summary: 'say whether Linux would accept the programs of objects, and if not, why',
    load: () => import('./commands/verify.ts'),
  },
  map: {
    summary: 'show the maps of an object, after a run or as load leaves them',
    load: () => import('./commands/map.ts'),
  },
  inspect: {
    summary: 'show sections, programs, maps, types and relocations',
    load: () => import('./commands/inspect.ts'),
  },
  disasm: {
    summary: 'disassemble an object, with its source lines',
    load: () => import('./commands/disasm.ts'),
  },
  asm: { summary: 'assemble text into bytecode', load: () => import('./commands/asm.ts') },
  selftest: { summary: 'replay a kernel selftest', load: () => import('./commands/selftest.ts') },
  exec: { summary: 'run raw bytecode from stdin', load: () => import('./commands/exec.ts') },
  'bench-exec': {
    summary: 'time raw bytecode for a benchmark',
    load: () => import('./commands/bench-exec.ts'),
  },
};

const HELP = `
Examples:
  bpflab verify xdp.bpf.o --explain         would Linux accept it? if not, why
  bpflab run xdp.bpf.o --data @packet.bin   run it on a packet
  bpflab run trace.bpf.o --fire getuid --dump-maps
                                            attach, make it happen, show maps
  bpflab help run                           a command's options and examples

Exit code: 0 it ran, 1 a program faulted or was rejected or a check failed,
2 wrong usage, 3 an input is unreadable or malformed, 70 a bug in bpflab.
Results go to stdout, diagnostics to stderr. With --json, stdout is one JSON
document, also for errors. NO_COLOR and FORCE_COLOR are heeded.
`;

/** Runs the command that `argv` names; throws what it throws, and CommanderError for wrong usage. */
export async function runCommand(argv: readonly string[], io: Io): Promise<void> {
  await (await buildProgram(argv, io)).parseAsync(argv, { from: 'user' });
}

/** The root command with every subcommand named and the wanted one defined. */
async function buildProgram(argv: readonly string[], io: Io): Promise<Command> {
  const root = new Command('bpflab')
    .description('eBPF without a kernel: load, run and inspect clang-compiled objects')
    .option('-V, --version', 'print the version')
    .addOption(new Option('-v', 'print the version').hideHelp())
    .addHelpText('after', HELP)
    .action((options: { version?: boolean; v?: boolean }, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined) rejectCommand(command, unknown);
      if (options.version === true || options.v === true) io.out(`${version()}\n`);
      else root.help({ error: true });
    });
  // Commands take over what is set here when they are made.
  root.exitOverride().configureOutput({
    writeOut: (text) => {
      io.out(text);
    },
    writeErr: (text) => {
      io.err(text);
    },
  });
  root.configureHelp({ optionDescription, subcommandTerm });
  root.helpCommand('help [command]', 'display help for command');
  const words = argv.filter((word) => !word.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  for (const [name, row] of Object.entries(COMMANDS)) {
    const command = root.command(name).summary(row.summary).description(row.summary);
    command.showHelpAfterError(`bpflab ${name} --help shows how it is used.`);
    if (name === wanted) (await row.load()).define(command, io);
  }
  if (words[0] === 'help' && wanted !== undefined && !Object.hasOwn(COMMANDS, wanted))
    rejectCommand(root, wanted);
  // An unknown command is an excess argument to commander; commands, made before this line, do not allow any.
  return root.allowExcessArguments();
}

/** @throws CommanderError: there is no such command; what was meant is said, if that can be told. */
function rejectCommand(root: Command, name: string): never {
  const names = Object.keys(COMMANDS);
  const meant = names.find((known) => known.startsWith(name)) ?? nearest(name, names);
  const hint = meant === undefined ? 'bpflab --help lists them' : `did you mean '${meant}'?`;
  return root.error(`error: unknown command '${name}'; ${hint}`);
}

/** In the list of all commands, only names: arguments are known of none but the wanted one. */
function subcommandTerm(command: Command): string {
  return command.parent?.parent ? new Help().subcommandTerm(command) : command.name();
}

/** Options that may be repeated start as an empty list, which says nothing to users. */
function optionDescription(option: Option): string {
  const help = new Help();
  if (!Array.isArray(option.defaultValue)) return help.optionDescription(option);
  return help.optionDescription(new Option(option.flags, option.description));
}

function version(): string {
  const manifest = JSON.parse(new TextDecoder().decode(readPackageFile('package.json'))) as {
    version: string;
  };
  return manifest.version;
}
