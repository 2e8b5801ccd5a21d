/**
 * Flow dissectors: programs that say where the headers of a packet are and whose they are. A program runs on a frame from its Ethernet
 * header on, of which no skb is made yet (as for eth_get_headlen), and fills in struct bpf_flow_keys (bpf_flow_dissect in
 * net/core/flow_dissector.c, bpf_prog_test_run_flow_dissector in net/bpf/test_run.c).
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { ETH_HLEN, PAGE_BYTES } from '../../spec/uapi.ts';
import type { HookTable } from '../attach/hooks.ts';
import type { ProgramRun } from '../events/program-run.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { PacketBuffer, type PacketSinks, SHARED_INFO_BYTES, SKB_HEADROOM } from './packet-buffer.ts';

/** Where the network namespace's program hangs. */
export const FLOW_DISSECTOR_HOOK = 'netns/flow_dissector';
/** sizeof(struct bpf_flow_keys), and offsets of members in it. */
export const FLOW_KEYS_BYTES = 56;
const FlowKeys = { nhoff: 0, thoff: 2, nProto: 10, flags: 48 } as const;
/** Offset of the pointer to it in struct __sk_buff. */
const FLOW_KEYS_AT = 144;
/** enum bpf_ret_code. */
const BPF_OK = 0;
const BPF_FLOW_DISSECTOR_CONTINUE = 129;

/** What a program made of a frame. */
export interface Dissection {
  readonly r0: bigint;
  readonly retval: number;
  /** struct bpf_flow_keys. */
  readonly keys: Uint8Array<ArrayBuffer>;
}

/**
 * Runs a flow dissector on a frame, once or several times.
 * @param flags BPF_FLOW_DISSECTOR_F_*.
 * @throws SyscallError EINVAL for frames without an Ethernet header and those longer than a page; VmFault.
 */
export function dissect(
  machine: Machine,
  program: LoadedProgram,
  frame: Uint8Array,
  flags = 0,
  times = 1,
): Dissection {
  if (frame.length < ETH_HLEN || frame.length > PAGE_BYTES)
    throw new SyscallError(
      Errno.EINVAL,
      `a frame has ${ETH_HLEN} to ${PAGE_BYTES} bytes, not ${frame.length}`,
      {
        program: program.name,
      },
    );
  const { memory } = machine;
  const room = SKB_HEADROOM + frame.length + SHARED_INFO_BYTES;
  const packet = new PacketBuffer(memory, 'skb', room, NOWHERE);
  const keys = memory.allocate({ size: FLOW_KEYS_BYTES, kind: 'kernel', name: 'bpf_flow_keys' });
  try {
    packet.isBare = true;
    packet.fillSkb(frame, { ifindex: 0, queue: 0 }, true);
    memory.view.setBigUint64(packet.context + FLOW_KEYS_AT, BigInt(keys), true);
    let result = { r0: 0n, retval: 0 };
    for (let i = 0; i < times; i++) {
      beginKeys(machine, keys, frame, flags);
      result = machine.during({ packet }, () => machine.runner.run(program, packet.context));
      limitOffsets(memory.view, keys, frame.length);
    }
    return { ...result, keys: memory.readBytes(keys, FLOW_KEYS_BYTES) };
  } finally {
    memory.free(keys);
    packet.free();
  }
}

/** What is known before the program runs: the protocol, and that the network header follows. */
function beginKeys({ memory }: Machine, keys: number, frame: Uint8Array, flags: number): void {
  memory.u8.fill(0, keys, keys + FLOW_KEYS_BYTES);
  memory.u8.set(frame.subarray(ETH_HLEN - 2, ETH_HLEN), keys + FlowKeys.nProto);
  memory.view.setUint16(keys + FlowKeys.nhoff, ETH_HLEN, true);
  memory.view.setUint16(keys + FlowKeys.thoff, ETH_HLEN, true);
  memory.view.setUint32(keys + FlowKeys.flags, flags, true);
}

/** Headers lie within the frame, the transport header behind the network header. */
function limitOffsets(view: DataView, keys: number, length: number): void {
  const clamp = (offset: number, low: number): number => {
    const value = Math.min(Math.max(view.getUint16(keys + offset, true), low), Math.max(length, low));
    view.setUint16(keys + offset, value, true);
    return value;
  };
  clamp(FlowKeys.thoff, clamp(FlowKeys.nhoff, ETH_HLEN));
}

/** What the dissector of the network namespace answers. */
export interface FlowAnswer {
  /** `dissected`: the keys count; `kernel`: no program is there, or it leaves the frame to the kernel's own; `failed`: neither. */
  readonly outcome: 'dissected' | 'kernel' | 'failed';
  /** struct bpf_flow_keys, where a program ran. */
  readonly keys?: Uint8Array;
  readonly runs: readonly ProgramRun[];
}

/** Asks the program of the network namespace. @throws as `dissect`. */
export function dissectInNamespace(
  machine: Machine,
  hooks: HookTable,
  frame: Uint8Array,
  flags = 0,
): FlowAnswer {
  const [attachment] = hooks.at(FLOW_DISSECTOR_HOOK);
  if (attachment === undefined) return { outcome: 'kernel', runs: [] };
  const { program, hook } = attachment;
  const { r0, retval, keys } = dissect(machine, program, frame, flags);
  const runs = [{ program: program.name, hook, r0, retval }];
  if (retval === BPF_FLOW_DISSECTOR_CONTINUE) return { outcome: 'kernel', keys, runs };
  return { outcome: retval === BPF_OK ? 'dissected' : 'failed', keys, runs };
}

/** Flow dissectors send nothing anywhere. */
const NOWHERE: PacketSinks = {
  redirect: () => undefined,
  cloneRedirect: () => -Errno.EINVAL,
};
