/**
 * Socket options on their way to and from the kernel: programs see struct bpf_sockopt with a copy of the value and may change it, or answer
 * in the kernel's place (__cgroup_bpf_run_filter_setsockopt and _getsockopt in kernel/bpf/cgroup.c).
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType as A } from '../../spec/index.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import type { Memory } from '../../vm/index.ts';
import type { Socket } from '../sockets/socket.ts';
import type { CgroupAnswer, CgroupRunner } from './run.ts';

/** Offsets in struct bpf_sockopt. */
const SockOpt = {
  sk: 0,
  optval: 8,
  optvalEnd: 16,
  level: 24,
  optname: 28,
  optlen: 32,
  retval: 36,
  bytes: 40,
} as const;

/** Room that a value to be set has at least. */
const LEAST_ROOM = 16;

/** An option and its value. */
export interface SocketOption {
  readonly level: number;
  readonly name: number;
  readonly value: Uint8Array;
}

/** What comes of a setsockopt(2): `kernel`, the kernel handles the option as it is now; `done`, a program has. */
export interface SetOptionAnswer extends CgroupAnswer {
  readonly handledBy: 'kernel' | 'program' | 'nobody';
  readonly option: SocketOption;
}

/** Runs the programs for a setsockopt(2) on a socket. */
export function runSetOption(runner: CgroupRunner, socket: Socket, option: SocketOption): SetOptionAnswer {
  const { memory } = runner.machine;
  const { length } = option.value;
  const room = Math.min(Math.max(LEAST_ROOM, length), PAGE_BYTES);
  return inContext(memory, socket, option, room, length, (context, values) => {
    const answer = runner.run({ cgroup: socket.cgroup, attachType: A.BPF_CGROUP_SETSOCKOPT, context });
    if (answer.retval !== 0) return { ...answer, handledBy: 'nobody', option };
    const size = memory.view.getInt32(context + SockOpt.optlen, true);
    if (size === -1) return { ...answer, handledBy: 'program', option };
    if (size > room || size < -1) {
      // Of a value that programs see cut they cannot say how long it is: what they say is ignored.
      if (length > PAGE_BYTES && size >= 0) return { ...answer, handledBy: 'kernel', option };
      return { ...answer, retval: -Errno.EFAULT, handledBy: 'nobody', option };
    }
    const changed = {
      level: memory.view.getInt32(context + SockOpt.level, true),
      name: memory.view.getInt32(context + SockOpt.optname, true),
      // Length 0 stands for the value as the caller gave it.
      value: size === 0 ? option.value : memory.readBytes(values, size),
    };
    return { ...answer, handledBy: 'kernel', option: changed };
  });
}

/** What the caller of a getsockopt(2) gets. */
export interface GetOptionAnswer extends CgroupAnswer {
  readonly value: Uint8Array;
}

/**
 * Runs the programs for a getsockopt(2) on a socket.
 * @param option Its value is what the kernel gave.
 * @param room Bytes that the caller has for the value.
 * @param retval What the kernel answered: 0 or a negative errno, with which programs are shown no value.
 */
export function runGetOption(
  runner: CgroupRunner,
  socket: Socket,
  option: SocketOption,
  room: number,
  retval: number,
): GetOptionAnswer {
  const { memory } = runner.machine;
  const shown = Math.min(room, PAGE_BYTES);
  const known = retval === 0 ? option : { ...option, value: new Uint8Array(0) };
  const given = retval === 0 ? option.value.length : room;
  return inContext(memory, socket, known, shown, given, (context, values) => {
    const retvalAt = context + SockOpt.retval;
    const event = { cgroup: socket.cgroup, attachType: A.BPF_CGROUP_GETSOCKOPT, context, retval, retvalAt };
    const answer = runner.run(event);
    if (answer.retval < 0) return { ...answer, value: option.value };
    const size = memory.view.getInt32(context + SockOpt.optlen, true);
    if (size > shown || size < 0) {
      const ignored = given > PAGE_BYTES && size >= 0;
      return { ...answer, retval: ignored ? retval : -Errno.EFAULT, value: option.value };
    }
    return { ...answer, value: size === 0 ? option.value : memory.readBytes(values, size) };
  });
}

/** Does something with a struct bpf_sockopt and the buffer of `room` bytes that it leads to. */
function inContext<T>(
  memory: Memory,
  socket: Socket,
  option: SocketOption,
  room: number,
  optlen: number,
  action: (context: number, values: number) => T,
): T {
  const values = memory.allocate({ size: room, kind: 'packet', name: 'value of a socket option' });
  try {
    memory.writeBytes(values, option.value.subarray(0, room));
    const context = memory.allocate({ size: SockOpt.bytes, kind: 'ctx', name: 'bpf_sockopt' });
    try {
      const { view } = memory;
      view.setBigUint64(context + SockOpt.sk, BigInt(socket.address), true);
      view.setBigUint64(context + SockOpt.optval, BigInt(values), true);
      view.setBigUint64(context + SockOpt.optvalEnd, BigInt(values + room), true);
      view.setInt32(context + SockOpt.level, option.level, true);
      view.setInt32(context + SockOpt.optname, option.name, true);
      view.setInt32(context + SockOpt.optlen, optlen, true);
      return action(context, values);
    } finally {
      memory.free(context);
    }
  } finally {
    memory.free(values);
  }
}
