/**
 * Memory of the simulated processes: what system call arguments point to, and what bpf_probe_read_user reads.
 */
import { encodeUtf8 } from '../../base/text.ts';
import type { Memory } from '../../vm/index.ts';

/** An argument of a system call, probe or tracepoint: a number, or content that is put into user memory for the call. */
export type CallArgument = number | bigint | boolean | string | Uint8Array;

/** Content placed in user memory for the time of one event. */
export class UserMemory {
  private readonly memory: Memory;
  private readonly placed: number[] = [];

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The 64-bit value of an argument; strings (with a terminating zero) and bytes become addresses. */
  place(argument: CallArgument): bigint {
    if (typeof argument === 'string') return this.put(encodeUtf8(`${argument}\0`));
    if (argument instanceof Uint8Array) return this.put(argument);
    return BigInt.asUintN(64, BigInt(argument));
  }

  /** Frees all that was placed. */
  release(): void {
    for (const address of this.placed.splice(0)) this.memory.free(address);
  }

  private put(bytes: Uint8Array): bigint {
    const address = this.memory.allocate({
      size: Math.max(bytes.length, 1),
      kind: 'user',
      name: 'user memory',
    });
    this.memory.writeBytes(address, bytes);
    this.placed.push(address);
    return BigInt(address);
  }
}
