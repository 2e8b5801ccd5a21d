/** Verifies the programs of files one after the other, tells a view of each, and ends with the exit code that stands for all of them. */
import { basename } from 'node:path';
import {
  BpfMapType,
  BpfObject,
  type Btf,
  builtinKernelTypes,
  LoadError,
  VerifierInputs,
} from '../../index.ts';
import { ExitCode } from '../exit-codes.ts';
import { inFile } from '../in-file.ts';
import type { Io } from '../io.ts';
import { kernelTypes } from '../kernel-types.ts';
import { noPrograms } from '../notes.ts';
import type { Tally } from '../render/verdict-table.ts';
import { CommandFailed, reportError, unknownName } from '../report.ts';
import type { Filters } from './filters.ts';
import { type Outcome, type VerifySettings, verifyProgram, verifyRaw } from './outcome.ts';
import { MapTrials } from './raw-maps.ts';
import { parseRawPrograms } from './raw-programs.ts';
import type { VerdictView } from './views.ts';

/** A file to verify. */
export interface Source {
  readonly kind: 'object' | 'raw';
  readonly file: string;
}

/** What is verified, and how. */
export interface VerifyPlan extends VerifySettings {
  /** Names of the programs that are wanted; all if empty. */
  readonly programs: readonly string[];
  readonly filters: Filters;
  /** Files of kernel types. */
  readonly btf: readonly string[];
  /** The view keeps all logs until its end: bounds them together. */
  readonly collectsLogs: boolean;
}

/** Characters of log that are kept until the end. */
const MAX_COLLECTED_LOGS = 256 * 1024 * 1024;

/** Map kinds whose size is not a number of entries. */
const SIZELESS: ReadonlySet<number> = new Set([
  BpfMapType.BPF_MAP_TYPE_SK_STORAGE,
  BpfMapType.BPF_MAP_TYPE_TASK_STORAGE,
  BpfMapType.BPF_MAP_TYPE_INODE_STORAGE,
  BpfMapType.BPF_MAP_TYPE_CGRP_STORAGE,
  BpfMapType.BPF_MAP_TYPE_CGROUP_STORAGE,
  BpfMapType.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
]);

/**
 * Verifies everything. A file that cannot be read is reported, the others go on.
 * @throws CommandFailed if anything was rejected or could not be read; UsageError if there is no program of a wanted name.
 */
export function verifySources(sources: readonly Source[], view: VerdictView, io: Io, plan: VerifyPlan): void {
  const run = new VerifyRun(view, io, plan);
  for (const source of sources) run.verify(source);
  run.finish(sources.map(({ file }) => basename(file)));
}

class VerifyRun {
  private readonly view: VerdictView;
  private readonly io: Io;
  private readonly plan: VerifyPlan;
  private readonly kernelTypes: readonly Btf[];
  private readonly tally: Tally = { files: 0, programs: 0, skippedFiles: 0, skippedPrograms: 0 };
  private readonly seen = new Set<string>();
  private exitCode: ExitCode = ExitCode.Ok;
  private logRoom = MAX_COLLECTED_LOGS;

  constructor(view: VerdictView, io: Io, plan: VerifyPlan) {
    this.view = view;
    this.io = io;
    this.plan = plan;
    this.kernelTypes = kernelTypes(plan.btf, io);
  }

  verify(source: Source): void {
    const name = basename(source.file);
    if (!this.plan.filters.mayTakeFile(name)) {
      this.tally.skippedFiles++;
      return;
    }
    this.view.begin(source.file);
    try {
      inFile(source.file, () => {
        const outcomes = source.kind === 'raw' ? this.raw(source.file, name) : this.object(source.file, name);
        for (const outcome of outcomes) this.add(outcome);
      });
      this.tally.files++;
    } catch (error) {
      this.tally.skippedFiles++;
      this.exitCode = worse(this.exitCode, reportError(error, this.io));
      this.view.fail(source.file, error);
    }
  }

  finish(files: readonly string[]): void {
    const missing = this.plan.programs.find((name) => !this.seen.has(name));
    if (missing !== undefined && this.exitCode !== ExitCode.BadInput) {
      throw unknownName('program', missing, files.join(', '), [...this.seen]);
    }
    this.view.end(this.tally);
    if (this.exitCode !== ExitCode.Ok) throw new CommandFailed(this.exitCode);
  }

  private add(outcome: Outcome): void {
    this.tally.programs++;
    if (this.plan.collectsLogs) this.logRoom -= outcome.record.log?.length ?? 0;
    if (outcome.record.verdict === 'reject') this.exitCode = worse(this.exitCode, ExitCode.Failed);
    this.view.add(outcome);
  }

  private *object(file: string, name: string): Generator<Outcome> {
    const object = BpfObject.open(this.io.read(file), { name });
    if (object.spec.byteOrder !== 'little')
      throw new LoadError(
        'wrong-byte-order',
        `${name} is a big-endian object; the reference kernel is little-endian`,
      );
    if (object.programList.length === 0) noPrograms(file, this.io);
    for (const map of object.mapList)
      if (map.maxEntries === 0 && !SIZELESS.has(map.spec.type)) map.maxEntries = 1;
    const inputs = new VerifierInputs(object, { kernelTypes: this.kernelTypes });
    for (const program of object.programList)
      if (this.takes(name, program.name)) yield verifyProgram(name, inputs, program, this.settings());
  }

  private *raw(file: string, name: string): Generator<Outcome> {
    const [kernelBtf = builtinKernelTypes(), ...moduleBtfs] = this.kernelTypes;
    const environment = { kernelBtf, moduleBtfs };
    const trials = new MapTrials();
    for (const program of parseRawPrograms(this.io.read(file)))
      if (this.takes(name, program.name))
        yield verifyRaw(name, program, this.settings(), environment, trials);
  }

  private takes(file: string, program: string): boolean {
    this.seen.add(program);
    const { programs, filters } = this.plan;
    const wanted = programs.length === 0 || programs.includes(program);
    if (wanted && filters.takesProgram(file, program)) return true;
    this.tally.skippedPrograms++;
    return false;
  }

  private settings(): VerifySettings {
    const { logLevel, flags, collectsLogs } = this.plan;
    return { logLevel, flags, ...(collectsLogs ? { logSize: Math.max(0, this.logRoom) } : {}) };
  }
}

/** A file that cannot be read outweighs a rejected program, a bug of ours both. */
function worse(a: ExitCode, b: ExitCode): ExitCode {
  return a > b ? a : b;
}
