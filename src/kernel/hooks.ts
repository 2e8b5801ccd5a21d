/**
 * The places where programs hang, by key: `tracepoint:syscalls/sys_enter_getuid`, `raw_tracepoint:sys_enter`,
 * `kprobe:do_unlinkat`, `xdp:eth0`. A key needs no registration: a hook exists when something is attached to it.
 */
import { Errno, SyscallError } from '../base/errno.ts';
import type { LoadedProgram } from './loaded-program.ts';

/** A program at a hook, until it is detached; the kernel's bpf_link. */
export interface Link {
  readonly hook: string;
  readonly program: LoadedProgram;
  /** What bpf_get_attach_cookie gives to the program. */
  readonly cookie: bigint;
  /** Takes the program off its hook; a second call does nothing. */
  detach(): void;
}

/** Hooks that hold one program at a time. */
const EXCLUSIVE = new Set(['xdp']);

export class HookTable {
  private readonly links = new Map<string, Link[]>();

  /**
   * Attaches a program to a hook, behind those that are there; the link holds the program.
   * @throws SyscallError EBUSY where a hook has room for one program only.
   */
  attach(hook: string, program: LoadedProgram, cookie = 0n): Link {
    const there = this.links.get(hook) ?? [];
    const kind = hook.slice(0, hook.indexOf(':'));
    if (there.length > 0 && EXCLUSIVE.has(kind)) {
      const holder = there[0]?.program.name ?? '';
      throw new SyscallError(Errno.EBUSY, `${hook} is taken by program '${holder}'; detach that first`, {
        program: program.name,
      });
    }
    const link: Link = {
      hook,
      program,
      cookie,
      detach: () => {
        this.remove(link);
      },
    };
    program.hold();
    this.links.set(hook, [...there, link]);
    return link;
  }

  /** The programs at a hook in the order in which they run. */
  at(hook: string): readonly Link[] {
    return this.links.get(hook) ?? [];
  }

  /** All hooks that hold a program. */
  keys(): string[] {
    return [...this.links.keys()];
  }

  /** Takes these programs off all hooks. */
  detachAll(programs: readonly (LoadedProgram | undefined)[]): void {
    for (const link of [...this.links.values()].flat()) if (programs.includes(link.program)) link.detach();
  }

  private remove(link: Link): void {
    const there = this.links.get(link.hook) ?? [];
    if (!there.includes(link)) return;
    link.program.release();
    const left = there.filter((other) => other !== link);
    if (left.length > 0) this.links.set(link.hook, left);
    else this.links.delete(link.hook);
  }
}
