/**
 * What an iterator of each kind walks over, and what it is attached to (bpf_iter_reg_target and attach_target of each kind in kernel/bpf/).
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { BpfError } from '../../base/errors.ts';
import { alignUp } from '../../base/int64.ts';
import { BpfMapType, ITERATOR_TARGETS } from '../../spec/index.ts';
import type { HookTable, LinkDetails } from '../attach/hooks.ts';
import type { Machine } from '../machine/machine.ts';
import type { LiveMap } from '../objects/live-map.ts';
import { attachName, type LoadedProgram } from '../objects/loaded-program.ts';
import { elementWalk, hasElementWalk } from './map-elements.ts';
import type { SessionSource } from './ports.ts';
import { IteratorSession } from './session.ts';
import { storageWalk, tcpWalk, udpWalk } from './sockets.ts';
import { type TaskChoice, taskWalk } from './tasks.ts';
import { NumberedWalk, type Walk } from './walk.ts';

/** What union bpf_iter_link_info says, read for the kind of iterator at hand. */
export interface IteratorChoice {
  readonly map?: LiveMap;
  readonly tasks?: TaskChoice;
}

/** Kinds that walk over a map. */
export const MAP_KINDS: readonly string[] = ['bpf_map_elem', 'bpf_sk_storage_map'];

/** Prefix of the functions that iterator programs attach to. */
const PREFIX = /^bpf_iter_/;

/** The kind of iterator that a program is for, such as `bpf_map_elem`. @throws SyscallError ENOENT. */
export function iteratorKind(program: LoadedProgram): string {
  const name = attachName(program).replace(PREFIX, '');
  if (Object.hasOwn(ITERATOR_TARGETS, name)) return name;
  throw new SyscallError(Errno.ENOENT, `there is no iterator '${name}'`);
}

/** What an iterator's link is attached to; it holds the map, if there is one, until `release`. */
export class IteratorTarget implements SessionSource {
  readonly kind: string;
  private readonly machine: Machine;
  private readonly hooks: HookTable;
  private readonly choice: IteratorChoice;

  /** @throws SyscallError EACCES when the program uses more of key or value than the map has, EINVAL for maps without a walk. */
  constructor(machine: Machine, hooks: HookTable, program: LoadedProgram, choice: IteratorChoice) {
    this.kind = iteratorKind(program);
    this.machine = machine;
    this.hooks = hooks;
    this.choice = choice;
    if (!MAP_KINDS.includes(this.kind)) return;
    if (choice.map === undefined) throw new SyscallError(Errno.EBADF, 'the iterator needs a map');
    if (this.kind === 'bpf_map_elem') checkMap(choice.map, program, machine.cpuCount);
    else checkStorage(choice.map, program);
    choice.map.holdUser();
  }

  /** What struct bpf_link_info tells of it. */
  describe(): LinkDetails {
    const { map, tasks } = this.choice;
    return {
      target_name: this.kind,
      ...(map === undefined ? {} : { map_id: map.id }),
      ...(tasks?.kind === 'thread' ? { tid: tasks.id } : {}),
      ...(tasks?.kind === 'process' ? { pid: tasks.id } : {}),
    };
  }

  release(): void {
    this.choice.map?.releaseUser();
  }

  /**
   * Opens a session, which holds the program.
   * @throws SyscallError ENOMEM; EOPNOTSUPP for objects that are not simulated.
   */
  open(program: LoadedProgram): IteratorSession {
    let walk: Walk<unknown>;
    try {
      walk = this.walk();
    } catch (error) {
      if (!(error instanceof BpfError) || error.code !== 'out-of-memory') throw error;
      throw new SyscallError(Errno.ENOMEM, error.message);
    }
    return new IteratorSession(this.machine, program, walk, this.machine.nextIteratorSession());
  }

  private walk(): Walk<unknown> {
    const { machine, hooks } = this;
    switch (this.kind) {
      case 'bpf_map':
        return numbered(machine.liveMaps, ({ map }) => map.address);
      case 'bpf_prog':
        return numbered(machine.programs, (program) => machine.images.ofProgram(program));
      case 'bpf_link':
        return numbered(hooks.ids, (link) => machine.images.ofLink(link));
      case 'bpf_map_elem':
        return elementWalk(machine.memory, this.choice.map!);
      case 'bpf_sk_storage_map':
        return storageWalk(machine, this.choice.map!);
      case 'tcp':
        return tcpWalk(machine);
      case 'udp':
        return udpWalk(machine);
      case 'task':
        return taskWalk(machine.tasks, this.choice.tasks ?? { kind: 'all' });
      default:
        throw new SyscallError(Errno.EOPNOTSUPP, `what iterators of '${this.kind}' show is not simulated`);
    }
  }
}

/** Objects by their ids. */
function numbered<T>(
  table: { get(id: number): T | undefined; after(id: number): number | undefined },
  address: (object: T) => number,
): Walk<T> {
  return new NumberedWalk(
    (from) => {
      const number = table.after(from - 1);
      const object = number === undefined ? undefined : table.get(number);
      return number === undefined || object === undefined ? undefined : { number, object };
    },
    (object) => [object === undefined ? 0 : address(object)],
  );
}

/** bpf_iter_attach_map in net/core/bpf_sk_storage.c. */
function checkStorage({ map }: LiveMap, program: LoadedProgram): void {
  if (map.attr.type !== BpfMapType.BPF_MAP_TYPE_SK_STORAGE)
    throw new SyscallError(Errno.EINVAL, 'the map holds no values of sockets', { map: map.attr.name });
  if ((program.facts.uses?.bufferBytes.rdwr ?? 0) > map.attr.valueSize)
    throw new SyscallError(Errno.EACCES, 'the program uses more of a value than the map has', {
      map: map.attr.name,
    });
}

/** bpf_iter_attach_map in kernel/bpf/map_iter.c. */
function checkMap({ map }: LiveMap, program: LoadedProgram, cpus: number): void {
  const { type, keySize, valueSize } = map.attr;
  if (!hasElementWalk(type))
    throw new SyscallError(Errno.EINVAL, 'maps of this type are not walked by iterators', {
      map: map.attr.name,
    });
  const perCpu = map.userValueSize !== valueSize;
  const room = perCpu ? alignUp(valueSize, 8) * cpus : valueSize;
  const used = program.facts.uses?.bufferBytes;
  if (used !== undefined && (used.rdonly > keySize || used.rdwr > room))
    throw new SyscallError(Errno.EACCES, 'the program uses more of a key or value than the map has', {
      map: map.attr.name,
    });
}
