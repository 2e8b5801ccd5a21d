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
import { CommandFailed, unknownName, usageError } from '../report.ts';
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
MAP is a name, or as for bpftool: name NAME, id N.
KEY is a value by type (3, '{pid: 7, cpu: 1}'), or bytes as bpftool takes them:
key 3 0 0 0, key hex 03 00 00 00.
Programs run with --run, or when --fire, --data, --ctx or --times say how;
otherwise maps are as load leaves them.
--json prints the documents of bpftool map, without an envelope. Not every
member is there: what a simulated kernel has no answer to (memlock, pids) is
left out.

Examples:
  bpflab map list xdp.bpf.o
  bpflab map dump trace.bpf.o --fire getuid --cpus 2
  bpflab map lookup xdp.bpf.o reached 1 --data @packet.bin
  bpflab map lookup xdp.bpf.o reached key hex 01 00 00 00 --run --json
`;

export function define(command: Command, io: Io): void {
  command.addHelpText('after', HELP);
  const sub = (
    usage: string,
    summary: string,
    action: (view: View, words: readonly string[]) => void,
  ): void => {
    const child = addRunOptions(command.command(usage).description(summary))
      .option('--run', 'run the programs first')
      .addOption(new Option('--plot <how>', 'draw histograms').choices(PLOT_MODES).default('auto'))
      .option('--json', 'print what bpftool prints as JSON')
      .addHelpText('after', HELP)
      .showHelpAfterError(`bpflab map ${usage.split(' ')[0]} --help shows how it is used.`);
    child.action((file: string, ..._: unknown[]) => {
      withMaps(file, child.opts(), io, (view) => {
        action(view, child.args.slice(1));
      });
    });
  };
  sub('list <object>', 'what all maps are', show);
  sub('show <object> [map...]', 'what a map is', show);
  sub('dump <object> [map...]', 'the content of a map, or of all', dump);
  sub('lookup <object> <map> <key...>', 'the value of a key', lookup);
  sub('getnext <object> <map> [key...]', 'the key after a key, or the first', getnext);
}

/** Loads, runs what is to run, and shows. A program that faults does not hide the maps; its fault comes after them. */
function withMaps(file: string, options: MapOptions, io: Io, action: (view: View) => void): void {
  const runs =
    options.run === true ||
    options.fire.length > 0 ||
    options.data !== undefined ||
    options.ctx !== undefined ||
    options.times > 1;
  // Programs that do not run need not be accepted.
  const { kernel, object } = load(file, runs ? options : { ...options, unsafe: true }, io);
  const records = consumeEvents(object);
  let fault: VmFault | undefined;
  try {
    if (runs) Array.from(runPrograms(kernel, object, runPlan(options, io)));
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
    if (options.json === true) printJson(io, jsonObject(['error', error.message]));
    throw new CommandFailed(ExitCode.Failed);
  }
}

function show({ object, json, io }: View, words: readonly string[]): void {
  const maps = chosen(object, words);
  if (!json) io.out(maps.map(showText).join(''));
  else printJson(io, words.length === 0 ? maps.map(showJson) : showJson(maps[0]!));
}

function dump(view: View, words: readonly string[]): void {
  const { object, records, json, io } = view;
  const several = words.length === 0;
  const maps = chosen(object, words).map((map) => ({ map, content: contentOf(object, map, records) }));
  if (json) {
    printJson(
      io,
      several
        ? maps.map(({ map, content }) =>
            jsonObject(...headerJson(map).members, ['elements', dumpJson(map, content)]),
          )
        : dumpJson(maps[0]!.map, maps[0]!.content),
    );
    return;
  }
  const texts = maps.map(
    ({ map, content }) =>
      (several ? headerText(map) : '') + dumpText(map, content) + drawings(view, map, content),
  );
  io.out(texts.join('\n'));
}

function drawings({ plot }: View, map: MapHandle, content: MapContent): string {
  return histogramsOf(map, content.elements, plot)
    .map((histogram) => `\n${drawHistogram(histogram)}`)
    .join('');
}

function lookup({ object, json, io }: View, words: readonly string[]): void {
  const [map, keyWords] = takeMap(object, words);
  const key = parseKey(map, keyWords);
  const value = lookUp(map.map, key);
  const types = kernelTypesOf(map);
  if (value === -Errno.ENOENT) {
    if (json) printJson(io, null);
    else io.out(`key:\n${hexLines(key)}\n\nNot found\n`);
    throw new CommandFailed(ExitCode.Failed);
  }
  if (typeof value === 'number') fail(io, json, `lookup failed: ${errorText(value)}`);
  if (json) printJson(io, elementJson(map, { key, value }, types));
  else io.out(elementLines(map, { key, value }, types));
}

function getnext({ object, json, io }: View, words: readonly string[]): void {
  const [map, keyWords] = takeMap(object, words);
  const key = keyWords.length === 0 ? undefined : parseKey(map, keyWords);
  const next = nextKey(map.map, key) ?? -Errno.ENOENT;
  if (typeof next === 'number') fail(io, json, `can't get next key: ${errorText(next)}`);
  if (json)
    printJson(
      io,
      jsonObject(['key', key === undefined ? null : hexBytes(key)], ['next_key', hexBytes(next)]),
    );
  else io.out(`key:${key === undefined ? ' None' : `\n${hexLines(key)}`}\nnext key:\n${hexLines(next)}\n`);
}

/** What bpftool says when the kernel refuses. */
function fail(io: Io, json: boolean, message: string): never {
  if (json) printJson(io, jsonObject(['error', message]));
  io.err(`${io.errColor.red('error')}: ${message}\n`);
  throw new CommandFailed(ExitCode.Failed);
}

function printJson(io: Io, value: Json): void {
  io.out(`${writeJson(value, true)}\n`);
}

/** All maps, or the one that the words name. */
function chosen(object: BpfObject, words: readonly string[]): readonly MapHandle[] {
  if (words.length === 0) return object.mapList;
  const [map, rest] = takeMap(object, words);
  if (rest.length > 0) throw usageError(`one map at a time, not '${words.join(' ')}'`);
  return [map];
}

/** The map that the first words name (`NAME`, or as for bpftool `name NAME`, `id N`), and the other words. */
function takeMap(
  object: BpfObject,
  words: readonly string[],
): readonly [map: MapHandle, rest: readonly string[]] {
  const [first = '', second] = words;
  if (second !== undefined && first === 'name') return [mapNamed(object, second), words.slice(2)];
  if (second !== undefined && first === 'id') {
    const found = object.mapList.find((map) => `${map.identity.id}` === second);
    if (found === undefined) throw usageError(`${object.spec.name} has no map with id ${second}`);
    return [found, words.slice(2)];
  }
  return [mapNamed(object, first), words.slice(1)];
}

/** A map by the name that the source, the section or the kernel gives it. */
function mapNamed(object: BpfObject, name: string): MapHandle {
  const found = object.mapList.find(
    (map) => map.name === name || map.spec.section === name || map.map.attr.name === name,
  );
  if (found !== undefined) return found;
  const names = object.mapList.map((map) => map.name);
  throw unknownName('map', name, object.spec.name, names);
}
