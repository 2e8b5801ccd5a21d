/** `bpflab map …`: the maps of an object as bpftool shows them, after its programs have run if that is asked for. */
import { type Command, Option } from 'commander';
import { type BpfObject, Errno, type MapHandle, VerifierError, VmFault } from '../../index.ts';
import { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { contentOf, type MapContent } from '../maps/content.ts';
import {
  elementJson,
  errorText,
  hexBytes,
  hexLines,
  kernelTypesOf,
  lookUp,
  nextKey,
} from '../maps/elements.ts';
import { histogramsOf, PLOT_MODES, type PlotMode } from '../maps/histograms.ts';
import { parseKey } from '../maps/key-words.ts';
import { drawHistogram } from '../render/histogram.ts';
import { type Json, jsonObject, writeJson } from '../render/json-writer.ts';
import { dumpJson, dumpText, elementLines } from '../render/map-dump.ts';
import { headerJson, headerText, showJson, showText } from '../render/map-show.ts';
import { consumeEvents, type SentRecord } from '../render/records.ts';
import { renderRejection } from '../render/verifications.ts';
import { CommandFailed, usageError } from '../report.ts';
import { runPrograms } from '../run-programs.ts';
import { addRunOptions, loadAsAsked, type RunOptions, runPlan } from '../run-setup.ts';

interface MapOptions extends RunOptions {
  readonly run?: boolean;
  readonly plot: PlotMode;
  readonly json?: boolean;
}

/** A loaded object after whatever was to happen, and how its maps are to be shown. */
interface View {
  readonly object: BpfObject;
  readonly records: readonly SentRecord[];
  readonly plot: PlotMode;
  readonly json: boolean;
  readonly io: Io;
}

const HELP = `
KEY is a value by type (3, '{pid: 7, cpu: 1}'), or bytes as bpftool takes them: key 3 0 0 0, key hex 03 00 00 00.
Programs run with --run, or when --fire, --data or --times say how; otherwise maps are as load leaves them.
--json prints the documents of bpftool map, without an envelope. Not every member is there: what a simulated kernel has no
answer to (memlock, pids) is left out.
`;

export function define(command: Command, io: Io): void {
  command.addHelpText('after', HELP);
  const sub = (usage: string, summary: string): Command =>
    addRunOptions(command.command(usage).description(summary))
      .option('--run', 'run the programs first')
      .addOption(new Option('--plot <how>', 'draw histograms').choices(PLOT_MODES).default('auto'))
      .option('--json', 'print what bpftool prints as JSON')
      .addHelpText('after', HELP);
  sub('list <object>', 'what all maps are').action((file: string, options: MapOptions) => {
    withMaps(file, options, io, (view) => {
      show(view, undefined);
    });
  });
  sub('show <object> [map]', 'what a map is').action(
    (file: string, map: string | undefined, options: MapOptions) => {
      withMaps(file, options, io, (view) => {
        show(view, map);
      });
    },
  );
  sub('dump <object> [map]', 'the content of a map, or of all').action(
    (file: string, map: string | undefined, options: MapOptions) => {
      withMaps(file, options, io, (view) => {
        dump(view, map);
      });
    },
  );
  sub('lookup <object> <map> <key...>', 'the value of a key').action(
    (file: string, map: string, key: readonly string[], options: MapOptions) => {
      withMaps(file, options, io, (view) => {
        lookup(view, map, key);
      });
    },
  );
  sub('getnext <object> <map> [key...]', 'the key after a key, or the first').action(
    (file: string, map: string, key: readonly string[], options: MapOptions) => {
      withMaps(file, options, io, (view) => {
        getnext(view, map, key);
      });
    },
  );
}

/** Loads, runs what is to run, and shows. A program that faults does not hide the maps; its fault comes after them. */
function withMaps(file: string, options: MapOptions, io: Io, action: (view: View) => void): void {
  const { kernel, object } = load(file, options, io);
  const records = consumeEvents(object);
  const runs =
    options.run === true || options.fire.length > 0 || options.data !== undefined || options.times > 1;
  let fault: VmFault | undefined;
  try {
    if (runs) runPrograms(kernel, object, runPlan(options, io));
  } catch (error) {
    if (!(error instanceof VmFault)) throw error;
    fault = error;
  }
  action({ object, records: records.list(), plot: options.plot, json: options.json === true, io });
  if (fault !== undefined) throw fault;
}

/** Loads the object; a program that the verifier rejects ends the command. */
function load(file: string, options: MapOptions, io: Io): ReturnType<typeof loadAsAsked> {
  try {
    return loadAsAsked(file, options, io);
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    io.err(renderRejection(error, file, io.errColor));
    throw new CommandFailed(ExitCode.Failed);
  }
}

function show({ object, json, io }: View, name: string | undefined): void {
  const maps = chosen(object, name);
  if (!json) io.out(maps.map(showText).join(''));
  else printJson(io, name === undefined ? maps.map(showJson) : showJson(maps[0]!));
}

function dump(view: View, name: string | undefined): void {
  const { object, records, json, io } = view;
  const maps = chosen(object, name).map((map) => ({ map, content: contentOf(object, map, records) }));
  if (json) {
    printJson(
      io,
      name === undefined
        ? maps.map(({ map, content }) =>
            jsonObject(...headerJson(map).members, ['elements', dumpJson(map, content)]),
          )
        : dumpJson(maps[0]!.map, maps[0]!.content),
    );
    return;
  }
  const texts = maps.map(
    ({ map, content }) =>
      (name === undefined ? headerText(map) : '') + dumpText(map, content) + drawings(view, map, content),
  );
  io.out(texts.join('\n'));
}

function drawings({ plot }: View, map: MapHandle, content: MapContent): string {
  return histogramsOf(map, content.elements, plot)
    .map((histogram) => `\n${drawHistogram(histogram)}`)
    .join('');
}

function lookup({ object, json, io }: View, name: string, words: readonly string[]): void {
  const map = mapNamed(object, name);
  const key = parseKey(map, words);
  const value = lookUp(map.map, key);
  const types = kernelTypesOf(map);
  if (value === -Errno.ENOENT) {
    if (json) printJson(io, null);
    else io.out(`key:\n${hexLines(key)}\n\nNot found\n`);
    throw new CommandFailed(ExitCode.Failed);
  }
  if (typeof value === 'number') fail(io, `lookup failed: ${errorText(value)}`);
  if (json) printJson(io, elementJson(map, { key, value }, types));
  else io.out(elementLines(map, { key, value }, types));
}

function getnext({ object, json, io }: View, name: string, words: readonly string[]): void {
  const map = mapNamed(object, name);
  const key = words.length === 0 ? undefined : parseKey(map, words);
  const next = nextKey(map.map, key) ?? -Errno.ENOENT;
  if (typeof next === 'number') fail(io, `can't get next key: ${errorText(next)}`);
  if (json)
    printJson(
      io,
      jsonObject(['key', key === undefined ? null : hexBytes(key)], ['next_key', hexBytes(next)]),
    );
  else io.out(`key:${key === undefined ? ' None' : `\n${hexLines(key)}`}\nnext key:\n${hexLines(next)}\n`);
}

/** What bpftool says on stderr when the kernel refuses. */
function fail(io: Io, message: string): never {
  io.err(`${io.errColor.red('error')}: ${message}\n`);
  throw new CommandFailed(ExitCode.Failed);
}

function printJson(io: Io, value: Json): void {
  io.out(`${writeJson(value, true)}\n`);
}

function chosen(object: BpfObject, name: string | undefined): readonly MapHandle[] {
  return name === undefined ? object.mapList : [mapNamed(object, name)];
}

/** A map by the name that the source, the section or the kernel gives it. */
function mapNamed(object: BpfObject, name: string): MapHandle {
  const found = object.mapList.find(
    (map) => map.name === name || map.spec.section === name || map.map.attr.name === name,
  );
  if (found !== undefined) return found;
  const names = object.mapList.map((map) => map.name).join(', ') || 'none';
  throw usageError(`${object.spec.name} has no map '${name}'; it has ${names}`);
}
