/** A program with its walk, and running it on random inputs along that. */
import type { RawInsn } from '../../src/isa/index.ts';
import { verify } from '../../src/verifier/index.ts';
import { Interpreter } from '../../src/vm/index.ts';
import { Random } from './random.ts';
import { Recording } from './recording.ts';
import { Miss, Replay } from './replay.ts';
import { inputOf, World } from './world.ts';

/** States of one program that are kept; few programs have more. */
const MAX_NODES = 20_000;
const RUNS_PER_PROGRAM = 20;
const MAX_INSNS_PER_RUN = 20_000;

/** A program that the verifier accepts. */
export interface Verified {
  readonly seed: number;
  readonly insns: readonly RawInsn[];
  readonly recording: Recording;
}

/** The program with its walk; undefined if it is rejected, or the walk is too long to keep. `seed` is for its inputs and for messages. */
export function verified(insns: readonly RawInsn[], seed: number): Verified | undefined {
  const recording = new Recording(MAX_NODES);
  const { verdict } = verify(inputOf(insns), { observer: recording });
  return verdict === 'accept' && !recording.overflowed ? { seed, insns, recording } : undefined;
}

/** How much was checked. */
export interface Totals {
  steps: number;
  compared: number;
  doubted: number;
}

/** Runs a program on random inputs and counts. @throws Miss with the seed; VmFault if the program does what it must not. */
export function runAll({ seed, insns, recording }: Verified, totals: Totals): void {
  const world = new World(new Random(~seed));
  const program = world.prepare(insns);
  for (let run = 0; run < RUNS_PER_PROGRAM; run++) {
    world.fill();
    const replay = new Replay({ recording, insns, memory: world.memory }, world.regions(recording.maps));
    const interpreter = new Interpreter(world.memory, world.helpers, { onInsn: replay.onInsn });
    interpreter.start(program, world.ctx);
    try {
      const status = interpreter.run(MAX_INSNS_PER_RUN);
      if (status.kind === 'faulted') throw status.fault;
    } catch (error) {
      if (error instanceof Miss) throw new Miss(`SOUNDNESS_SEED=${seed}, run ${run}: ${error.message}`);
      throw error;
    }
    interpreter.dispose();
    totals.steps += replay.steps;
    totals.compared += replay.compared;
    totals.doubted += replay.doubted;
  }
}
