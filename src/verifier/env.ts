/**
 * One verification: the program, what the structure checks found out about it, the walk's current place, and its counters. Plain
 * data with few methods; the rules are in the other folders and take it as their first argument.
 * Source: struct bpf_verifier_env, include/linux/bpf_verifier.h.
 */
import type { Btf } from '../btf/index.ts';
import { type ContextTable, contextTable, helperIdsOf, ProgFlag, programTypeSpec } from '../spec/index.ts';
import { isGplCompatible } from '../spec/licenses.ts';
import type { RejectionCode } from './codes.ts';
import { REG_WORDS } from './domain/index.ts';
import { Rejection } from './errors.ts';
import type { AttachTarget, BtfVariable, FunctionAux, Subprog, UsedMap } from './found.ts';
import type { BufferKind, FunctionInfo, VerifierInput } from './input.ts';
import type { VerifierObserver } from './observer.ts';
import { InsnHistory } from './precision/history.ts';
import { Backtrack } from './precision/masks.ts';
import { Program } from './program.ts';
import { IdMap } from './prune/id-map.ts';
import type { Frame } from './state/frame.ts';
import { FramePool } from './state/pool.ts';
import type { VerifierState } from './state/state.ts';
import type { Walk } from './walk.ts';

// Marks of instructions (struct bpf_insn_aux_data).
/** Paths meet or may be cut short here: compare with checkpoints. */
export const PRUNE_POINT = 1;
/** Not always reached from the instruction before: the history records how. */
export const JMP_POINT = 2;
/** Always make a checkpoint. */
export const FORCE_CHECKPOINT = 4;
/** A helper that calls back is called here. */
export const CALLS_CALLBACK = 8;
export const JUMP_TARGET = 16;
/** The walk has been here. */
export const SEEN = 64;
/** Spill or fill around a call that keeps its registers (bpf_fastcall). */
export const FASTCALL_PATTERN = 32;

/** The data of one verification. Observers see it as a `Walk`. */
export class Env implements Walk {
  readonly input: VerifierInput;
  readonly program: Program;
  readonly observer: VerifierObserver | undefined;
  readonly cpuCount: number;
  readonly sleepable: boolean;
  readonly strictAlignment: boolean;
  readonly testStateFreq: boolean;
  readonly testRegInvariants: boolean;
  readonly gplCompatible: boolean;

  /** Helpers that this program may call. */
  helpers: ReadonlySet<number>;
  /** Context fields that can be read and written; undefined for programs whose context is described by BTF. */
  readonly contextReads: ContextTable | undefined;
  readonly contextWrites: ContextTable | undefined;

  // Found by the structure checks.
  readonly marks: Uint8Array;
  /** Type of the pointer that a memory access was made through, first time. */
  readonly pointerTypes: Int32Array;
  /** Maps of ld_imm64, by instruction: index, and offset of a direct value. */
  readonly mapIndex: Int32Array;
  readonly mapOffset: Int32Array;
  readonly btfVariables = new Map<number, BtfVariable>();
  /** Map of a helper call, first time (map_ptr_state): for callbacks of bpf_for_each_map_elem. */
  readonly callMaps: Int32Array;
  /** Callbacks of bpf_loop calls that could be inlined, by instruction; -1 once that is out of the question. */
  readonly loopCalls = new Map<number, { readonly subprog: number }>();
  /** Used maps; registers name them by index + 1. */
  readonly maps: UsedMap[] = [];
  usedMapCount = 0;
  /** BTFs that registers name by index + 1: the kernel's first. */
  readonly btfs: Btf[] = [];
  subprogs: Subprog[] = [];
  functions: readonly FunctionInfo[] = [];
  functionAux: FunctionAux[] = [];
  attach: AttachTarget | undefined;

  // The walk.
  readonly pool = new FramePool();
  /** The current state. */
  state!: VerifierState;
  /** The current instruction, and the one before it on this path. */
  insn = 0;
  prevInsn = -1;
  /** The path was taken up again, or returned from a call: the log shows the whole state. */
  resumed = false;
  readonly history = new InsnHistory();
  readonly backtrack = new Backtrack();
  readonly idMap = new IdMap();
  idGen = 0;
  /** Registers and slots that the current instruction touched, as bits, for the log. */
  scratchedRegs = 0;
  scratchedSlotsLo = 0;
  scratchedSlotsHi = 0;
  /** Two records for operands that are no registers: immediates, and copies. */
  readonly fake = new Int32Array(2 * REG_WORDS);
  /** States that wait to be explored, the next one last, with where they go on and where they come from. */
  readonly pending: VerifierState[] = [];
  readonly pendingInsn: number[] = [];
  readonly pendingFrom: number[] = [];
  /** State objects for reuse. */
  readonly spareStates: VerifierState[] = [];
  /** Checkpoints by (instruction ^ callsite) modulo program length, newest first. */
  readonly explored: (VerifierState | undefined)[];
  hasCheckpoints = false;
  /** The walk came to a call of a kernel function that the loader did not find. */
  reachesMissingKfunc = false;

  // Counters.
  processed = 0;
  jumps = 0;
  prevProcessed = 0;
  prevJumps = 0;
  totalStates = 0;
  peakStates = 0;
  maxStatesPerInsn = 0;
  longestMarkRead = 0;

  /** Bytes of the context from its start that accesses reach. */
  contextBytes = 0;
  /** The same of the buffers that contexts lead to. */
  readonly bufferBytes: Record<BufferKind, number> = { rdonly: 0, rdwr: 0, tracepoint: 0 };
  /** The program returns what only its own attach type allows. */
  boundToAttachType = false;

  constructor(input: VerifierInput, cpuCount: number, observer: VerifierObserver | undefined) {
    const program = new Program(input.insns);
    this.input = input;
    this.program = program;
    this.observer = observer;
    this.cpuCount = cpuCount;
    this.sleepable = (input.flags & ProgFlag.BPF_F_SLEEPABLE) !== 0;
    this.strictAlignment = (input.flags & ProgFlag.BPF_F_STRICT_ALIGNMENT) !== 0;
    this.testStateFreq = (input.flags & ProgFlag.BPF_F_TEST_STATE_FREQ) !== 0;
    this.testRegInvariants = (input.flags & ProgFlag.BPF_F_TEST_REG_INVARIANTS) !== 0;
    this.gplCompatible = isGplCompatible(input.license);
    this.helpers = helperIdsOf(input.type, input.attachType);
    const spec = programTypeSpec(input.type, input.attachType);
    this.contextReads = spec && contextTable(spec.read);
    this.contextWrites = spec && contextTable(spec.write);
    this.marks = new Uint8Array(program.length);
    this.pointerTypes = new Int32Array(program.length);
    this.mapIndex = new Int32Array(program.length);
    this.mapOffset = new Int32Array(program.length);
    this.callMaps = new Int32Array(program.length);
    // Filled, so that V8 sees one kind of array from the first run on.
    this.explored = new Array<VerifierState | undefined>(program.length).fill(undefined);
    if (input.kernelBtf !== undefined) this.btfs.push(input.kernelBtf);
  }

  /** The frame that is running. */
  get frame(): Frame {
    return this.state.frame;
  }

  /** Adds text to the log, if there is one. */
  print(text: string): void {
    this.observer?.text?.(text);
  }

  /** Rejects the program, with one last line of log. */
  reject(code: RejectionCode, errno: number, message: string): never {
    this.observer?.text?.(`${message}\n`);
    throw new Rejection(code, errno, message);
  }

  scratchReg(reg: number): void {
    this.scratchedRegs |= 1 << reg;
  }

  scratchSlot(spi: number): void {
    if (spi < 32) this.scratchedSlotsLo |= 1 << spi;
    else this.scratchedSlotsHi |= 1 << (spi - 32);
  }

  /** Marks everything as touched, or nothing. */
  scratchAll(): void {
    this.scratchedRegs = -1;
    this.scratchedSlotsLo = -1;
    this.scratchedSlotsHi = -1;
  }

  scratchNone(): void {
    this.scratchedRegs = 0;
    this.scratchedSlotsLo = 0;
    this.scratchedSlotsHi = 0;
  }

  isMarked(insn: number, mark: number): boolean {
    return (this.marks[insn]! & mark) !== 0;
  }

  /** The map that a register names. */
  mapOf(aux: number): UsedMap {
    return this.maps[aux - 1]!;
  }

  /** A struct of the kernel or of one of its modules, and the number of its BTF; undefined if there is none of this name. */
  kernelStruct(name: string): { readonly btf: number; readonly id: number } | undefined {
    const { kernelBtf, moduleBtfs = [] } = this.input;
    if (kernelBtf === undefined) return undefined;
    for (const btf of [kernelBtf, ...moduleBtfs]) {
      const type = btf.findByName(name, 'struct');
      if (type !== undefined) return { btf: this.btfIndex(btf), id: type.id };
    }
    return undefined;
  }

  /** The BTF that a register names. */
  btfOf(aux: number): Btf {
    return this.btfs[aux - 1]!;
  }

  /** The number by which registers name a BTF. */
  btfIndex(btf: Btf): number {
    const known = this.btfs.indexOf(btf);
    return known >= 0 ? known + 1 : this.btfs.push(btf);
  }
}
