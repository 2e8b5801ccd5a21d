/**
 * References to kernel objects that a program must give back, and pointers that stop being good: to released objects, or to a packet that
 * moved. Source: release_reference, clear_all_pkt_pointers, check_reference_leak in kernel/bpf/verifier.c.
 */
import type { Env } from '../env.ts';
import { EINVAL } from '../errors.ts';
import { REF, TYPE } from '../state/layout.ts';
import { markRegUnknown } from '../state/reg.ts';
import { isPacketOrEnd } from '../state/reg-type.ts';
import { forEachRegister } from '../state/registers.ts';

/** All pointers into the packet become numbers. */
export function forgetPacketPointers(env: Env): void {
  forEachRegister(env.state, (words, o) => {
    if (isPacketOrEnd(words[o + TYPE]!)) markRegUnknown(words, o);
  });
}

/** Gives a reference back; all pointers to its object become numbers. False if it is not held. */
export function releaseReference(env: Env, id: number): boolean {
  if (!env.frame.releaseRef(id)) return false;
  forEachRegister(env.state, (words, o) => {
    if (words[o + REF] === id) markRegUnknown(words, o);
  });
  return true;
}

/** A new reference of the running function. */
export function acquireReference(env: Env, insn: number): number {
  const id = ++env.idGen;
  env.frame.addRef(id, insn);
  return id;
}

/** References that nobody would give back: lists them and rejects, with one more line if given. */
export function checkLeaks(env: Env, more?: string): void {
  const { frame } = env;
  if (frame.frameno !== 0 && !frame.inCallback) return;
  let last: string | undefined;
  for (let i = 0; i < frame.refCount; i++) {
    if (frame.inCallback && frame.refCallback(i) !== frame.frameno) continue;
    if (last !== undefined) env.print(`${last}\n`);
    last = `Unreleased reference id=${frame.refId(i)} alloc_insn=${frame.refInsn(i)}`;
  }
  if (last === undefined) return;
  if (more !== undefined) env.print(`${last}\n`);
  env.reject('reference-leak', EINVAL, more ?? last);
}
