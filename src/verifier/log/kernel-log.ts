/**
 * The kernel's log, as an observer of the walk: levels 1 (the failing path), 2 (every path), byte for byte but for addresses and times.
 * Source: do_check's printing, backtrack_insn's, print_insn_state, verbose_linfo in kernel/bpf/verifier.c and log.c.
 */
import { disassembleInsn } from '../../isa/index.ts';
import { helperText } from '../call/prototype.ts';
import { LOG_LEVEL2 } from '../input.ts';
import type { VerifierObserver } from '../observer.ts';
import { bitsOf } from '../precision/chain.ts';
import { PSEUDO_BTF_ID, PSEUDO_FUNC, PSEUDO_MAP_VALUE } from '../program.ts';
import type { VerifierState } from '../state/state.ts';
import type { Walk } from '../walk.ts';
import { LogBuffer } from './buffer.ts';
import type { SourceLines } from './source-lines.ts';
import { formatState } from './state-text.ts';

/** Where the state after an instruction begins: at this column, or at the next multiple of eight. */
const STATE_COLUMN = 40;
const COLUMN_STEP = 8;

/** Writes the log while it listens to a walk. */
export class KernelLog implements VerifierObserver {
  readonly buffer: LogBuffer;
  private readonly everything: boolean;
  private readonly lines: SourceLines;
  /** Positions to go back to when a state is taken up again. */
  private readonly positions: number[] = [];
  /** End and length of the last instruction that was printed. */
  private insnEnd = 0;
  private insnLength = 0;
  /** Level 1: some path was taken up again; from then on, the kernel says of all where they come from. */
  private resumed = false;

  constructor(level: number, size: number, lines: SourceLines) {
    this.buffer = new LogBuffer(size);
    this.everything = (level & LOG_LEVEL2) !== 0;
    this.lines = lines;
  }

  text(text: string): void {
    this.buffer.add(text);
  }

  source(insn: number, prefix: string): void {
    const line = this.lines.next(insn);
    if (line !== undefined) this.text(`${prefix}${line}\n`);
  }

  begin(): void {
    this.resumed = false;
    this.lines.reset();
  }

  end(walk: Walk, subprog: number): void {
    if (!this.everything) this.buffer.reset(0);
    if (subprog === 0) return;
    const name = walk.input.btf?.nameOf(walk.functions[subprog]!.typeId) ?? '';
    this.text(`Func#${subprog} ('${name}') is safe for any args that match its prototype\n`);
  }

  push(): void {
    this.positions.push(this.buffer.length);
  }

  pop(): void {
    const position = this.positions.pop() ?? 0;
    if (!this.everything) this.buffer.reset(position);
  }

  pathSafe(walk: Walk): void {
    if (walk.resumed || this.resumed) this.text(`\nfrom ${walk.prevInsn} to ${walk.insn}: safe\n`);
    else this.text(`${walk.insn}: safe\n`);
  }

  step(walk: Walk): void {
    if (walk.resumed) {
      if (this.everything)
        this.text(`\nfrom ${walk.prevInsn} to ${walk.insn}:${formatState(walk, walk.frame, true)}\n`);
      else this.resumed = true;
    }
    if ((walk.scratchedRegs | walk.scratchedSlotsLo | walk.scratchedSlotsHi) !== 0) this.stateAfter(walk);
    this.source(walk.insn, '; ');
    const start = this.buffer.length;
    this.text(`${walk.insn}: ${insnText(walk, walk.insn)}\n`);
    this.insnEnd = this.buffer.length;
    this.insnLength = this.insnEnd - start;
  }

  branch(walk: Walk): void {
    this.stateAfter(walk);
  }

  /** What an instruction changed, beside it if nothing was printed since. */
  private stateAfter(walk: Walk): void {
    if (this.insnEnd !== 0 && this.insnEnd === this.buffer.length) {
      this.buffer.reset(this.insnEnd - 1);
      const wanted = Math.max(this.insnLength + COLUMN_STEP / 2, STATE_COLUMN);
      const pad = Math.ceil(wanted / COLUMN_STEP) * COLUMN_STEP - this.insnLength - 1;
      this.text(`${' '.repeat(Math.max(pad, 1))};`);
    } else this.text(`${walk.insn}:`);
    this.text(`${formatState(walk, walk.frame, false)}\n`);
  }

  call(walk: Walk): void {
    const { frames } = walk.state;
    this.text(`caller:\n${formatState(walk, frames[frames.length - 2]!, true)}\n`);
    this.text(`callee:\n${formatState(walk, walk.frame, true)}\n`);
  }

  return(walk: Walk, target: number): void {
    const { frames } = walk.state;
    this.text(`returning from callee:\n${formatState(walk, walk.frame, true)}\n`);
    this.text(`to caller at ${target}:\n${formatState(walk, frames[frames.length - 2]!, true)}\n`);
  }

  loopLimit(walk: Walk): void {
    if (this.everything) this.text(`frame${walk.state.curframe} bpf_loop iteration limit reached\n`);
  }

  precisionStretch(_walk: Walk, frame: number, last: number, first: number, subsequent: number): void {
    if (!this.everything) return;
    this.text(`mark_precise: frame${frame}: last_idx ${last} first_idx ${first} subseq_idx ${subsequent} \n`);
  }

  precisionStep(walk: Walk, frame: number, regs: number, lo: number, hi: number, insn: number): void {
    if (!this.everything) return;
    this.text(
      `mark_precise: frame${frame}: regs=${regsText(regs)} stack=${slotsText(lo, hi)} before ${insn}: ${insnText(walk, insn)}\n`,
    );
  }

  precisionParent(
    walk: Walk,
    state: VerifierState,
    frame: number,
    regs: number,
    lo: number,
    hi: number,
  ): void {
    if (!this.everything) return;
    this.text(
      `mark_precise: frame${frame}: parent state regs=${regsText(regs)} stack=${slotsText(lo, hi)}: ${formatState(walk, state.frames[frame]!, true)}\n`,
    );
  }

  precisionAll(_walk: Walk, frame: number): void {
    if (this.everything)
      this.text(`mark_precise: frame${frame}: falling back to forcing all scalars precise\n`);
  }

  precisionForced(frame: number, reg: number, slot: number): void {
    if (!this.everything) return;
    const what = reg >= 0 ? `r${reg}` : `fp${-(slot + 1) * 8}`;
    this.text(`force_precise: frame${frame}: forcing ${what} to be precise\n`);
  }

  precisionPropagated(frame: number, regs: readonly number[], slots: readonly number[]): void {
    if (this.everything) {
      const names = [...regs.map((reg) => `r${reg}`), ...slots.map((slot) => `fp${-(slot + 1) * 8}`)];
      this.text(`frame ${frame}: propagating ${names.join(',')}`);
    }
    // The kernel ends the line at every level.
    this.text('\n');
  }
}

function regsText(mask: number): string {
  return bitsOf(mask, 0)
    .map((reg) => `r${reg}`)
    .join(',');
}

function slotsText(lo: number, hi: number): string {
  return [...bitsOf(lo, 0), ...bitsOf(hi, 32)].map((slot) => `${-(slot + 1) * 8}`).join(',');
}

/** An instruction as the kernel prints it; maps and kernel symbols are addresses. */
function insnText(walk: Walk, insn: number): string {
  return disassembleInsn(walk.program.raws, insn, {
    // Kernel function 0 is one that the loader did not find: the kernel has no name for it.
    names: {
      helper: helperText,
      kfunc: (id) => (id === 0 ? '' : undefined),
      imm64: ({ slot, pseudo }) => addressText(walk, slot, pseudo),
    },
  });
}

function addressText(walk: Walk, slot: number, pseudo: number): string | undefined {
  if (pseudo === 0 || pseudo === PSEUDO_FUNC) return undefined;
  // Any address will do: it is never the same twice.
  if (pseudo === PSEUDO_BTF_ID) return '0xffffffff81000000';
  const index = walk.mapIndex[slot]!;
  if (index === 0) return undefined;
  const map = walk.mapOf(index);
  const offset = pseudo === PSEUDO_MAP_VALUE ? walk.mapOffset[slot]! : 0;
  return `0x${(map.address + BigInt(offset)).toString(16)}`;
}
