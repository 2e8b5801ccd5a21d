/** `bpflab run OBJ`: load an object, make its events happen, show what its programs did. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { VerifierError, VmFault } from '../../index.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { PLOT_MODES, type PlotMode } from '../maps/histograms.ts';
import { dumpMaps, mapsToJson } from '../render/maps.ts';
import { consumeEvents, renderRecords } from '../render/records.ts';
import { renderRuns } from '../render/runs.ts';
import {
  rejectionToJson,
  renderRejection,
  renderVerifications,
  verificationsToJson,
} from '../render/verifications.ts';
import { CommandFailed } from '../report.ts';
import { type Outcome, runPrograms } from '../run-programs.ts';
import { addRunOptions, loadAsAsked, type RunOptions, runPlan } from '../run-setup.ts';

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
    .addHelpText(
      'after',
      '\nPrograms are verified first, as Linux 6.12 does; one that it rejects is not run and makes the exit code 1.\n' +
        'Without --fire, packet programs run on --data (64 zero bytes by default), iterators are read,\nothers run on the event in their section name.\n',
    )
    .action((file: string, options: RunCommandOptions) => {
      run(file, options, io);
    });
}

/** Loads the object; a program that the verifier rejects ends the command. */
function load(file: string, options: RunCommandOptions, io: Io): ReturnType<typeof loadAsAsked> {
  try {
    return loadAsAsked(file, options, io);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    if (options.json === true)
      printJson(io, 'run', {
        object: basename(file).split('.')[0],
        verified: [rejectionToJson(error)],
        runs: [],
      });
    else io.err(renderRejection(error, file, io.errColor));
    throw new CommandFailed(ExitCode.Failed);
  }
}

function run(file: string, options: RunCommandOptions, io: Io): void {
  const { kernel, object } = load(file, options, io);
  const records = consumeEvents(object);

  let outcomes: readonly Outcome[] = [];
  let fault: VmFault | undefined;
  try {
    outcomes = runPrograms(kernel, object, runPlan(options, io));
  } catch (error) {
    if (!(error instanceof VmFault)) throw error;
    fault = error;
  }

  const lines = kernel.tracePipe.lines();
  if (options.json === true) {
    printJson(io, 'run', {
      object: object.spec.name,
      verified: verificationsToJson(object),
      runs: outcomes,
      trace: lines,
      records: records.list(),
      ...(fault === undefined
        ? {}
        : { fault: { code: fault.code, message: fault.message, place: fault.place } }),
      ...(options.dumpMaps === true ? { maps: mapsToJson(object, records.list()) } : {}),
    });
  } else {
    io.out(renderVerifications(object, io.color));
    if (fault === undefined) io.out(renderRuns(outcomes, io.color));
    for (const line of lines) io.out(`${line}\n`);
    io.out(renderRecords(records.list(), io.color));
    if (options.dumpMaps === true) io.out(dumpMaps(object, io.color, records.list(), options.plot));
    if (fault !== undefined) io.err(`${io.errColor.red('fault')} [${fault.code}]: ${fault.report()}\n`);
  }
  if (fault !== undefined) throw new CommandFailed(ExitCode.Failed);
}
