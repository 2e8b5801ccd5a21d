/** The commands: one row each, loaded only when it is asked for, so that a small command starts fast. */
import { Command, Help, Option } from 'commander';
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
  bpflab run prog.bpf.o --fire getuid --dump-maps   attach, fire an event, show maps and output
  bpflab run filter.bpf.o --data @packet.bin        run on a packet
  bpflab verify prog.bpf.o --explain                would Linux accept it? if not, why, in plain words

Exit code: 0 it ran, 1 a program faulted or was rejected or a check failed, 2 wrong usage, 3 an input is unreadable or
malformed, 70 a bug in bpflab. Results go to stdout, diagnostics to stderr; NO_COLOR and FORCE_COLOR are heeded.
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
    .addHelpText('after', HELP)
    .action((options: { version?: boolean }, command: Command) => {
      const [unknown] = command.args;
      if (unknown !== undefined)
        command.error(`error: unknown command '${unknown}'; bpflab --help lists them`);
      if (options.version === true) io.out(`${version()}\n`);
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
  root.configureHelp({ optionDescription });
  root.helpCommand('help [command]', 'display help for command');
  const wanted = argv.find((word) => !word.startsWith('-'));
  for (const [name, row] of Object.entries(COMMANDS)) {
    const command = root.command(name).summary(row.summary).description(row.summary);
    if (name === wanted || (wanted === 'help' && argv.includes(name))) (await row.load()).define(command, io);
  }
  // An unknown command is an excess argument to commander; commands, made before this line, do not allow any.
  return root.allowExcessArguments();
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
