/**
 * The places where programs hang, by key: `tracepoint:syscalls/sys_enter_getuid`, `raw_tracepoint:sys_enter`,
 * `kprobe:do_unlinkat`, `xdp:eth0`. A key needs no registration: a hook exists when something is attached to it. Programs hang there by
 * links (struct bpf_link), which are counted and have ids, or without.
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import type { Held } from '../../maps/index.ts';
import { BpfLinkType } from '../../spec/index.ts';
import type { SessionSource } from '../iterators/ports.ts';
import { IdTable } from '../objects/ids.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';

/** A program at a hook, until it is detached. */
export interface Link {
  readonly hook: string;
  readonly program: LoadedProgram;
  /** What bpf_get_attach_cookie gives to the program. */
  readonly cookie: bigint;
  /** Takes the program off its hook; a second call does nothing. */
  detach(): void;
}

/** A program's place in the row of those at a hook. The place holds the program. */
export class Attachment {
  readonly hook: string;
  readonly cookie: bigint;
  /** BPF_F_* flags that belong to the place, for queries. */
  readonly flags: number;
  /** The link that it is there by. */
  link: KernelLink | undefined;
  private current: LoadedProgram;

  constructor(hook: string, program: LoadedProgram, cookie: bigint, flags: number) {
    this.hook = hook;
    this.current = program;
    this.cookie = cookie;
    this.flags = flags;
    program.hold();
  }

  get program(): LoadedProgram {
    return this.current;
  }

  /** Puts another program in the same place. */
  replace(program: LoadedProgram): void {
    const old = this.current;
    program.hold();
    this.current = program;
    old.release();
  }
}

/** What BPF_OBJ_GET_INFO_BY_FD tells of a link beyond its type: numbers and names in the members of struct bpf_link_info. */
export interface LinkDetails {
  readonly [member: string]: number | bigint | string;
}

/** What kinds of links differ in. */
export interface LinkRules {
  /** BPF_LINK_DETACH works on it. */
  readonly detachable: boolean;
  /**
   * BPF_LINK_UPDATE: 0 or a negative errno for a new program, where the caller may have said what the old one is; undefined where the
   * kind cannot be updated (EINVAL).
   */
  readonly checkUpdate?: (program: LoadedProgram, link: KernelLink, old: LoadedProgram | undefined) => number;
  /** Links of iterators: what they walk over. */
  readonly iterator?: SessionSource;
  /** Told when the last reference went. */
  readonly onRelease?: () => void;
  /** Told after it was taken off its hook. */
  readonly onTakeOff?: () => void;
  /** Told after an update, and whether it brought another program. */
  readonly onUpdate?: (changed: boolean) => void;
}

/** A link (struct bpf_link): holds its program; the last reference takes it off its hook. */
export class KernelLink implements Link, Held {
  readonly id: number;
  /** BPF_LINK_TYPE_* number. */
  readonly type: number;
  readonly rules: LinkRules;
  private readonly table: HookTable;
  private readonly details: () => LinkDetails;
  private attachment: Attachment | undefined;
  private readonly place: { readonly hook: string; readonly cookie: bigint };
  private current: LoadedProgram;
  private references = 0;
  /** The library's own reference, which `detach` gives up. */
  private ofLibrary = false;

  /** Made by HookTable. Nobody holds it yet; it holds its program. */
  constructor(
    id: number,
    type: number,
    table: HookTable,
    attachment: Attachment,
    rules: LinkRules,
    details: () => LinkDetails,
  ) {
    this.id = id;
    this.type = type;
    this.table = table;
    this.attachment = attachment;
    this.place = attachment;
    this.rules = rules;
    this.details = details;
    this.current = attachment.program;
    this.current.hold();
    attachment.link = this;
  }

  get hook(): string {
    return this.place.hook;
  }

  get cookie(): bigint {
    return this.place.cookie;
  }

  get program(): LoadedProgram {
    return this.current;
  }

  /** False once it was taken off its hook. */
  get isAttached(): boolean {
    return this.attachment !== undefined;
  }

  /** What struct bpf_link_info says of this kind of link. */
  describe(): LinkDetails {
    return this.details();
  }

  hold(): void {
    this.references++;
  }

  release(): void {
    this.references--;
    if (this.references > 0) return;
    this.takeOff();
    this.table.ids.remove(this.id);
    this.rules.onRelease?.();
    this.current.release();
  }

  /** Takes it off its hook; it stays as long as somebody holds it (BPF_LINK_DETACH). */
  takeOff(): void {
    if (this.attachment === undefined) return;
    this.table.remove(this.attachment);
    this.attachment = undefined;
    this.rules.onTakeOff?.();
  }

  detach(): void {
    this.takeOff();
    if (!this.ofLibrary) return;
    this.ofLibrary = false;
    this.release();
  }

  /** Exchanges its program. */
  update(program: LoadedProgram): void {
    const old = this.current;
    this.attachment?.replace(program);
    program.hold();
    this.current = program;
    old.release();
    this.rules.onUpdate?.(program !== old);
  }

  /** The library's link: it holds itself until `detach`. */
  own(): this {
    this.ofLibrary = true;
    this.hold();
    return this;
  }

  get isLibrarys(): boolean {
    return this.ofLibrary;
  }
}

/** Hooks that hold one program at a time. */
const EXCLUSIVE = new Set(['xdp', 'netns/flow_dissector']);

/** Hooks of trampolines, where the program that came last runs first (bpf_trampoline_link_prog in kernel/bpf/trampoline.c). */
const NEWEST_FIRST = new Set(['fentry', 'fexit', 'fmod_ret', 'lsm']);

/** What the library's own links can do. */
const LIBRARY_RULES: LinkRules = { detachable: true };

/** The kind of link that libbpf would make for a hook. */
const LIBRARY_TYPES: Readonly<Record<string, number>> = {
  tracepoint: BpfLinkType.BPF_LINK_TYPE_PERF_EVENT,
  kprobe: BpfLinkType.BPF_LINK_TYPE_PERF_EVENT,
  kretprobe: BpfLinkType.BPF_LINK_TYPE_PERF_EVENT,
  raw_tracepoint: BpfLinkType.BPF_LINK_TYPE_RAW_TRACEPOINT,
  tp_btf: BpfLinkType.BPF_LINK_TYPE_RAW_TRACEPOINT,
  fentry: BpfLinkType.BPF_LINK_TYPE_TRACING,
  fexit: BpfLinkType.BPF_LINK_TYPE_TRACING,
  fmod_ret: BpfLinkType.BPF_LINK_TYPE_TRACING,
  lsm: BpfLinkType.BPF_LINK_TYPE_TRACING,
  xdp: BpfLinkType.BPF_LINK_TYPE_XDP,
  'netns/sk_lookup': BpfLinkType.BPF_LINK_TYPE_NETNS,
  'netns/flow_dissector': BpfLinkType.BPF_LINK_TYPE_NETNS,
  'tc/ingress': BpfLinkType.BPF_LINK_TYPE_TCX,
  'tc/egress': BpfLinkType.BPF_LINK_TYPE_TCX,
};

/** Where and how to attach, beside what. */
export interface PlaceOptions {
  readonly cookie?: bigint;
  readonly flags?: number;
  /** Position among those that are there; by default the one that the hook's kind gives to newcomers, most of them the last. */
  readonly index?: number;
}

/** Every hook of one kernel, with what is attached to it in order. */
export class HookTable {
  /** Links by id. */
  readonly ids = new IdTable<KernelLink>();
  private readonly rows = new Map<string, Attachment[]>();
  /** How often the row of a hook has changed, plus one, for hooks that have changed. */
  private readonly revisions = new Map<string, number>();

  /**
   * Attaches a program to a hook; the link holds the program.
   * @throws SyscallError EBUSY where a hook has room for one program only.
   */
  attach(hook: string, program: LoadedProgram, cookie = 0n): Link {
    const [kind = hook] = hook.split(':', 1);
    const [there] = this.at(hook);
    if (there !== undefined && EXCLUSIVE.has(kind)) {
      throw new SyscallError(
        Errno.EBUSY,
        `${hook} is taken by program '${there.program.name}'; detach that first`,
        { program: program.name },
      );
    }
    const type = LIBRARY_TYPES[kind] ?? BpfLinkType.BPF_LINK_TYPE_UNSPEC;
    return this.link(type, this.place(hook, program, { cookie }), LIBRARY_RULES).own();
  }

  /** Puts a program at a hook without a link. */
  place(hook: string, program: LoadedProgram, options: PlaceOptions = {}): Attachment {
    const attachment = new Attachment(hook, program, options.cookie ?? 0n, options.flags ?? 0);
    const row = this.rows.get(hook) ?? [];
    const newcomers = NEWEST_FIRST.has(hook.slice(0, hook.indexOf(':'))) ? 0 : row.length;
    this.setRow(hook, row.toSpliced(options.index ?? newcomers, 0, attachment));
    return attachment;
  }

  /** Makes a link of a program's place. Nobody holds the link yet. */
  link(
    type: number,
    attachment: Attachment,
    rules: LinkRules,
    details: () => LinkDetails = () => ({}),
  ): KernelLink {
    return this.ids.add((id) => new KernelLink(id, type, this, attachment, rules, details));
  }

  /** The programs at a hook in the order in which they run. */
  at(hook: string): readonly Attachment[] {
    return this.rows.get(hook) ?? [];
  }

  /** Number of the present state of a hook's row: 1 when nothing was there. */
  revision(hook: string): number {
    return this.revisions.get(hook) ?? 1;
  }

  /** Says that a hook's row has changed in another way than by coming and going. */
  bump(hook: string): void {
    this.revisions.set(hook, this.revision(hook) + 1);
  }

  /** All hooks that hold a program. */
  keys(): string[] {
    return [...this.rows.keys()];
  }

  /** Takes these programs off the hooks to which the library attached them. */
  detachAll(programs: readonly (LoadedProgram | undefined)[]): void {
    for (const link of this.ids.all()) if (link.isLibrarys && programs.includes(link.program)) link.detach();
  }

  /** Takes a program off its place; nothing happens when it is off already. */
  remove(attachment: Attachment): void {
    const row = this.rows.get(attachment.hook) ?? [];
    if (!row.includes(attachment)) return;
    this.setRow(
      attachment.hook,
      row.filter((other) => other !== attachment),
    );
    attachment.program.release();
  }

  /** Takes everything off one hook. */
  empty(key: string): void {
    for (const attachment of this.at(key)) {
      if (attachment.link === undefined) this.remove(attachment);
      else attachment.link.takeOff();
    }
  }

  /** Takes everything off the hooks whose keys start so, as when a cgroup goes. */
  clear(prefix: string): void {
    for (const key of this.keys()) {
      if (!key.startsWith(prefix)) continue;
      this.empty(key);
    }
    for (const key of [...this.revisions.keys()]) if (key.startsWith(prefix)) this.revisions.delete(key);
  }

  private setRow(hook: string, row: Attachment[]): void {
    if (row.length > 0) {
      this.rows.set(hook, row);
      this.bump(hook);
      return;
    }
    this.rows.delete(hook);
    // A device forgets an empty row; a cgroup counts on.
    if (hook.startsWith('cgroup')) this.bump(hook);
    else this.revisions.delete(hook);
  }
}
