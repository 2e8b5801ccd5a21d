/**
 * V8 forgets the shape of a class's objects when none is left, and with it all code that it compiled for that shape: after a garbage
 * collection the next verification would be half as fast as the one before. So one object of each class that the walk lives on stays.
 */
import { BpfProgType } from '../spec/index.ts';
import { Env } from './env.ts';
import type { VerifierInput } from './input.ts';
import { VerifierState } from './state/state.ts';

const NO_PROGRAM: VerifierInput = {
  insns: [],
  type: BpfProgType.BPF_PROG_TYPE_UNSPEC,
  attachType: 0,
  flags: 0,
  license: '',
  maps: new Map(),
};

const kept: Env[] = [];

/** Makes the objects that stay, the first time that it is called; they take some 20 KiB. */
export function keepShapes(): void {
  if (kept.length > 0) return;
  const env = new Env(NO_PROGRAM, 1, undefined);
  env.state = new VerifierState();
  env.state.frames.push(env.pool.take(false));
  env.state.parent = new VerifierState();
  env.state.loopEntry = env.state.parent;
  kept.push(env);
}
