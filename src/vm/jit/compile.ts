/**
 * Compiles a program to one WebAssembly module: a function for each subprogram, and entries for JavaScript. Depends on the program, on what
 * its helpers may do in line and on CompileOptions alone, so equal inputs give equal bytes.
 */
import { IsaError } from '../../base/errors.ts';
import { BlockFinder } from '../../cfg/index.ts';
import type { HashLayout, HelperEntry, HelperFn, HelperTable, PreparedProgram } from '../abi.ts';
import { STACK_BYTES } from '../engine.ts';
import { type CallTarget, pack } from '../pack.ts';
import { FRAMES_BYTES } from '../stack.ts';
import { ModuleWriter, type Signature } from '../wasm/module.ts';
import { Type } from '../wasm/opcodes.ts';
import {
  type CompileContext,
  type CompileOptions,
  ENGINE_IMPORTS,
  type EngineImport,
  type OutsideCall,
} from './context.ts';
import { BPF_SIGNATURE } from './emitter.ts';
import { batchEntry, invokeEntry, repeatEntry, runEntry } from './entries.ts';
import { compileFunction } from './function.ts';
import { hashLookup } from './hash-lookup.ts';

/** A compiled program, not yet instantiated. */
export interface CompiledCode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Name of the module in stack traces, which no module of other code has. */
  readonly name: string;
  /** What the program calls outside; import `c<number>` of module `f` is the function for it. */
  readonly calls: readonly ProgramCall[];
  /** Lookups in one map; import `m<index>` of module `f` is the function for it. */
  readonly finders: readonly HelperFn[];
  /** No other function's stack frame can be in use while it runs. */
  readonly usesOneFrame: boolean;
  readonly positions: Positions;
}

/** What a call of the program leads to; no entry: the engine does not have it. */
export interface ProgramCall {
  readonly target: CallTarget;
  readonly entry: HelperEntry | undefined;
}

/** Which instruction a byte of the module belongs to. */
export interface Positions {
  /** Function index of the first subprogram. */
  readonly firstFunction: number;
  /** For each subprogram: where its code begins in the module. */
  readonly starts: readonly number[];
  /** For each subprogram: pairs of offset from there and slot. */
  readonly pairs: readonly (readonly number[])[];
}

/** Functions for JavaScript (entries.ts), behind those of the program. */
const ENTRY_COUNT = 4;

/** (key): the value's address. */
const FINDER_SIGNATURE: Signature = { params: [Type.I32], result: Type.I32 };

/** Functions may share code, but a program whose functions all run into each other would be compiled over and over. */
const MAX_OVERLAP = 4;

/**
 * Compiles a program.
 * @throws IsaError as pack() does; `functions-overlap` when functions jump into each other too much.
 */
export function compile(
  program: PreparedProgram,
  helpers: HelperTable,
  options: CompileOptions,
): CompiledCode {
  const called = pack(program).calls;
  const targets = [...called, ...numberedTargets(program, helpers, called)];
  const calls = targets.map((target) => ({ target, entry: entryFor(target, helpers) }));
  const module = new ModuleWriter(calls.some(({ entry }) => entry?.kind === 'tail-call'));
  const usesOneFrame = program.subprogs.length === 1 && !module.hasSharedTable;
  const finders = options.checked ? [] : findersFor(program, calls, module);
  const context = makeContext(program, helpers, options, module, calls, finders);
  const pairs = addSubprograms(program, context);
  const stackBytes = usesOneFrame ? STACK_BYTES : FRAMES_BYTES;
  const entries = [
    runEntry(context),
    repeatEntry(context, stackBytes),
    invokeEntry(context),
    batchEntry(context),
  ];
  for (const entry of entries) module.addFunction(entry);
  for (const { map, how } of finders) {
    if ('layout' in how) module.addFunction(hashLookup(`lookup_${map.toString(16)}`, how.layout));
  }
  const name = moduleName(program.name, module.codeDigest);
  const bytes = module.finish(name);
  const positions = { firstFunction: module.importCount, starts: module.codeStarts, pairs };
  const imported = finders.flatMap(({ how }) => ('find' in how ? [how.find] : []));
  return { bytes, name, calls, finders: imported, usesOneFrame, positions };
}

/** As the kernel names compiled programs: bpf_prog_, a tag of the code, the program's name. */
function moduleName(program: string, digest: number): string {
  return `bpf_prog_${digest.toString(16).padStart(8, '0')}_${program.replaceAll(/[^\w.]/g, '_')}`;
}

/** A lookup in one map: a function of the module for the maps that it can walk itself, an import for others. */
interface Finder {
  readonly entry: HelperEntry;
  readonly map: number;
  readonly how: { readonly layout: HashLayout } | { readonly find: HelperFn; readonly index: number };
}

/** The lookups that helpers offer for the maps whose addresses the program names. */
function findersFor(program: PreparedProgram, calls: readonly ProgramCall[], module: ModuleWriter): Finder[] {
  const maps = new Set<number>();
  for (const insn of program.insns) if (insn?.kind === 'ld-imm64' && insn.hi === 0) maps.add(insn.lo >>> 0);
  const finders: Finder[] = [];
  let imported = 0;
  for (const { entry } of calls) {
    if (entry?.inline?.kind !== 'map-lookup') continue;
    for (const map of maps) {
      const layout = entry.inline.layout(map);
      const find = layout === undefined ? entry.inline.finder?.(map) : undefined;
      if (layout?.kind === 'hash') finders.push({ entry, map, how: { layout } });
      else if (find !== undefined) {
        const index = module.importFunction(`m${imported++}`, FINDER_SIGNATURE);
        finders.push({ entry, map, how: { find, index } });
      }
    }
  }
  return finders;
}

/** Where callx may call helpers by number: those that can be called without more, unless the program has no callx. */
function numberedTargets(
  program: PreparedProgram,
  helpers: HelperTable,
  called: readonly CallTarget[],
): CallTarget[] {
  if (helpers.callxByNumber !== true || !program.insns.some((insn) => insn?.kind === 'callx')) return [];
  const isCalled = (id: number): boolean =>
    called.some((target) => target.kind === 'helper' && target.id === id);
  return helpers.entries.flatMap((entry) =>
    entry?.kind === 'plain' && !isCalled(entry.id) ? [{ kind: 'helper', id: entry.id }] : [],
  );
}

function entryFor(target: CallTarget, helpers: HelperTable): HelperEntry | undefined {
  return target.kind === 'helper' ? helpers.entries[target.id] : helpers.kfunc?.(target.btfId, target.module);
}

function makeContext(
  program: PreparedProgram,
  helpers: HelperTable,
  options: CompileOptions,
  module: ModuleWriter,
  calls: readonly ProgramCall[],
  finders: readonly Finder[],
): CompileContext {
  const imports = Object.fromEntries(
    Object.entries(ENGINE_IMPORTS).map(([name, signature]) => [name, module.importFunction(name, signature)]),
  ) as Record<EngineImport, number>;
  const outside = calls.map(({ entry }, number): OutsideCall => {
    const isImport = entry?.kind === 'plain' || entry?.kind === 'callback';
    return { entry, number, index: isImport ? module.importFunction(`c${number}`, signatureOf(entry)) : -1 };
  });
  const numbered =
    helpers.callxByNumber === true ? outside.filter(({ entry }) => entry?.kind === 'plain') : [];
  const find = (wanted: (target: CallTarget) => boolean): OutsideCall =>
    outside[calls.findIndex(({ target }) => wanted(target))]!;
  return {
    program,
    options,
    module,
    imports,
    numbered,
    hasPacketLoad: helpers.loadPacket !== undefined,
    bpfType: module.type(BPF_SIGNATURE),
    functionAt: (slot) => module.importCount + program.subprogs.indexOf(slot),
    finder: (entry, map) => finderIndex(finders, entry, map, module.importCount + program.subprogs.length),
    helper: (id) => find((target) => target.kind === 'helper' && target.id === id),
    kfunc: (btfId, from) =>
      find((target) => target.kind === 'kfunc' && target.btfId === btfId && target.module === from),
  };
}

/** Function index of a map's lookup. `entries`: that of the first of the entries, which the module's own lookups come behind. */
function finderIndex(
  finders: readonly Finder[],
  entry: HelperEntry,
  map: number,
  entries: number,
): number | undefined {
  let own = entries + ENTRY_COUNT;
  for (const finder of finders) {
    if (finder.entry === entry && finder.map === map) return 'index' in finder.how ? finder.how.index : own;
    if ('layout' in finder.how) own++;
  }
  return undefined;
}

/** A word is an i32; a helper that calls back is told the caller's frame too. */
function signatureOf(entry: HelperEntry): Signature {
  const words = entry.args.flatMap((pass) => (pass === 'u64' ? [Type.I32, Type.I32] : [Type.I32]));
  if (entry.kind === 'callback') words.push(Type.I32);
  return { params: words, result: Type.I32 };
}

function addSubprograms(program: PreparedProgram, context: CompileContext): (readonly number[])[] {
  const finder = new BlockFinder(program.insns);
  let slots = 0;
  return program.subprogs.map((start, index) => {
    const cfg = finder.find(start);
    slots += cfg.end.reduce((sum, end, block) => sum + end - cfg.first[block]!, 0);
    if (slots > MAX_OVERLAP * program.insns.length) {
      throw new IsaError('functions-overlap', 'functions jump into each other too often to compile them', {
        program: program.name,
        insn: start,
      });
    }
    const { code, positions } = compileFunction(context, cfg);
    const name = program.subprogNames[index] ?? `subprog_${start}`;
    context.module.addFunction({
      name,
      signature: BPF_SIGNATURE,
      code,
      ...(index === 0 ? { exportAs: 'main' } : {}),
    });
    return positions;
  });
}
