/** `bpflab run OBJ`: load an object, make its events happen, show what its programs did. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { BpfError, UsageError, VerifierError, VmFault } from '../../index.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { PLOT_MODES, type PlotMode } from '../maps/histograms.ts';
import { explainNothing, note } from '../notes.ts';
import { dumpMaps, mapsToJson } from '../render/maps.ts';
import { consumeEvents, renderRecords } from '../render/records.ts';
import { renderRuns } from '../render/runs.ts';
import {
  rejectionToJson,
  renderRejection,
  renderVerifications,
  verificationsToJson,
} from '../render/verifications.ts';
import { CommandFailed, errorRecord, reportError } from '../report.ts';
import { type Outcome, runPrograms } from '../run-programs.ts';
import { addRunOptions, loadAsAsked, type RunOptions, runPlan } from '../run-setup.ts';

/** What libbpf keeps of an object's name (ObjectSpec.name). */
const OBJECT_NAME_CHARACTERS = 15;

interface RunCommandOptions extends RunOptions {
  readonly dumpMaps?: boolean;
  readonly plot: PlotMode;
  readonly json?: boolean;
}

export function define(command: Command, io: Io): void {
  addRunOptions(command.argument('<object>', 'object file; - for stdin'))
    .option('--dump-maps', 'print the content of the maps afterwards')
    .addOption(new Option('--plot <how>', 'draw histograms in it').choices(PLOT_MODES).default('auto'))
    .option('--json', 'print one JSON document')
    .addHelpText('after', HELP)
    .action((file: string, options: RunCommandOptions) => {
      run(file, options, io);
    });
}

const HELP = `
Programs are verified first, as Linux 6.12 does; if it rejects one, none is run
and the exit code is 1. Without --fire, packet programs run on --data (64 zero
bytes by default), iterators are read, others run on the event in their section
name, or on --ctx (zeros by default).

Examples:
  bpflab run xdp.bpf.o --data @packet.bin --dump-maps
  bpflab run xdp.bpf.o --prog parse_ethernet --set blocked_port=53 --times 1000
  bpflab run trace.bpf.o --fire getuid --cpus 4 --dump-maps
  bpflab run trace.bpf.o --fire getuid --trace
  bpflab run trace.bpf.o --fire getuid --json
`;

/** Loads the object; a program that the verifier rejects ends the command. */
function load(file: string, options: RunCommandOptions, io: Io): ReturnType<typeof loadAsAsked> {
  try {
    return loadAsAsked(file, options, io);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    if (options.json === true)
      printJson(io, 'run', {
        object: basename(file).split('.')[0]?.slice(0, OBJECT_NAME_CHARACTERS),
        verified: [rejectionToJson(error)],
        runs: [],
      });
    else io.err(renderRejection(error, file, io.errColor));
    throw new CommandFailed(ExitCode.Failed);
  }
}

function run(file: string, options: RunCommandOptions, io: Io): void {
  const plan = runPlan(options, io);
  const { kernel, object } = load(file, options, io);
  const records = consumeEvents(object);

  // What ran before a failure is shown ahead of it.
  const outcomes: Outcome[] = [];
  let failure: BpfError | undefined;
  try {
    for (const outcome of runPrograms(kernel, object, plan)) outcomes.push(outcome);
  } catch (error) {
    if (!(error instanceof BpfError) || error instanceof UsageError) throw error;
    failure = error;
  }

  const lines = kernel.tracePipe.lines();
  if (options.json === true) {
    printJson(io, 'run', {
      object: object.spec.name,
      verified: verificationsToJson(object),
      runs: outcomes,
      trace: lines,
      records: records.list(),
      ...(failure === undefined ? {} : failureToJson(failure)),
      ...(options.dumpMaps === true ? { maps: mapsToJson(object, records.list()) } : {}),
    });
  } else {
    io.out(renderVerifications(object, io.color));
    if (failure === undefined || outcomes.length > 0) io.out(renderRuns(outcomes, io.color));
    for (const line of lines) io.out(`${line}\n`);
    io.out(renderRecords(records.list(), io.color));
    if (options.dumpMaps === true) io.out(dumpMaps(object, io.color, records.list(), options.plot));
  }
  if (failure === undefined) {
    if (outcomes.length === 0) explainNothing(file, object, plan.events, io);
    return;
  }
  if (!(failure instanceof VmFault)) throw new CommandFailed(reportError(failure, io));
  if (options.json !== true) io.err(`${io.errColor.red('fault')} [${failure.code}]: ${failure.report()}\n`);
  if (failure.code === 'budget-exhausted') note(io, '--budget N lets it run longer');
  throw new CommandFailed(ExitCode.Failed);
}

/** A fault is the program's; any other error says why it could not run. */
function failureToJson(failure: BpfError): Record<string, unknown> {
  const { code, message, place } = failure;
  return failure instanceof VmFault ? { fault: { code, message, place } } : { error: errorRecord(failure) };
}
