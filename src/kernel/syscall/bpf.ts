/**
 * bpf(2) itself: the raw form, on bytes of union bpf_attr, as bindings call it, and the typed form over it (__sys_bpf in
 * kernel/bpf/syscall.c).
 */
import { Errno, errnoName, SyscallError } from '../../base/errno.ts';
import { BpfError } from '../../base/errors.ts';
import { BPF_ATTR_BYTES, BPF_COMMANDS, type BpfCommand, bpfCommand } from '../../spec/index.ts';
import { PAGE_BYTES } from '../../spec/uapi.ts';
import { UserMemory } from '../machine/user-memory.ts';
import { Attributes } from './attributes.ts';
import { COMMANDS } from './commands.ts';
import type { SyscallContext } from './context.ts';
import { type BpfAttr, decodeResults, encodeAttr } from './typed-attr.ts';

/**
 * The raw form.
 * @param command Number in enum bpf_cmd.
 * @param bytes The attributes; pointers in them are addresses of user memory. Results are written to them.
 * @param size What the caller says their size is; their length by default.
 * @returns a descriptor or 0, or a negative errno.
 * @throws VmFault when a program of a test run faults, which no verified program does.
 */
export function bpfRaw(sys: SyscallContext, command: number, bytes: Uint8Array, size = bytes.length): number {
  try {
    return execute(sys, command, bytes, size >>> 0);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    return -errno;
  }
}

/** The errno of an error that a system call reports; undefined for others. */
function errnoOf(error: unknown): number | undefined {
  if (error instanceof SyscallError) return error.errno;
  return error instanceof BpfError && error.code === 'out-of-memory' ? Errno.ENOMEM : undefined;
}

function execute(sys: SyscallContext, command: number, bytes: Uint8Array, size: number): number {
  if (size > PAGE_BYTES) throw new SyscallError(Errno.E2BIG, 'attributes are no larger than a page');
  const surplus = bytes.subarray(BPF_ATTR_BYTES, size);
  if (surplus.some((byte) => byte !== 0))
    throw new SyscallError(
      Errno.E2BIG,
      `bytes behind the first ${BPF_ATTR_BYTES} of the attributes must be zero`,
    );
  if (size > bytes.length) throw new SyscallError(Errno.EFAULT, 'there are fewer attributes than that');
  const name = bpfCommand(command);
  if (name === undefined) throw new SyscallError(Errno.EINVAL, `there is no command ${command}`);
  return handlerOf(name)(sys, new Attributes(name, bytes, size));
}

/** The function of a command: it is given attributes of that command, whichever it is. */
function handlerOf(command: BpfCommand): (sys: SyscallContext, attr: Attributes<BpfCommand>) => number {
  return COMMANDS[command];
}

/**
 * The typed form: members by name; buffers as Uint8Array, which lie in user memory for the time of the call, or as addresses. Members
 * and buffers that the kernel writes are written back to `attr`.
 * @returns a descriptor or 0.
 * @throws SyscallError with the command's name in front; UsageError for members that the command does not have.
 */
export function bpfTyped<C extends BpfCommand>(sys: SyscallContext, command: C, attr: BpfAttr<C>): number {
  const user = new UserMemory(sys.machine.memory);
  try {
    const encoded = encodeAttr(user, command, attr);
    try {
      return execute(sys, BPF_COMMANDS[command].number, encoded.bytes, encoded.bytes.length);
    } catch (error) {
      throw named(error, command);
    } finally {
      decodeResults(sys.machine.memory, command, attr, encoded);
    }
  } finally {
    user.release();
  }
}

function named(error: unknown, command: BpfCommand): unknown {
  if (!(error instanceof SyscallError)) return error;
  const text = error.message.replace(` (${errnoName(error.errno)})`, '');
  return new SyscallError(error.errno, `${command}: ${text}`, error.place);
}
