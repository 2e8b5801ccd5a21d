/**
 * Call stacks of the event that a program runs on: into a map (bpf_get_stackid), or into the program's own memory (bpf_get_stack)
 * (kernel/bpf/stackmap.c). The stacks are what the event was fired with; without one there is nothing to walk, EFAULT.
 */
import { Errno } from '../base/errno.ts';
import {
  BPF_F_FAST_STACK_CMP,
  BPF_F_REUSE_STACKID,
  BPF_F_SKIP_FIELD_MASK,
  BPF_F_USER_BUILD_ID,
  BPF_F_USER_STACK,
  BPF_STACK_BUILD_ID_IP,
  StackBuildId,
} from '../spec/uapi.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import { needMap, unsupported } from './map-argument.ts';

/** Bytes of a frame that is an address; or it is a struct bpf_stack_build_id, which holds the address where the file is not known. */
const FRAME_BYTES = 8;
/** sysctl kernel.perf_event_max_stack. */
const MAX_DEPTH = 127;

/** Call stacks. */
export const stackHelpers: FamilyMaker = (runtime) => {
  const { memory } = runtime;

  /** Writes frames, the rest of the buffer zero. @returns bytes of the frames */
  const store = (at: number, size: number, words: Uint32Array, withBuildIds: boolean): number => {
    const step = withBuildIds ? StackBuildId.bytes : FRAME_BYTES;
    memory.u8.fill(0, at, at + size);
    for (let i = 0; i < words.length; i += 2) {
      const frame = at + (i >>> 1) * step;
      if (withBuildIds) memory.view.setUint32(frame, BPF_STACK_BUILD_ID_IP, true);
      const address = frame + (withBuildIds ? StackBuildId.ip : 0);
      memory.view.setUint32(address, words[i]!, true);
      memory.view.setUint32(address + 4, words[i + 1]!, true);
    }
    return (words.length >>> 1) * step;
  };

  /** bpf_get_stack; a failure leaves the buffer zero. */
  const getStack = (at: number, size: number, flags: number): number => {
    const user = (flags & BPF_F_USER_STACK) !== 0;
    const withBuildIds = (flags & BPF_F_USER_BUILD_ID) !== 0;
    const step = withBuildIds ? StackBuildId.bytes : FRAME_BYTES;
    const unknown = (flags & ~(BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_USER_BUILD_ID)) !== 0;
    if (unknown || (withBuildIds && !user) || size % step !== 0) return -Errno.EINVAL;
    const skip = flags & BPF_F_SKIP_FIELD_MASK;
    const words = runtime.callStack(user);
    const depth = Math.min(words.length >>> 1, MAX_DEPTH, size / step + skip);
    if (words.length === 0 || depth < skip) return -Errno.EFAULT;
    return store(at, size, words.subarray(2 * skip, 2 * depth), withBuildIds);
  };

  return {
    bpf_get_stackid: plain((_context, address, flagsLo, flagsHi) => {
      const map = needMap(runtime, 'bpf_get_stackid', address);
      if (map.stacks === undefined) throw unsupported(map, 'bpf_get_stackid');
      const known = BPF_F_SKIP_FIELD_MASK | BPF_F_USER_STACK | BPF_F_FAST_STACK_CMP | BPF_F_REUSE_STACKID;
      if ((flagsLo & ~known) !== 0 || flagsHi !== 0) return -Errno.EINVAL;
      const words = runtime.callStack((flagsLo & BPF_F_USER_STACK) !== 0);
      return map.stacks.record(words, flagsLo);
    }),

    bpf_get_stack: plain((_context, buffer, size, flagsLo, flagsHi) => {
      const at = buffer >>> 0;
      const length = size >>> 0;
      const result = flagsHi === 0 ? getStack(at, length, flagsLo) : -Errno.EINVAL;
      if (result < 0) memory.u8.fill(0, at, at + length);
      return result;
    }),
  };
};
