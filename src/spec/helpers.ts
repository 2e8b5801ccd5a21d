/**
 * The helper functions of Linux 6.12: which there are, how their arguments and results are typed, since when. One row a
 * helper in the four tables of helper-rows-*.ts; who may call which is a matter of program types and lies there.
 * Sources: the bpf_func_proto objects and *_func_proto functions of kernel/ and net/, enum bpf_func_id of uapi/linux/bpf.h.
 */
import { CORE_HELPERS } from './helper-rows-core.ts';
import { PACKET_HELPERS } from './helper-rows-packet.ts';
import { SOCKET_HELPERS } from './helper-rows-socket.ts';
import { TRACING_HELPERS } from './helper-rows-tracing.ts';
import type { HelperProto, HelperSpec, HelperUser, UserCondition } from './helper-types.ts';

/** All helpers in the order of their ids, which run from 1 without a gap. */
export const HELPERS: readonly HelperSpec[] = [
  ...CORE_HELPERS,
  ...TRACING_HELPERS,
  ...PACKET_HELPERS,
  ...SOCKET_HELPERS,
].sort((a, b) => a.id - b.id);

/** The first kernel with each helper: ids were given out in time order, so a version holds from its id to the next. */
const SINCE: readonly (readonly [firstId: number, version: string])[] = [
  [1, '3.19'],
  [4, '4.1'],
  [12, '4.2'],
  [17, '4.3'],
  [23, '4.4'],
  [26, '4.5'],
  [27, '4.6'],
  [31, '4.8'],
  [37, '4.9'],
  [42, '4.10'],
  [45, '4.11'],
  [46, '4.12'],
  [48, '4.13'],
  [51, '4.14'],
  [54, '4.15'],
  [58, '4.16'],
  [60, '4.17'],
  [65, '4.18'],
  [81, '4.19'],
  [84, '4.20'],
  [91, '5.0'],
  [93, '5.1'],
  [99, '5.2'],
  [109, '5.3'],
  [110, '5.4'],
  [111, '5.5'],
  [116, '5.6'],
  [119, '5.7'],
  [125, '5.8'],
  [136, '5.9'],
  [142, '5.10'],
  [156, '5.11'],
  [163, '5.12'],
  [164, '5.13'],
  [166, '5.14'],
  [169, '5.15'],
  [176, '5.16'],
  [180, '5.17'],
  [186, '5.18'],
  [194, '5.19'],
  [204, '6.0'],
  [208, '6.1'],
  [210, '6.2'],
];

const byName = new Map(HELPERS.map((spec) => [spec.name, spec]));

/** The helper with this id, or undefined. */
export function helperById(id: number): HelperSpec | undefined {
  return HELPERS[id - 1];
}

/** The helper with this name, with or without `bpf_`. */
export function helperByName(name: string): HelperSpec | undefined {
  return byName.get(name) ?? byName.get(`bpf_${name}`);
}

/** `bpf_map_lookup_elem` for 1; undefined for an id that no helper has. */
export function helperName(id: number): string | undefined {
  return helperById(id)?.name;
}

/** The first kernel version with this helper, as `5.8`; undefined for an id that no helper has. */
export function helperSince(id: number): string | undefined {
  if (helperById(id) === undefined) return undefined;
  return SINCE.findLast(([firstId]) => firstId <= id)?.[1];
}

/** The prototype that counts when this program calls; it does not say whether it may. */
export function helperProto(spec: HelperSpec, user: HelperUser): HelperProto {
  return spec.variants.find(({ when }) => fits(when, user))?.proto ?? spec.proto;
}

function fits(when: UserCondition, user: HelperUser): boolean {
  return (
    (when.types?.includes(user.type) ?? true) &&
    (when.attachTypes?.includes(user.attachType) ?? true) &&
    (when.sleepable ?? user.sleepable) === user.sleepable
  );
}
