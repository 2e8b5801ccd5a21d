/**
 * Programs of a SOCKMAP or SOCKHASH, attached directly or by links (sock_map_prog_update and struct sockmap_link in net/core/sock_map.c). Sockets
 * take what is there when they are put in; later changes do not reach them.
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import type { SocketProgramPlace, SocketPrograms } from '../../maps/index.ts';
import { BpfAttachType as A, BpfLinkType, BpfMapType, BpfProgType as P } from '../../spec/index.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { HookTable, KernelLink, LinkRules } from './hooks.ts';

/** Program types that attach to socket maps. */
export const SOCKET_MAP_TYPES: readonly number[] = [P.BPF_PROG_TYPE_SK_SKB, P.BPF_PROG_TYPE_SK_MSG];

const PLACES: Readonly<Record<number, SocketProgramPlace>> = {
  [A.BPF_SK_MSG_VERDICT]: 'message',
  [A.BPF_SK_SKB_STREAM_PARSER]: 'parser',
  [A.BPF_SK_SKB_STREAM_VERDICT]: 'streamVerdict',
  [A.BPF_SK_SKB_VERDICT]: 'verdict',
};

/** The two places of which a map has one at most. */
const RIVALS: Partial<Record<SocketProgramPlace, SocketProgramPlace>> = {
  streamVerdict: 'verdict',
  verdict: 'streamVerdict',
};

interface Place {
  readonly programs: SocketPrograms;
  readonly name: SocketProgramPlace;
}

/** The place of an attach type in a map: EOPNOTSUPP for maps and types that have none, EBUSY when its rival is taken. */
function placeOf({ map }: LiveMap, attachType: number): Place | number {
  const programs = map.socketPrograms;
  const name = PLACES[attachType];
  if (programs === undefined || name === undefined) return -Errno.EOPNOTSUPP;
  const rival = RIVALS[name];
  return rival !== undefined && programs.at(rival) !== undefined ? -Errno.EBUSY : { programs, name };
}

function needPlace(map: LiveMap, attachType: number): Place {
  const place = placeOf(map, attachType);
  if (typeof place !== 'number') return place;
  const what = `map '${map.map.attr.name}' takes no program of attach type ${attachType}`;
  throw new SyscallError(-place, what);
}

/** The same, of which no link holds the place. */
function needFreePlace(hooks: HookTable, map: LiveMap, attachType: number): Place {
  const place = needPlace(map, attachType);
  if (hooks.at(hookOf(map, attachType)).length > 0)
    throw new SyscallError(Errno.EBUSY, 'a link holds the place of the program');
  return place;
}

/** The hook that stands for a place that a link holds. */
function hookOf(map: LiveMap, attachType: number): string {
  return `sockmap/${map.id}:${attachType}`;
}

/** BPF_PROG_ATTACH: puts a program in its place; one that is there gives way. @throws SyscallError EOPNOTSUPP, EBUSY. */
export function attachToSocketMap(
  hooks: HookTable,
  map: LiveMap,
  program: LoadedProgram,
  attachType: number,
): void {
  const { programs, name } = needFreePlace(hooks, map, attachType);
  programs.set(name, program);
}

/** BPF_PROG_DETACH. @throws SyscallError ENOENT when the program is not there, EOPNOTSUPP, EBUSY. */
export function detachFromSocketMap(
  hooks: HookTable,
  map: LiveMap,
  program: LoadedProgram,
  attachType: number,
): void {
  const { programs, name } = needFreePlace(hooks, map, attachType);
  if (programs.at(name) !== program)
    throw new SyscallError(Errno.ENOENT, `program '${program.name}' is not attached to the map`);
  programs.set(name, undefined);
}

/** BPF_PROG_QUERY: the program in a place. @throws SyscallError EOPNOTSUPP, EBUSY. */
export function programOfSocketMap(map: LiveMap, attachType: number): number | undefined {
  const { programs, name } = needPlace(map, attachType);
  return programs.at(name)?.id;
}

/** BPF_LINK_CREATE: as attaching, but the place is the link's until it goes. @throws SyscallError EINVAL for other maps, EBUSY. */
export function socketMapLink(
  hooks: HookTable,
  map: LiveMap,
  program: LoadedProgram,
  attachType: number,
): KernelLink {
  const { type } = map.map.attr;
  if (type !== BpfMapType.BPF_MAP_TYPE_SOCKMAP && type !== BpfMapType.BPF_MAP_TYPE_SOCKHASH)
    throw new SyscallError(Errno.EINVAL, `map '${map.map.attr.name}' is no SOCKMAP or SOCKHASH`);
  const { programs, name } = needFreePlace(hooks, map, attachType);
  const hook = hookOf(map, attachType);
  const rules: LinkRules = {
    detachable: true,
    checkUpdate: (next, held, old) => {
      if (old !== undefined && old !== held.program) return -Errno.EPERM;
      if (next.type !== held.program.type || next.expectedAttachType !== held.program.expectedAttachType)
        return -Errno.EINVAL;
      if (!held.isAttached) return -Errno.ENOLINK;
      const place = placeOf(map, attachType);
      return typeof place === 'number' ? place : 0;
    },
    onUpdate: () => {
      programs.set(name, link.program);
    },
    onTakeOff: () => {
      programs.set(name, undefined);
      map.releaseUser();
    },
  };
  map.holdUser();
  programs.set(name, program);
  const link: KernelLink = hooks.link(
    BpfLinkType.BPF_LINK_TYPE_SOCKMAP,
    hooks.place(hook, program),
    rules,
    () => ({ map_id: link.isAttached ? map.id : 0, attach_type: attachType }),
  );
  return link;
}
