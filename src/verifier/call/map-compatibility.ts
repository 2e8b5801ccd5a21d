/** Whether a helper fits the map that it is given. Source: check_map_func_compatibility, may_update_sockmap in kernel/bpf/verifier.c. */
import {
  BpfAttachType as A,
  HELPERS_OF_MAP,
  helperName,
  BpfMapType as M,
  MAPS_OF_HELPER,
  BpfProgType as P,
} from '../../spec/index.ts';
import type { Env } from '../env.ts';
import { EINVAL } from '../errors.ts';
import type { UsedMap } from '../found.ts';
import { MAP_DELETE, MAP_UPDATE } from './helper-kinds.ts';

/** Program types in whose context sockets in maps can be replaced. */
const UPDATES_SOCKMAP: readonly number[] = [
  P.BPF_PROG_TYPE_SOCKET_FILTER,
  P.BPF_PROG_TYPE_SCHED_CLS,
  P.BPF_PROG_TYPE_SCHED_ACT,
  P.BPF_PROG_TYPE_XDP,
  P.BPF_PROG_TYPE_SK_REUSEPORT,
  P.BPF_PROG_TYPE_FLOW_DISSECTOR,
  P.BPF_PROG_TYPE_SK_LOOKUP,
];

/** Refuses a pair that does not fit. */
export function checkMapHelper(env: Env, map: UsedMap, helper: number): void {
  const name = helperName(helper) ?? '';
  const { type } = map.info;
  const helpers = HELPERS_OF_MAP[type];
  const maps = Object.hasOwn(MAPS_OF_HELPER, name) ? MAPS_OF_HELPER[name] : undefined;
  const mapAllows = helpers === undefined || helpers.includes(name) || mayUpdateSockmap(env, type, helper);
  if (mapAllows && (maps === undefined || maps.includes(type))) return;
  env.reject('map-not-for-helper', EINVAL, `cannot pass map_type ${type} into func ${name}#${helper}`);
}

function mayUpdateSockmap(env: Env, mapType: number, helper: number): boolean {
  if (mapType !== M.BPF_MAP_TYPE_SOCKMAP && mapType !== M.BPF_MAP_TYPE_SOCKHASH) return false;
  if (helper !== MAP_UPDATE && helper !== MAP_DELETE) return false;
  const { type, attachType } = env.input;
  if (UPDATES_SOCKMAP.includes(type)) return true;
  if (type === P.BPF_PROG_TYPE_TRACING && attachType === A.BPF_TRACE_ITER) return true;
  if (type === P.BPF_PROG_TYPE_SOCK_OPS && helper === MAP_DELETE) return true;
  env.print('cannot update sockmap in this context\n');
  return false;
}
