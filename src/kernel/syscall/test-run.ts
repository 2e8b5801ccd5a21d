/**
 * BPF_PROG_TEST_RUN: which inputs each kind of program takes, and what is copied out (bpf_prog_test_run in kernel/bpf/syscall.c,
 * net/bpf/test_run.c). The running itself is src/kernel/packets/test-run.ts'.
 */
import { Errno } from '../../base/errno.ts';
import { BpfAttachType as A, BpfProgType as P } from '../../spec/index.ts';
import { ETH_HLEN, PAGE_BYTES } from '../../spec/uapi.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { dissect, FLOW_KEYS_BYTES } from '../packets/flow-dissector.ts';
import { SkBuff, XdpMd } from '../packets/packet-buffer.ts';
import { type TestRunOptions, testRun } from '../packets/test-run.ts';
import { SkLookup } from '../sockets/sk-lookup.ts';
import type { Attributes } from './attributes.ts';
import { programOf, type SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { runTestFunctions } from './test-functions.ts';

type RunAttributes = Attributes<'BPF_PROG_TEST_RUN'>;
type Runner = (sys: SyscallContext, attr: RunAttributes, program: LoadedProgram) => number;

const BPF_F_TEST_RUN_ON_CPU = 1 << 0;
const BPF_F_TEST_SKB_CHECKSUM_COMPLETE = 1 << 2;
/** Offset of the flags in struct bpf_flow_keys. */
const FLOW_FLAGS = 48;
/** Runs in one call. The kernel goes on until a signal comes; here it is as if one came. */
const MAX_REPEAT = 10_000_000;
/** MAX_BPF_FUNC_ARGS * 8. */
const MAX_RAW_CONTEXT = 96;
const MAX_SYSCALL_CONTEXT = 0xffff;

const RUNNERS: Readonly<Record<number, Runner>> = {
  [P.BPF_PROG_TYPE_SOCKET_FILTER]: runSkb,
  [P.BPF_PROG_TYPE_SCHED_CLS]: runSkb,
  [P.BPF_PROG_TYPE_SCHED_ACT]: runSkb,
  [P.BPF_PROG_TYPE_CGROUP_SKB]: runSkb,
  [P.BPF_PROG_TYPE_LWT_IN]: runSkb,
  [P.BPF_PROG_TYPE_LWT_OUT]: runSkb,
  [P.BPF_PROG_TYPE_LWT_XMIT]: runSkb,
  [P.BPF_PROG_TYPE_XDP]: runXdp,
  [P.BPF_PROG_TYPE_RAW_TRACEPOINT]: runRawTracepoint,
  [P.BPF_PROG_TYPE_TRACING]: runTracing,
  [P.BPF_PROG_TYPE_SYSCALL]: runSyscall,
  [P.BPF_PROG_TYPE_FLOW_DISSECTOR]: runFlowDissector,
  [P.BPF_PROG_TYPE_SK_LOOKUP]: runSkLookup,
  [P.BPF_PROG_TYPE_NETFILTER]: notSimulated,
};

/** BPF_PROG_TEST_RUN (bpf_prog_test_run). */
export function programTestRun(sys: SyscallContext, attr: RunAttributes): number {
  attr.checkUnused();
  if ((attr.u32('ctx_size_in') === 0) !== (attr.word('ctx_in') === 0))
    fail(Errno.EINVAL, 'ctx_in and its size go together');
  if ((attr.u32('ctx_size_out') === 0) !== (attr.word('ctx_out') === 0))
    fail(Errno.EINVAL, 'ctx_out and its size go together');
  const program = programOf(sys, attr.u32('prog_fd'));
  const runner = RUNNERS[program.type];
  if (runner === undefined) fail(Errno.ENOTSUPP, 'programs of this type have no test run');
  return runner(sys, attr, program);
}

function notSimulated(): never {
  return fail(Errno.EOPNOTSUPP, 'the events of this program type are not simulated');
}

function needZero(attr: RunAttributes, names: readonly Parameters<RunAttributes['u64']>[0][]): void {
  for (const name of names)
    if (attr.bytes(name).some((byte) => byte !== 0))
      fail(Errno.EINVAL, `${name} must be 0 for programs of this type`);
}

function runSkb(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  if ((attr.u32('flags') & ~BPF_F_TEST_SKB_CHECKSUM_COMPLETE) !== 0)
    fail(Errno.EINVAL, 'flags has unknown bits');
  needZero(attr, ['cpu', 'batch_size']);
  if (attr.u32('data_size_in') < ETH_HLEN) fail(Errno.EINVAL, 'a packet has at least an Ethernet header');
  return runPacket(sys, attr, program, SkBuff.bytes);
}

function runXdp(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  if ([A.BPF_XDP_DEVMAP, A.BPF_XDP_CPUMAP].includes(program.expectedAttachType as 33))
    fail(Errno.EINVAL, 'programs of maps have no test run');
  if (attr.u32('flags') !== 0) fail(Errno.EINVAL, 'flags has unknown bits, or asks for live frames');
  needZero(attr, ['batch_size']);
  return runPacket(sys, attr, program, XdpMd.bytes);
}

function runSkLookup(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  needZero(attr, ['flags', 'cpu', 'batch_size', 'data_in', 'data_size_in', 'data_out', 'data_size_out']);
  const ctx = readContext(sys, attr, SkLookup.bytes);
  if (ctx === undefined) fail(Errno.EINVAL, 'the context says what is looked for');
  const repeat = Math.max(attr.u32('repeat'), 1);
  if (repeat > MAX_REPEAT) fail(Errno.EINTR, `no more than ${MAX_REPEAT} runs at once`);
  const started = sys.machine.clock.now();
  const result = testRun(sys.machine, program, { ctx, repeat });
  const duration = Number((sys.machine.clock.now() - started) / BigInt(repeat));
  writeData(sys, attr, new Uint8Array(0), result.retval, duration);
  writeContext(sys, attr, result.ctx);
  return 0;
}

function runPacket(
  sys: SyscallContext,
  attr: RunAttributes,
  program: LoadedProgram,
  contextBytes: number,
): number {
  const ctx = readContext(sys, attr, contextBytes);
  const deviceAt = contextBytes === SkBuff.bytes ? SkBuff.ifindex : XdpMd.ingressIfindex;
  if (ctx !== undefined) checkDevice(sys, ctx, deviceAt);
  const data = sys.user.read(attr.word('data_in'), attr.u32('data_size_in'));
  const started = sys.machine.clock.now();
  const repeat = Math.max(attr.u32('repeat'), 1);
  if (repeat > MAX_REPEAT) fail(Errno.EINTR, `no more than ${MAX_REPEAT} runs at once`);
  const result = testRun(sys.machine, program, { data, repeat, ...(ctx === undefined ? {} : { ctx }) });
  const duration = Number((sys.machine.clock.now() - started) / BigInt(repeat));
  writeData(sys, attr, result.data ?? new Uint8Array(0), result.retval, duration);
  if (ctx !== undefined) writeContext(sys, attr, result.ctx);
  return 0;
}

/** The context, if there is one, is a struct bpf_flow_keys of which flags alone are given; the keys come out as data. */
function runFlowDissector(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  needZero(attr, ['flags', 'cpu', 'batch_size']);
  const size = attr.u32('data_size_in');
  if (size < ETH_HLEN || size > PAGE_BYTES)
    fail(Errno.EINVAL, `a frame has ${ETH_HLEN} to ${PAGE_BYTES} bytes`);
  const frame = sys.user.read(attr.word('data_in'), size);
  const ctx = readContext(sys, attr, FLOW_KEYS_BYTES);
  const isFlag = (i: number): boolean => i >= FLOW_FLAGS && i < FLOW_FLAGS + 4;
  if (ctx?.some((byte, i) => byte !== 0 && !isFlag(i)) === true)
    fail(Errno.EINVAL, 'only the flags of the context may be given');
  const flags = ctx === undefined ? 0 : new DataView(ctx.buffer, ctx.byteOffset).getUint32(FLOW_FLAGS, true);
  const repeat = Math.max(attr.u32('repeat'), 1);
  if (repeat > MAX_REPEAT) fail(Errno.EINTR, `no more than ${MAX_REPEAT} runs at once`);
  const started = sys.machine.clock.now();
  const { retval, keys } = dissect(sys.machine, program, frame, flags, repeat);
  const duration = Number((sys.machine.clock.now() - started) / BigInt(repeat));
  writeData(sys, attr, keys, retval, duration);
  if (ctx !== undefined) writeContext(sys, attr, ctx);
  return 0;
}

/** A context exists when one comes in or is to go out (bpf_ctx_init). */
function readContext(sys: SyscallContext, attr: RunAttributes, size: number): Uint8Array | undefined {
  const address = attr.word('ctx_in');
  if (address !== 0) return sys.user.readKnown(address, attr.u32('ctx_size_in'), size);
  return attr.word('ctx_out') === 0 ? undefined : new Uint8Array(size);
}

function checkDevice(sys: SyscallContext, ctx: Uint8Array, offset: number): void {
  const ifindex = new DataView(ctx.buffer, ctx.byteOffset).getUint32(offset, true);
  if (ifindex > 1 && sys.devices.byIndex(ifindex) === undefined)
    fail(Errno.ENODEV, `there is no device ${ifindex}`);
}

/** bpf_test_finish: what fits is copied, sizes and results are written in any case. */
function writeData(
  sys: SyscallContext,
  attr: RunAttributes,
  data: Uint8Array,
  retval: number,
  duration: number,
): void {
  const room = attr.u32('data_size_out');
  const cut = room !== 0 && data.length > room;
  const address = attr.word('data_out');
  if (address !== 0) sys.user.write(address, cut ? data.subarray(0, room) : data);
  attr.put32('data_size_out', data.length);
  attr.put32('retval', retval);
  attr.put32('duration', duration);
  if (cut) fail(Errno.ENOSPC, `data_out needs ${data.length} bytes`);
}

function writeContext(sys: SyscallContext, attr: RunAttributes, ctx: Uint8Array): void {
  const address = attr.word('ctx_out');
  if (address === 0) return;
  const room = attr.u32('ctx_size_out');
  sys.user.write(address, ctx.subarray(0, room));
  attr.put32('ctx_size_out', ctx.length);
  if (ctx.length > room) fail(Errno.ENOSPC, `ctx_out needs ${ctx.length} bytes`);
}

function runRawTracepoint(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  needZero(attr, ['data_in', 'data_out', 'ctx_out', 'duration', 'repeat', 'batch_size']);
  const size = attr.u32('ctx_size_in');
  if (size > MAX_RAW_CONTEXT || size < contextUsed(program))
    fail(Errno.EINVAL, `the context has at least what the program reads, at most ${MAX_RAW_CONTEXT} bytes`);
  const cpu = attr.u32('cpu');
  const onCpu = (attr.u32('flags') & BPF_F_TEST_RUN_ON_CPU) !== 0;
  if (!onCpu && cpu !== 0) fail(Errno.EINVAL, 'cpu needs BPF_F_TEST_RUN_ON_CPU');
  const ctx = sys.user.read(attr.word('ctx_in'), size);
  if (onCpu && cpu >= sys.machine.cpuCount) fail(Errno.ENXIO, `there is no CPU ${cpu}`);
  return runOnContext(sys, attr, program, { ctx, ...(onCpu ? { cpu } : {}) });
}

function runSyscall(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  needZero(attr, ['data_in', 'data_out', 'ctx_out', 'duration', 'repeat', 'flags', 'batch_size']);
  const size = attr.u32('ctx_size_in');
  if (size > MAX_SYSCALL_CONTEXT || size < contextUsed(program))
    fail(
      Errno.EINVAL,
      `the context has at least what the program reads, at most ${MAX_SYSCALL_CONTEXT} bytes`,
    );
  const ctx = sys.user.read(attr.word('ctx_in'), size);
  return runOnContext(sys, attr, program, { ctx }, attr.word('ctx_in'));
}

function runOnContext(
  sys: SyscallContext,
  attr: RunAttributes,
  program: LoadedProgram,
  options: TestRunOptions,
  writeBack = 0,
): number {
  const result = testRun(sys.machine, program, options);
  attr.put32('retval', result.retval);
  if (writeBack !== 0) sys.user.write(writeBack, result.ctx);
  return 0;
}

/** Bytes of its context that a program was seen to use (prog->aux->max_ctx_offset). */
function contextUsed({ facts }: LoadedProgram): number {
  return facts.uses?.contextBytes ?? 0;
}

function runTracing(sys: SyscallContext, attr: RunAttributes, program: LoadedProgram): number {
  needZero(attr, ['flags', 'cpu', 'batch_size']);
  attr.put32('retval', runTestFunctions(sys, program.expectedAttachType));
  return 0;
}
