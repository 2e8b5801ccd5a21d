/** What file descriptors and paths stand for: objects of the kernel, and what of them a file holds. */
import {
  type Held,
  PerfEventArrayMap,
  type PerfEventRef,
  type SocketRef,
  type StorageOwner,
} from '../../maps/index.ts';
import type { KernelLink } from '../attach/hooks.ts';
import type { ReadableSession } from '../iterators/ports.ts';
import type { LiveBtf } from './live-btf.ts';
import type { LiveMap } from './live-map.ts';
import type { LoadedProgram } from './loaded-program.ts';

/** What may be done through a descriptor of a map, as it was opened. */
export interface FileAccess {
  readonly read: boolean;
  readonly write: boolean;
}

/** Of maps that were opened without flags. */
const READ_WRITE: FileAccess = { read: true, write: true };

/** What a number stands for. `held` is what opening holds and closing releases. */
export type KernelFile =
  | { readonly kind: 'map'; readonly map: LiveMap; readonly access: FileAccess; readonly held: Held }
  | { readonly kind: 'program'; readonly program: LoadedProgram; readonly held: Held }
  | { readonly kind: 'btf'; readonly btf: LiveBtf; readonly held: Held }
  | { readonly kind: 'link'; readonly link: KernelLink; readonly held: Held }
  | { readonly kind: 'perf-event'; readonly event: PerfEventRef; readonly held: Held }
  | { readonly kind: 'path'; readonly node: PathNode; readonly held: Held }
  | { readonly kind: 'iterator'; readonly session: ReadableSession; readonly held: Held }
  | { readonly kind: 'socket'; readonly socket: SocketRef; readonly held: Held }
  | { readonly kind: 'pidfd'; readonly task: StorageOwner; readonly held: Held }
  | { readonly kind: 'stats'; readonly held: Held }
  /** Standard input, output and errors: nothing that bpf(2) knows. */
  | { readonly kind: 'stream'; readonly held: Held };

/** A map as a descriptor holds it: user space counts, too (bpf_map_inc_with_uref). */
export function mapFile(map: LiveMap, access: FileAccess = READ_WRITE): KernelFile {
  const held: Held = {
    hold: () => {
      map.holdUser();
    },
    release: () => {
      if (map.map instanceof PerfEventArrayMap) map.map.fileClosed(held);
      map.releaseUser();
    },
  };
  return { kind: 'map', map, access, held };
}

/** A program as a descriptor holds it. */
export function programFile(program: LoadedProgram): KernelFile {
  return { kind: 'program', program, held: program };
}

/** A perf event as a descriptor holds it. */
export function perfEventFile(event: PerfEventRef): KernelFile {
  return { kind: 'perf-event', event, held: event };
}

/** Something that can be pinned. */
export type Pinnable = Extract<KernelFile, { kind: 'map' | 'program' | 'link' }>;

/** What is at a path. */
export interface PathNode {
  readonly kind: 'bpffs' | 'cgroup' | 'directory' | 'file' | 'netns' | 'pin';
  readonly name: string;
  readonly parent: PathNode | undefined;
  /** By name; undefined for what is no directory. */
  readonly children?: Map<string, PathNode>;
  /** What is pinned here. */
  readonly pin?: Pinnable;
}
