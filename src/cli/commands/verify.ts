/** `bpflab verify OBJ…`: whether Linux 6.12 would accept the programs of object files, and if not, why. */
import type { Command } from 'commander';
import { ProgFlag } from '../../index.ts';
import { inFile } from '../in-file.ts';
import type { Io } from '../io.ts';
import { collect, integerOption } from '../options.ts';
import { usageError } from '../report.ts';
import { Filters } from '../verify/filters.ts';
import { parseProgFlags } from '../verify/prog-flags.ts';
import { readRecords } from '../verify/record.ts';
import { parseSort } from '../verify/sort.ts';
import { type Source, verifySources } from '../verify/sources.ts';
import { jsonView, plainView, type TableChoice, tableView, type VerdictView } from '../verify/views.ts';

interface VerifyOptions {
  readonly prog: readonly string[];
  readonly raw: readonly string[];
  readonly logLevel: number;
  readonly explain?: boolean;
  readonly strictAlignment?: boolean;
  readonly progFlags: number;
  readonly btf: readonly string[];
  readonly filter: readonly string[];
  readonly sort?: string;
  readonly compare?: string;
  readonly json?: boolean;
}

const HELP = `
One file gives a line a program; several, or --sort, --filter, --compare, give a
table as veristat prints it. Programs are verified one by one, those with
autoload off (SEC("?…")) too; nothing is run and no map is made.

Filters and sorting are written as for veristat:
  --filter '*.bpf.o/parse_*'   file and program; a lone glob means either,
                               FILE/ and /PROGRAM only one; * is any text
  --filter 'insns>1000'        a figure: verdict, duration, insns, states,
                               peak_states, mark_read; == != < <= > >=
  --filter '!verdict=success'  keeps out what matches; @FILE reads expressions,
                               one a line
  --sort insns,file^           heaviest first, then by file; ^ sorts upwards,
                               v downwards
With --compare OLD.json (what --json printed earlier), insns_a is the old value,
insns_b the new one, insns_diff and insns_pct their difference, |insns_diff|
that without its sign; verdict_diff=mismatch finds what changed its verdict.

Without --btf, kernel types are this machine's own (/sys/kernel/btf/vmlinux) if
it shows them, else the few that bpflab brings. Whatever the types, the rules
are those of Linux 6.12: another kernel's verdicts may differ.

Examples:
  bpflab verify xdp.bpf.o
  bpflab verify rejected.bpf.o --explain
  bpflab verify xdp.bpf.o --prog parse_udp --log-level 2
  bpflab verify xdp.bpf.o trace.bpf.o --sort insns

Exit code: 0 all accepted, 1 a program was rejected, 2 wrong usage, 3 a file
could not be read (others are still verified).
`;

export function define(command: Command, io: Io): void {
  command
    .argument('[objects...]', 'object files; - for stdin')
    .option('--prog <name>', 'only this program (repeatable)', collect, [])
    .option('--raw <file>', 'raw programs as text: name, type, map, insns … (repeatable)', collect, [])
    .option(
      '--log-level <n>',
      "print the kernel's log: 1 the failing path, 2 every path, 4 statistics, or sums",
      level,
      0,
    )
    .option('--explain', 'say in plain words why a program is rejected, and where the value came from')
    .option('--strict-alignment', 'check alignment as machines that need it do')
    .option('--prog-flags <flags>', 'BPF_F_* by number or name, parted by commas', parseProgFlags, 0)
    .option('--btf <file>', "the kernel's types; further ones are of its modules (repeatable)", collect, [])
    .option('--filter <expr>', 'only these files, programs or results (repeatable)', collect, [])
    .option('--sort <figures>', 'order of the table')
    .option('--compare <old.json>', 'compare with what --json printed earlier')
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action((files: readonly string[], options: VerifyOptions) => run(files, options, io));
}

const level = integerOption('--log-level', 0, 7);

async function run(files: readonly string[], options: VerifyOptions, io: Io): Promise<void> {
  const sources: Source[] = [
    ...files.map((file): Source => ({ kind: 'object', file })),
    ...options.raw.map((file): Source => ({ kind: 'raw', file })),
  ];
  if (sources.length === 0) throw usageError('name an object file, or raw programs with --raw FILE');
  const { filter, compare } = options;
  const filters = new Filters(filter, io);
  const choice: TableChoice = {
    filters,
    ...(options.explain === true ? { why: await import('../render/why.ts') } : {}),
    sort: options.sort === undefined ? [] : parseSort(options.sort),
    ...(compare === undefined ? {} : { before: inFile(compare, () => readRecords(io.read(compare))) }),
  };
  verifySources(sources, viewFor(sources, options, choice, io), io, {
    programs: options.prog,
    filters,
    btf: options.btf,
    logLevel: options.logLevel,
    flags: options.progFlags | (options.strictAlignment === true ? ProgFlag.BPF_F_STRICT_ALIGNMENT : 0),
    collectsLogs: options.json === true,
  });
}

function viewFor(
  sources: readonly Source[],
  options: VerifyOptions,
  choice: TableChoice,
  io: Io,
): VerdictView {
  const chosen = options.filter.length > 0 || options.sort !== undefined || options.compare !== undefined;
  if (options.json === true) return jsonView(io, choice);
  if (chosen || sources.length > 1) return tableView(io, choice);
  return plainView(io, sources[0]?.kind === 'raw', choice.why);
}
