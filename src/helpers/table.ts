/**
 * The table of helpers that engines call through: each implementation paired with its row in the spec, from which its calling
 * convention and, for programs that were not verified, its checks are derived. A helper without implementation is absent.
 */
import { HELPERS, type HelperSpec } from '../spec/index.ts';
import type { HelperEntry, HelperTable } from '../vm/index.ts';
import { cgroupHelpers } from './cgroup.ts';
import { cgroupRunHelpers } from './cgroup-run.ts';
import { withChecks } from './checks.ts';
import { checksumHelpers } from './checksum.ts';
import { callingConvention } from './convention.ts';
import { dynptrHelpers } from './dynptr.ts';
import type { Family, FamilyMaker, HighHalf, Implementation } from './implementation.ts';
import { kptrHelpers } from './kptr.ts';
import { lockHelpers } from './lock.ts';
import { loopHelpers } from './loop.ts';
import { machineHelpers } from './machine.ts';
import { mapHelpers } from './maps.ts';
import { messageHelpers } from './message.ts';
import { legacyPacketLoad } from './packet-load.ts';
import { perfHelpers } from './perf.ts';
import { printHelpers } from './print.ts';
import { probeHelpers } from './probe.ts';
import { redirectHelpers } from './redirect.ts';
import { redirectMapHelpers } from './redirect-map.ts';
import { reshapeHelpers } from './reshape.ts';
import { ringbufHelpers } from './ringbuf.ts';
import type { HelperRuntime } from './runtime.ts';
import { seqHelpers } from './seq.ts';
import { skbHelpers } from './skb.ts';
import { sockOpsHelpers } from './sock-ops.ts';
import { socketHelpers } from './socket.ts';
import { socketChoiceHelpers } from './socket-choice.ts';
import { socketRedirectHelpers } from './socket-redirect.ts';
import { stackHelpers } from './stack.ts';
import { storageHelpers } from './storage.ts';
import { stringHelpers } from './strings.ts';
import { tailCallHelpers } from './tail-call.ts';
import { timeHelpers } from './time.ts';
import { timerHelpers } from './timer.ts';
import { tracingHelpers } from './tracing.ts';
import { userRingbufHelpers } from './user-ringbuf.ts';
import { xdpHelpers } from './xdp.ts';

/** Every family; the order does not matter, no two have a helper in common. */
const FAMILIES: readonly FamilyMaker[] = [
  cgroupHelpers,
  cgroupRunHelpers,
  checksumHelpers,
  dynptrHelpers,
  kptrHelpers,
  lockHelpers,
  loopHelpers,
  machineHelpers,
  mapHelpers,
  messageHelpers,
  perfHelpers,
  printHelpers,
  probeHelpers,
  redirectHelpers,
  redirectMapHelpers,
  reshapeHelpers,
  ringbufHelpers,
  seqHelpers,
  skbHelpers,
  sockOpsHelpers,
  socketHelpers,
  socketChoiceHelpers,
  socketRedirectHelpers,
  stackHelpers,
  storageHelpers,
  stringHelpers,
  tailCallHelpers,
  timeHelpers,
  timerHelpers,
  tracingHelpers,
  userRingbufHelpers,
  xdpHelpers,
];

/** What the helpers' implementations are made for. */
export interface HelperOptions {
  /**
   * Check every call's arguments against memory and maps, and fault where the verifier would have rejected the program. On by
   * default; engines that run verified programs only turn it off.
   */
  readonly checked?: boolean;
}

/** The helpers of a kernel. */
export function createHelpers(runtime: HelperRuntime, options: HelperOptions = {}): HelperTable {
  const entries: (HelperEntry | undefined)[] = new Array<undefined>(HELPERS.length + 1).fill(undefined);
  const table: HelperTable = { entries, high: 0, loadPacket: legacyPacketLoad(runtime) };
  const implementations = implementAll(runtime, table);
  for (const spec of HELPERS) {
    const implementation = implementations[spec.name];
    if (implementation === undefined) continue;
    entries[spec.id] = entryFor(spec, implementation, options.checked === false ? undefined : runtime);
  }
  return table;
}

function implementAll(runtime: HelperRuntime, result: HighHalf): Family {
  return Object.assign({}, ...FAMILIES.map((make) => make(runtime, result))) as Family;
}

/** `runtime` is given when calls are to be checked. */
function entryFor(
  spec: HelperSpec,
  implementation: Implementation,
  runtime: HelperRuntime | undefined,
): HelperEntry {
  const { args, returns } = callingConvention(spec);
  const base = { id: spec.id, name: spec.name, args, returns };
  if (implementation.kind !== 'plain' || runtime === undefined) return { ...base, ...implementation };
  const { call, inline } = implementation;
  return {
    ...base,
    ...(inline === undefined ? {} : { inline }),
    kind: 'plain',
    call: withChecks(spec, args, runtime, call),
    unchecked: call,
  };
}
