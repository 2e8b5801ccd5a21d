/** Which function carries out which command of bpf(2). */
import type { BpfCommand } from '../../spec/index.ts';
import { programAttach, programDetach, programQuery } from './attach.ts';
import type { Attributes } from './attributes.ts';
import { btfLoad } from './btf-load.ts';
import type { SyscallContext } from './context.ts';
import { btfById, linkById, mapById, nextId, programById } from './ids.ts';
import { objectInfo } from './info.ts';
import { iterCreate } from './iterators.ts';
import { linkCreate, linkDetach, linkUpdate, rawTracepointOpen } from './links.ts';
import { mapDeleteBatch, mapLookupBatch, mapTakeBatch, mapUpdateBatch } from './map-batch.ts';
import { mapCreate, mapFreeze } from './map-create.ts';
import { mapDelete, mapLookup, mapNextKey, mapTake, mapUpdate } from './map-elements.ts';
import { objectGet, objectPin } from './pins.ts';
import { programLoad } from './program-load.ts';
import { enableStats, programBindMap, tokenCreate } from './small-commands.ts';
import { taskFdQuery } from './task-fd-query.ts';
import { programTestRun } from './test-run.ts';

/** Carries out a command. @returns what the system call returns. @throws SyscallError with the errno. */
type Handler<C extends BpfCommand> = (sys: SyscallContext, attr: Attributes<C>) => number;

/** What carries out each command. */
export const COMMANDS: { readonly [C in BpfCommand]: Handler<C> } = {
  BPF_MAP_CREATE: mapCreate,
  BPF_MAP_LOOKUP_ELEM: mapLookup,
  BPF_MAP_UPDATE_ELEM: mapUpdate,
  BPF_MAP_DELETE_ELEM: mapDelete,
  BPF_MAP_GET_NEXT_KEY: mapNextKey,
  BPF_PROG_LOAD: programLoad,
  BPF_OBJ_PIN: objectPin,
  BPF_OBJ_GET: objectGet,
  BPF_PROG_ATTACH: programAttach,
  BPF_PROG_DETACH: programDetach,
  BPF_PROG_TEST_RUN: programTestRun,
  BPF_PROG_GET_NEXT_ID: nextId((sys) => sys.machine.programs),
  BPF_MAP_GET_NEXT_ID: nextId((sys) => sys.machine.liveMaps),
  BPF_PROG_GET_FD_BY_ID: programById,
  BPF_MAP_GET_FD_BY_ID: mapById,
  BPF_OBJ_GET_INFO_BY_FD: objectInfo,
  BPF_PROG_QUERY: programQuery,
  BPF_RAW_TRACEPOINT_OPEN: rawTracepointOpen,
  BPF_BTF_LOAD: btfLoad,
  BPF_BTF_GET_FD_BY_ID: btfById,
  BPF_TASK_FD_QUERY: taskFdQuery,
  BPF_MAP_LOOKUP_AND_DELETE_ELEM: mapTake,
  BPF_MAP_FREEZE: mapFreeze,
  BPF_BTF_GET_NEXT_ID: nextId((sys) => sys.machine.btfs),
  BPF_MAP_LOOKUP_BATCH: mapLookupBatch,
  BPF_MAP_LOOKUP_AND_DELETE_BATCH: mapTakeBatch,
  BPF_MAP_UPDATE_BATCH: mapUpdateBatch,
  BPF_MAP_DELETE_BATCH: mapDeleteBatch,
  BPF_LINK_CREATE: linkCreate,
  BPF_LINK_UPDATE: linkUpdate,
  BPF_LINK_GET_FD_BY_ID: linkById,
  BPF_LINK_GET_NEXT_ID: nextId((sys) => sys.hooks.ids),
  BPF_ENABLE_STATS: enableStats,
  BPF_ITER_CREATE: iterCreate,
  BPF_LINK_DETACH: linkDetach,
  BPF_PROG_BIND_MAP: programBindMap,
  BPF_TOKEN_CREATE: tokenCreate,
};
