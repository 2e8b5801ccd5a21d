/**
 * Running one program on data of one's own, as BPF_PROG_TEST_RUN (net/bpf/test_run.c): which data and contexts a program type takes, what the
 * kernel refuses, what comes back. Beyond the kernel, programs of any other type run on a context given as bytes.
 */
import { concatBytes, needBytes } from '../../base/bytes.ts';
import { Errno, SyscallError } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import { BpfProgType, contextBytes } from '../../spec/index.ts';
import { ETH_HLEN, LOOPBACK_IFINDEX, PAGE_BYTES } from '../../spec/uapi.ts';
import { allocateContext } from '../events/event-context.ts';
import type { Machine } from '../machine/machine.ts';
import type { RunResult } from '../machine/program-runner.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import { SkLookup } from '../sockets/sk-lookup.ts';
import { testRunSkLookup } from '../sockets/sk-lookup-test-run.ts';
import { writeAddresses } from '../sockets/socket-image.ts';
import { testRunSocket } from '../sockets/test-run-socket.ts';
import { dissect } from './flow-dissector.ts';
import {
  PacketBuffer,
  type PacketSinks,
  SHARED_INFO_BYTES,
  SKB_HEADROOM,
  SkBuff,
  XDP_HEADROOM,
  XdpMd,
} from './packet-buffer.ts';

/** What `program.testRun` runs on. */
export interface TestRunOptions {
  /** Packet types: the frame from its Ethernet header on; 64 zero bytes by default. */
  readonly data?: Uint8Array;
  /**
   * The context: bytes, or members of struct xdp_md, __sk_buff or bpf_sk_lookup by name. Other types: what r1 points to; by default zeros,
   * as many as programs of the type may read, 64 at least.
   */
  readonly ctx?: Uint8Array | Readonly<Record<string, number>>;
  /** How often the program runs on the same data; once by default. */
  readonly repeat?: number;
  readonly cpu?: number;
}

/** What a test run left behind. */
export interface TestRunResult extends RunResult {
  /** The packet after the (last) run. */
  readonly data?: Uint8Array;
  /** The context after the (last) run. */
  readonly ctx: Uint8Array;
}

/** How a packet type's programs see packets; `link`: from the Ethernet header on. */
export type PacketView = 'xdp' | 'link' | 'network';

const VIEWS: Readonly<Record<number, PacketView>> = {
  [BpfProgType.BPF_PROG_TYPE_XDP]: 'xdp',
  [BpfProgType.BPF_PROG_TYPE_SCHED_CLS]: 'link',
  [BpfProgType.BPF_PROG_TYPE_SCHED_ACT]: 'link',
  [BpfProgType.BPF_PROG_TYPE_SOCKET_FILTER]: 'network',
  [BpfProgType.BPF_PROG_TYPE_CGROUP_SKB]: 'network',
  [BpfProgType.BPF_PROG_TYPE_LWT_IN]: 'network',
  [BpfProgType.BPF_PROG_TYPE_LWT_OUT]: 'network',
  [BpfProgType.BPF_PROG_TYPE_LWT_XMIT]: 'network',
  [BpfProgType.BPF_PROG_TYPE_LWT_SEG6LOCAL]: 'network',
};

const DEFAULT_BYTES = 64;
/** XDP_PACKET_HEADROOM without struct xdp_frame. */
const MAX_META = 216;
/** MAX_SKB_FRAGS. */
const MAX_FRAGMENTS = 17;
const ETH_P_IP = 0x0008;
const ETH_P_IPV6 = 0xdd86;

/** How programs of a type see packets; undefined for types that take none. */
export function packetView(programType: number): PacketView | undefined {
  return VIEWS[programType];
}

/** True for the program types that run on a packet. */
export function takesPacket(programType: number): boolean {
  return VIEWS[programType] !== undefined;
}

/** Bytes that a frame in one buffer may have. */
export function frameLimits(view: PacketView): { readonly shortest: number; readonly longest: number } {
  const headroom = view === 'xdp' ? XDP_HEADROOM : SKB_HEADROOM;
  return { shortest: ETH_HLEN, longest: PAGE_BYTES - headroom - SHARED_INFO_BYTES };
}

/**
 * Whether the kernel would run a program on a frame.
 * @throws SyscallError EINVAL when it would not.
 */
export function checkFrame(program: LoadedProgram, view: PacketView, frame: Uint8Array): void {
  const { length } = frame;
  const { shortest: least, longest } = frameLimits(view);
  if (length < least) throw invalid(program, `a packet has at least ${least} bytes, not ${length}`);
  if (length > longest)
    throw invalid(
      program,
      `a packet${view === 'xdp' ? ' in one buffer' : ''} has at most ${longest} bytes, not ${length}`,
    );
  if (view === 'xdp') return;
  const shortest = shortestNetworkHeader(frame);
  if (length - ETH_HLEN < shortest)
    throw invalid(program, `the network header needs ${shortest} bytes behind the Ethernet header`);
}

/** @throws VmFault, SyscallError (EINVAL, E2BIG: what the kernel would answer), UsageError. */
export function testRun(machine: Machine, program: LoadedProgram, options: TestRunOptions): TestRunResult {
  const { repeat = 1, cpu = machine.current.cpu } = options;
  if (!Number.isInteger(repeat) || repeat < 0)
    throw new UsageError('bad-repeat', `repeat is a count, not ${repeat}`);
  if (options.data !== undefined) needBytes(options.data, 'a packet');
  const view = VIEWS[program.type];
  return machine.during({ cpu }, () => {
    if (program.type === BpfProgType.BPF_PROG_TYPE_SK_LOOKUP)
      return testRunSkLookup(machine, program, skLookupContext(program, options), Math.max(repeat, 1));
    if (program.type === BpfProgType.BPF_PROG_TYPE_FLOW_DISSECTOR)
      return runFlowDissector(machine, program, options, Math.max(repeat, 1));
    if (view === undefined) return runOnBytes(machine, program, options, Math.max(repeat, 1));
    if (view === 'xdp') return runXdp(machine, program, options, Math.max(repeat, 1));
    return runSkb(machine, program, options, view, Math.max(repeat, 1));
  });
}

/** The context of an SK_LOOKUP program, which takes no packet. */
function skLookupContext(program: LoadedProgram, { data, ctx }: TestRunOptions): Uint8Array {
  if (data !== undefined) throw invalid(program, 'SK_LOOKUP programs take a context and no packet');
  const context = contextIn(program, ctx, SkLookup.bytes, SkLookup);
  if (context === undefined)
    throw invalid(program, 'SK_LOOKUP programs need a context that says what is looked for (ctx, --ctx)');
  return new Uint8Array(context.buffer);
}

/** What comes back as data is the struct bpf_flow_keys. */
function runFlowDissector(
  machine: Machine,
  program: LoadedProgram,
  options: TestRunOptions,
  times: number,
): TestRunResult {
  const frame = options.data ?? new Uint8Array(DEFAULT_BYTES);
  if (options.ctx !== undefined) throw invalid(program, 'a flow dissector is given a packet only');
  const { keys, ...result } = dissect(machine, program, frame, 0, times);
  return { ...result, data: keys, ctx: new Uint8Array(0) };
}

/** What does not fit the first buffer, or lies behind the context's data_end, is in fragments, which programs here do not reach. */
function runXdp(
  machine: Machine,
  program: LoadedProgram,
  options: TestRunOptions,
  times: number,
): TestRunResult {
  const { packet, rest, arrival } = xdpPacket(machine, program, options);
  try {
    const result = machine.during({ packet }, () => runTimes(machine, program, packet.context, times));
    const ctx = xdpContextOut(packet);
    // The device is the kernel's business: user space gets its own numbers back.
    ctx.set(arrival, XdpMd.ingressIfindex);
    return { ...result, data: concatBytes([packet.frameWithMeta(), rest]), ctx };
  } finally {
    packet.free();
  }
}

function runTimes(machine: Machine, program: LoadedProgram, context: number, times: number): RunResult {
  return machine.runner.run(program, context, times);
}

function runOnBytes(
  machine: Machine,
  program: LoadedProgram,
  options: TestRunOptions,
  times: number,
): TestRunResult {
  if (options.data !== undefined)
    throw invalid(program, 'this program type takes no packet: give its context instead');
  if (options.ctx !== undefined && !(options.ctx instanceof Uint8Array)) {
    throw new UsageError('bad-context', 'the context of this program type is given as bytes', {
      program: program.name,
    });
  }
  const bytes = options.ctx ?? new Uint8Array(defaultContextBytes(program));
  const { memory } = machine;
  const context = allocateContext(memory, bytes, 'context');
  try {
    const result = runTimes(machine, program, context, times);
    return { ...result, ctx: memory.readBytes(context, bytes.length) };
  } finally {
    memory.free(context);
  }
}

/** All that programs of the type may read, and what this one does: a program that the verifier accepted must not fault on a context of zeros. */
function defaultContextBytes({ type, expectedAttachType, facts }: LoadedProgram): number {
  return Math.max(DEFAULT_BYTES, contextBytes(type, expectedAttachType), facts.uses?.contextBytes ?? 0);
}

/** An XDP packet for a test run. */
interface XdpRun {
  readonly packet: PacketBuffer;
  /** The bytes in fragments. */
  readonly rest: Uint8Array;
  /** The bytes of the context that say where it came from, as they were given. */
  readonly arrival: Uint8Array;
}

function xdpPacket(machine: Machine, program: LoadedProgram, options: TestRunOptions): XdpRun {
  const data = options.data ?? new Uint8Array(DEFAULT_BYTES);
  const context =
    contextIn(program, options.ctx, XdpMd.bytes, XdpMd) ?? new DataView(new ArrayBuffer(XdpMd.bytes));
  const get = (offset: number): number => context.getUint32(offset, true);
  const end = options.ctx === undefined ? data.length : get(XdpMd.dataEnd);
  const meta = get(XdpMd.data);
  if (get(XdpMd.dataMeta) !== 0 || end > data.length || meta > end) {
    throw invalid(program, 'the context must have data_meta 0 and data <= data_end <= the bytes of data');
  }
  if (meta % 4 !== 0 || meta > MAX_META)
    throw invalid(program, `metadata has at most ${MAX_META} bytes, a multiple of 4, not ${meta}`);
  if (get(XdpMd.egressIfindex) !== 0 || (get(XdpMd.ingressIfindex) === 0 && get(XdpMd.rxQueueIndex) !== 0)) {
    throw invalid(program, 'egress_ifindex must be 0, and rx_queue_index needs an ingress_ifindex');
  }
  if (data.length - meta < ETH_HLEN)
    throw invalid(program, `a packet has at least ${ETH_HLEN} bytes, not ${data.length - meta}`);
  const longest = PAGE_BYTES - XDP_HEADROOM - SHARED_INFO_BYTES + meta;
  const linear = Math.min(end, longest);
  if (data.length - linear > MAX_FRAGMENTS * PAGE_BYTES)
    throw new SyscallError(Errno.ENOMEM, `a packet has at most ${MAX_FRAGMENTS} pages of fragments`, {
      program: program.name,
    });
  const packet = new PacketBuffer(machine.memory, 'xdp', PAGE_BYTES, NOWHERE);
  packet.fillXdp(
    data.subarray(0, linear),
    { ifindex: get(XdpMd.ingressIfindex) || LOOPBACK_IFINDEX, queue: get(XdpMd.rxQueueIndex) },
    meta,
  );
  const arrival = new Uint8Array(context.buffer, XdpMd.ingressIfindex);
  return { packet, rest: data.subarray(linear), arrival };
}

/** What a caller may set in struct __sk_buff (convert___skb_to_skb): offset and size of each range. */
const SETTABLE: readonly (readonly [offset: number, size: number])[] = [
  [SkBuff.mark, 4],
  [SkBuff.priority, 4],
  [SkBuff.ingressIfindex, 4],
  [SkBuff.ifindex, 4],
  [SkBuff.cb, 20],
  [SkBuff.tstamp, 8],
  [SkBuff.wireLen, 4],
  [SkBuff.gsoSegs, 4],
  [SkBuff.gsoSize, 4],
  [SkBuff.hwtstamp, 8],
];

function runSkb(
  machine: Machine,
  program: LoadedProgram,
  options: TestRunOptions,
  view: PacketView,
  times: number,
): TestRunResult {
  const data = options.data ?? new Uint8Array(DEFAULT_BYTES);
  checkFrame(program, view, data);
  const context = contextIn(program, options.ctx, SkBuff.bytes, SkBuff);
  const packet = new PacketBuffer(machine.memory, 'skb', PAGE_BYTES, NOWHERE);
  const socket = testRunSocket(machine.objects.sockets, data);
  try {
    packet.socket = socket;
    packet.fillSkb(data, { ifindex: LOOPBACK_IFINDEX, queue: 0 }, view === 'link');
    writeAddresses(machine.memory, packet.context + SkBuff.family, socket);
    if (context !== undefined) applySkbContext(machine, program, packet, context);
    const result = machine.during({ packet }, () => runTimes(machine, program, packet.context, times));
    return { ...result, data: packetOut(packet, view), ctx: skbContextOut(packet) };
  } finally {
    packet.free();
    socket.discard();
  }
}

function shortestNetworkHeader(frame: Uint8Array): number {
  switch (frame[12]! | (frame[13]! << 8)) {
    case ETH_P_IP:
      return 20;
    case ETH_P_IPV6:
      return 40;
    default:
      return 0;
  }
}

function applySkbContext(
  machine: Machine,
  program: LoadedProgram,
  packet: PacketBuffer,
  context: DataView,
): void {
  const { memory } = machine;
  const given = new Uint8Array(context.buffer, context.byteOffset, context.byteLength);
  const settable = (i: number): boolean =>
    SETTABLE.some(([offset, size]) => i >= offset && i < offset + size);
  const wrong = given.findIndex((byte, i) => byte !== 0 && !settable(i));
  if (wrong >= 0) throw invalid(program, `byte ${wrong} of struct __sk_buff cannot be set for a test run`);
  const length = memory.u32[(packet.context + SkBuff.len) >>> 2]!;
  const wireLength = context.getUint32(SkBuff.wireLen, true);
  if (wireLength !== 0 && wireLength < length)
    throw invalid(program, `wire_len ${wireLength} is less than the packet's ${length} bytes`);
  for (const [offset, size] of SETTABLE) {
    const part = given.subarray(offset, offset + size);
    const keeps =
      [SkBuff.wireLen, SkBuff.ifindex].includes(offset as 160) && part.every((byte) => byte === 0);
    if (!keeps) memory.writeBytes(packet.context + offset, part);
  }
}

/** The context as given, padded with zeros to the size that the kernel knows. */
function contextIn(
  program: LoadedProgram,
  given: TestRunOptions['ctx'],
  size: number,
  members: Readonly<Record<string, number>>,
): DataView | undefined {
  if (given === undefined) return undefined;
  const view = new DataView(new ArrayBuffer(size));
  if (given instanceof Uint8Array) {
    if (given.subarray(size).some((byte) => byte !== 0)) {
      throw new SyscallError(
        Errno.E2BIG,
        `the context has ${size} bytes, and bytes behind them are not zero`,
        { program: program.name },
      );
    }
    new Uint8Array(view.buffer).set(given.subarray(0, size));
    return view;
  }
  for (const [name, value] of Object.entries(given)) {
    const offset = members[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    if (offset === undefined || name === 'bytes') {
      throw new UsageError('no-such-member', `the context has no member '${name}' that can be set`, {
        program: program.name,
      });
    }
    view.setUint32(offset, value, true);
  }
  return view;
}

/** The packet with its Ethernet header; the kernel gives zeros where the program did not see it. */
function packetOut(packet: PacketBuffer, view: PacketView): Uint8Array {
  const frame = packet.frame();
  if (view !== 'network') return frame;
  const out = new Uint8Array(ETH_HLEN + frame.length);
  out.set(frame, ETH_HLEN);
  return out;
}

/** The context with its data pointers as offsets, as the kernel copies it out. */
function xdpContextOut(packet: PacketBuffer): Uint8Array {
  const bytes = packet.contextBytes();
  const view = new DataView(bytes.buffer);
  const base = view.getUint32(XdpMd.dataMeta, true);
  for (const offset of [XdpMd.data, XdpMd.dataEnd, XdpMd.dataMeta])
    view.setUint32(offset, view.getUint32(offset, true) - base, true);
  return bytes;
}

/** What can be set comes back, all else is zero (convert_skb_to___skb). */
function skbContextOut(packet: PacketBuffer): Uint8Array {
  const bytes = packet.contextBytes();
  const out = new Uint8Array(bytes.length);
  for (const [offset, size] of SETTABLE) out.set(bytes.subarray(offset, offset + size), offset);
  return out;
}

/** Test runs only report a redirect's verdict; there is no device to send to. */
export const NOWHERE: PacketSinks = { redirect: () => undefined, cloneRedirect: () => 0 };

function invalid(program: LoadedProgram, message: string): SyscallError {
  return new SyscallError(Errno.EINVAL, message, { program: program.name });
}
