/**
 * A test run of an SK_LOOKUP program: the context says which packet is looked for, and after the run which socket was chosen
 * (bpf_prog_test_run_sk_lookup).
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { BPF_SK_LOOKUP_F_NO_REUSEPORT, SK_DROP } from '../../spec/uapi.ts';
import type { Machine } from '../machine/machine.ts';
import type { RunResult } from '../machine/program-runner.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { runSkLookup, SkLookup } from './sk-lookup.ts';

const AF_INET = 2;
const AF_INET6 = 10;
/** Behind local_port nothing can be given. */
const GIVEN_BYTES = SkLookup.localPort + 4;

/** What came of it: the context with the cookie of the socket that was chosen, or 0. */
export interface SkLookupRun extends RunResult {
  readonly ctx: Uint8Array;
}

/**
 * Runs an SK_LOOKUP program so many times on a struct bpf_sk_lookup.
 * @throws SyscallError EINVAL for a socket or device in it, ERANGE for a port, EAFNOSUPPORT for a family, EOPNOTSUPP when a socket of a group was
 * chosen that would have to choose in turn.
 */
export function testRunSkLookup(
  machine: Machine,
  program: LoadedProgram,
  given: Uint8Array,
  times: number,
): SkLookupRun {
  checkContext(program, given);
  const { memory } = machine;
  const context = memory.allocate({ size: SkLookup.bytes, kind: 'ctx', name: 'bpf_sk_lookup' });
  try {
    memory.writeBytes(context, given);
    let retval = SK_DROP;
    let chosen: ReturnType<typeof runSkLookup>['choice'] = { socket: undefined, flags: 0 };
    for (let i = 0; i < times; i++) {
      const outcome = runSkLookup(machine, program, context, { socket: undefined, flags: 0 });
      chosen = outcome.retval === SK_DROP ? { socket: undefined, flags: 0 } : outcome.choice;
      retval = outcome.retval;
    }
    const { socket, flags } = chosen;
    if (socket?.reuseport === true && (flags & BPF_SK_LOOKUP_F_NO_REUSEPORT) === 0)
      throw refuse(program, Errno.EOPNOTSUPP, 'the socket is one of a group, which would choose');
    const ctx = given.slice();
    new DataView(ctx.buffer).setBigUint64(SkLookup.sk, BigInt(socket?.cookie ?? 0), true);
    return { r0: BigInt(retval), retval, ctx };
  } finally {
    memory.free(context);
  }
}

function checkContext(program: LoadedProgram, given: Uint8Array): void {
  const view = new DataView(given.buffer, given.byteOffset, given.byteLength);
  if (view.getBigUint64(SkLookup.sk, true) !== 0n || given.subarray(GIVEN_BYTES).some((byte) => byte !== 0))
    throw refuse(program, Errno.EINVAL, 'neither a socket nor what is behind local_port can be given');
  if (view.getUint32(SkLookup.localPort, true) > 0xffff)
    throw refuse(program, Errno.ERANGE, 'local_port is a port');
  const family = view.getUint16(SkLookup.family, true);
  if (family !== AF_INET && family !== AF_INET6)
    throw refuse(program, Errno.EAFNOSUPPORT, `family is ${AF_INET} or ${AF_INET6}, not ${family}`);
}

function refuse(program: LoadedProgram, errno: number, message: string): SyscallError {
  return new SyscallError(errno, message, { program: program.name });
}
