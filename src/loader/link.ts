/**
 * Links each entry program with the subprograms that it reaches into one list of instructions, and moves its references and
 * .BTF.ext records along. Order and rules: bpf_object__relocate, bpf_object__reloc_code and bpf_prog_assign_exc_cb in
 * tools/lib/bpf/libbpf.c.
 */
import { LoadError } from '../base/errors.ts';
import type { BtfExtSection } from '../btf/index.ts';
import {
  BPF_PSEUDO_FUNC,
  BPF_PSEUDO_KFUNC_CALL,
  BPF_PSEUDO_MAP_FD,
  BPF_PSEUDO_MAP_VALUE,
  LD_IMM64_OPCODE,
  type RawInsn,
  SLOT_BYTES,
} from '../isa/index.ts';
import type { OpenFile } from './context.ts';
import type { ExceptionCallbacks } from './exceptions.ts';
import type { FunctionCode, Functions } from './functions.ts';
import type { LinkError, MapSpec, ProgramSpec, Reference } from './object-spec.ts';
import { type FunctionSite, type Prepared, Preparer } from './prepare.ts';
import type { CodeReferences, KernelReference } from './relocations.ts';

/** The parts of a ProgramSpec that linking makes. */
export type LinkedProgram = Pick<
  ProgramSpec,
  'insns' | 'subprogs' | 'references' | 'funcInfo' | 'lineInfo' | 'coreRelocs' | 'linkError'
>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : T[K] };

/** A program while it is linked. */
interface Draft extends Mutable<Omit<LinkedProgram, 'linkError'>> {
  /** Where each function that it holds starts. */
  readonly starts: Map<FunctionCode, number>;
}

/** A function whose calls are being gone through. */
interface Frame {
  readonly start: number;
  readonly sites: readonly FunctionSite[];
  next: number;
}

/** What a function, and a record or reference, count for against the budget; an instruction counts 1. */
const FUNCTION_COST = 16;
const RECORD_COST = 4;
/** How much linking may make of an object, in instructions: whatever its size, and for each instruction in it. */
const BASE_BUDGET = 1_000_000;
const BUDGET_PER_SLOT = 8;

/** Links the programs of one object. */
export class Linker {
  private readonly preparer: Preparer;
  private readonly maps: readonly MapSpec[];
  private readonly kconfigMap: number;
  private readonly callbacks: ExceptionCallbacks;
  private readonly hasExt: boolean;
  private budget: number;

  constructor(
    file: OpenFile,
    functions: Functions,
    references: CodeReferences,
    maps: readonly MapSpec[],
    callbacks: ExceptionCallbacks,
  ) {
    this.preparer = new Preparer(file, functions, references);
    this.maps = maps;
    this.kconfigMap = maps.findIndex((map) => map.origin === 'kconfig');
    this.callbacks = callbacks;
    this.hasExt = file.ext.size > 0;
    const slots = file.roles.code.reduce((sum, section) => sum + section.size / SLOT_BYTES, 0);
    this.budget = BASE_BUDGET + BUDGET_PER_SLOT * slots;
  }

  /**
   * Links a program. What libbpf refuses only when it loads the program becomes its `linkError`.
   * @throws LoadError `too-much-code` when the object's programs together become unreasonably large.
   */
  link(main: FunctionCode): LinkedProgram {
    const draft = emptyDraft();
    const error = this.append(draft, main) ?? this.appendCallback(draft, main);
    const { starts: _starts, ...linked } = draft;
    if (error === undefined) return linked;
    this.spend(main, main.count);
    const { starts: _none, ...alone } = emptyDraft();
    const insns = main.sectionInsns.slice(main.start, main.start + main.count);
    const subprogs = [{ name: main.name, start: 0, global: main.global }];
    return {
      ...alone,
      insns,
      subprogs,
      linkError: { ...error, place: { program: main.name, ...error.place } },
    };
  }

  /** The function that handles exceptions is reached by none of the program's own instructions. */
  private appendCallback(draft: Draft, main: FunctionCode): LinkError | undefined {
    const callback = this.callbacks.of(main);
    if (callback === undefined) return undefined;
    if ('code' in callback) return callback;
    return draft.starts.has(callback) ? undefined : this.append(draft, callback);
  }

  /** Appends a function and all that it reaches, each where the first reference to it is met, depth first. */
  private append(draft: Draft, first: FunctionCode): LinkError | undefined {
    const frames: Frame[] = [];
    let entering: FunctionCode | undefined = first;
    for (;;) {
      if (entering !== undefined) {
        this.spend(entering, FUNCTION_COST + entering.count);
        const prepared = this.preparer.prepare(entering);
        if ('code' in prepared) return prepared;
        const start = this.place(draft, entering, prepared);
        const error = this.hasExt ? moveRecords(draft, entering, start, prepared.ext) : undefined;
        if (error !== undefined) return error;
        frames.push({ start, sites: prepared.functions, next: 0 });
        entering = undefined;
      }
      const frame = frames.at(-1);
      if (frame === undefined) return undefined;
      const site = frame.sites[frame.next++];
      if (site === undefined) {
        frames.pop();
        continue;
      }
      const start = draft.starts.get(site.target);
      if (start === undefined) entering = site.target;
      linkFunction(draft.insns, frame.start + site.at, start ?? draft.insns.length);
    }
  }

  /** Copies a function's instructions to the end of the program, and notes what they refer to. */
  private place(draft: Draft, code: FunctionCode, { references, ext }: Prepared): number {
    const records = references.length + ext.funcInfo.length + ext.lineInfo.length + ext.coreRelocs.length;
    this.spend(code, RECORD_COST * records);
    const start = draft.insns.length;
    const isMain = start === 0;
    draft.starts.set(code, start);
    draft.subprogs.push({ name: code.name, start, global: code.global && (isMain || !code.hidden) });
    for (let slot = code.start; slot < code.start + code.count; slot++) {
      const insn = code.sectionInsns[slot];
      if (insn !== undefined) draft.insns.push(insn);
    }
    for (const site of references) draft.references.push(this.refer(draft.insns, start + site.at, site.to));
    return start;
  }

  /** Brings the instruction at `at` into the shape that Reference describes. */
  private refer(insns: RawInsn[], at: number, to: KernelReference): Reference {
    switch (to.kind) {
      case 'map':
        patch(insns, at, { src: BPF_PSEUDO_MAP_FD, imm: 0 });
        return { kind: 'map', insn: at, map: this.maps[to.map]?.name ?? '', mapIndex: to.map };
      case 'data':
        return this.referToValue(insns, at, to.map, (insns[at]?.imm ?? 0) + to.symbolOffset);
      case 'extern': {
        const { spec } = to.extern;
        if (spec.kind === 'kconfig') return this.referToValue(insns, at, this.kconfigMap, spec.offset);
        if (insns[at]?.opcode === LD_IMM64_OPCODE) {
          patch(insns, at, { src: 0, imm: 0 });
          patch(insns, at + 1, { imm: 0 });
        } else patch(insns, at, { src: BPF_PSEUDO_KFUNC_CALL, imm: 0, offset: 0 });
        return { kind: 'extern', insn: at, name: spec.name };
      }
    }
  }

  private referToValue(insns: RawInsn[], at: number, mapIndex: number, offset: number): Reference {
    patch(insns, at, { src: BPF_PSEUDO_MAP_VALUE, imm: 0 });
    patch(insns, at + 1, { imm: offset | 0 });
    return {
      kind: 'map-value',
      insn: at,
      map: this.maps[mapIndex]?.name ?? '',
      mapIndex,
      offset: offset >>> 0,
    };
  }

  private spend(code: FunctionCode, cost: number): void {
    this.budget -= cost;
    if (this.budget < 0)
      throw new LoadError(
        'too-much-code',
        'the programs, each linked with all the functions that it reaches, become too large together',
        { section: code.section.name, symbol: code.name },
      );
  }
}

function emptyDraft(): Draft {
  return {
    insns: [],
    subprogs: [],
    references: [],
    funcInfo: [],
    lineInfo: [],
    coreRelocs: [],
    starts: new Map(),
  };
}

/** Writes the distance from the next slot to the function that starts at `start`. */
function linkFunction(insns: RawInsn[], at: number, start: number): void {
  const imm = start - at - 1;
  patch(insns, at, insns[at]?.opcode === LD_IMM64_OPCODE ? { src: BPF_PSEUDO_FUNC, imm } : { imm });
}

function patch(insns: RawInsn[], at: number, fields: Partial<RawInsn>): void {
  const insn = insns[at];
  if (insn !== undefined) insns[at] = { ...insn, ...fields };
}

/**
 * Moves a function's records to its place in the program. A program whose entry function has no records of a kind goes
 * without; one whose entry function has some must have them for all its functions.
 */
function moveRecords(
  draft: Draft,
  code: FunctionCode,
  start: number,
  ext: BtfExtSection,
): LinkError | undefined {
  const isMain = start === 0;
  const wantsFunctions = isMain || draft.funcInfo.length > 0;
  const wantsLines = isMain || draft.lineInfo.length > 0;
  if (!isMain && wantsFunctions && ext.funcInfo.length === 0) return missingRecords('function', code);
  if (!isMain && wantsLines && ext.lineInfo.length === 0) return missingRecords('line', code);
  const shift = start - code.start;
  if (wantsFunctions) appendMoved(draft.funcInfo, ext.funcInfo, shift);
  if (wantsLines) appendMoved(draft.lineInfo, ext.lineInfo, shift);
  appendMoved(draft.coreRelocs, ext.coreRelocs, shift);
  return undefined;
}

function missingRecords(kind: 'function' | 'line', code: FunctionCode): LinkError {
  return {
    code: 'link-records',
    message: `.BTF.ext has ${kind} records for the program but none for '${code.name}', which it reaches`,
    place: { section: code.section.name, symbol: code.name },
  };
}

/** Appends records at their new positions; those that stay where they are need no copy. */
function appendMoved<T extends { readonly insn: number }>(
  list: T[],
  records: readonly T[],
  shift: number,
): void {
  for (const record of records) list.push(shift === 0 ? record : { ...record, insn: record.insn + shift });
}
