/**
 * The value of one key in linear memory: one slot, or one for each CPU, each rounded up to 8 bytes; and the copies into and
 * out of it, which leave special fields alone (copy_map_value and its kin in include/linux/bpf.h, bpf_obj_free_fields in kernel/bpf/syscall.c).
 */
import { alignUp } from '../../base/int64.ts';
import type { Access, Memory } from '../../vm/index.ts';
import { MapFlag } from '../flags.ts';
import type { MapAttr, MapEnv } from '../map.ts';
import { copyBytes, copyIn, copyOut } from './copy.ts';
import type { FieldKind, SpecialField } from './fields.ts';

/** Fields that keep their bytes when the rest of a value is released: they hold nothing outside it. */
const NOT_FREED: ReadonlySet<FieldKind> = new Set<FieldKind>(['bpf_spin_lock', 'bpf_refcount']);

/** How one map's values lie in memory, and how they are copied without their special fields. */
export class ValueLayout {
  /** Bytes that programs see. */
  readonly size: number;
  /** `size` rounded up to 8: the distance of one CPU's value from the next. */
  readonly slot: number;
  /** Slots of a value: 1, or the number of CPUs. */
  readonly slots: number;
  /** Bytes of all slots. */
  readonly total: number;
  /** Bytes that bpf(2) copies: `size`, or all slots of a per-CPU value. */
  readonly userSize: number;
  /** Whether the value holds a bpf_spin_lock, so that BPF_F_LOCK is allowed. */
  readonly hasLock: boolean;

  private readonly memory: Memory;
  private readonly env: MapEnv;
  private readonly access: Access;
  private readonly freed: readonly SpecialField[];
  private readonly special: readonly SpecialField[];
  /** No special fields. */
  private readonly plain: boolean;
  /** Offset and length of each run of ordinary bytes in a slot, in turn; the last one ends at `slot`. */
  private readonly runs: readonly number[];

  constructor(env: MapEnv, attr: MapAttr, fields: readonly SpecialField[], perCpu: boolean) {
    this.memory = env.memory;
    this.env = env;
    this.size = attr.valueSize;
    this.slot = alignUp(attr.valueSize, 8);
    this.slots = perCpu ? env.cpuCount : 1;
    this.total = this.slot * this.slots;
    this.userSize = perCpu ? this.total : this.size;
    this.access = (attr.flags & MapFlag.BPF_F_RDONLY_PROG) === 0 ? 'readwrite' : 'read';
    this.special = fields;
    this.plain = fields.length === 0;
    this.freed = fields.filter((field) => !NOT_FREED.has(field.kind));
    this.hasLock = fields.some((field) => field.kind === 'bpf_spin_lock');
    this.runs = runsBetween(fields, this.slot);
  }

  /** Lets programs touch the value's bytes, but not its padding. */
  expose(value: number): void {
    if (this.size === this.slot) {
      this.memory.setAccess(value, this.total, this.access);
      return;
    }
    for (let i = 0; i < this.slots; i++) {
      this.memory.setAccess(value + i * this.slot, this.size, this.access);
    }
  }

  /** Copies the value at `from` into one slot. */
  store(slot: number, from: number): void {
    if (this.special.length === 0) {
      copyBytes(this.memory, slot, from, this.size);
      return;
    }
    const { runs } = this;
    for (let i = 0; i < runs.length; i += 2) {
      const offset = runs[i]!;
      copyBytes(this.memory, slot + offset, from + offset, Math.min(runs[i + 1]!, this.size - offset));
    }
  }

  /** A new per-CPU value made by a program: the current CPU's slot takes it, the others become zero. */
  storeFirst(value: number, from: number, cpu: number): void {
    for (let i = 0; i < this.slots; i++) {
      if (i === cpu) this.store(value + i * this.slot, from);
      else this.clear(value + i * this.slot);
    }
  }

  /** Copies a user's value into all slots; `from` has `userSize` bytes. */
  storeUser(value: number, from: Uint8Array): void {
    if (this.special.length === 0) {
      copyIn(this.memory, value, from, 0, this.userSize);
      return;
    }
    this.eachUserRun((at, length) => {
      copyIn(this.memory, value + at, from, at, length);
    });
  }

  /** Copies all slots into a user's array; special fields read as zero. */
  loadUser(value: number, to: Uint8Array): void {
    if (this.plain) {
      copyOut(this.memory, to, 0, value, this.userSize);
      return;
    }
    to.fill(0, 0, this.userSize);
    this.eachUserRun((at, length) => {
      copyOut(this.memory, to, at, value + at, length);
    });
  }

  /** Releases what one slot's special fields hold. */
  freeSlot(slot: number): void {
    for (const field of this.freed) {
      const at = slot + field.offset;
      const bytes = this.memory.u8;
      let inUse = false;
      for (let i = 0; i < field.size; i++) inUse ||= bytes[at + i] !== 0;
      if (!inUse) continue;
      this.env.freeField?.(field, at);
      this.memory.u8.fill(0, at, at + field.size);
    }
  }

  /** Releases what the special fields of all slots hold. */
  free(value: number): void {
    if (this.freed.length === 0) return;
    for (let i = 0; i < this.slots; i++) this.freeSlot(value + i * this.slot);
  }

  /** One slot, all of whose bytes are ordinary. */
  get isPlain(): boolean {
    return this.plain && this.slots === 1;
  }

  /** Whether `free` would do anything. */
  get holdsResources(): boolean {
    return this.freed.length > 0;
  }

  private clear(slot: number): void {
    const { runs } = this;
    for (let i = 0; i < runs.length; i += 2) {
      const start = slot + runs[i]!;
      this.memory.u8.fill(0, start, start + runs[i + 1]!);
    }
  }

  /** Calls `run` with offset and length of every run of ordinary bytes that users see. */
  private eachUserRun(run: (at: number, length: number) => void): void {
    const end = this.slots === 1 ? this.userSize : this.slot;
    for (let base = 0; base < this.total; base += this.slot) {
      for (let i = 0; i < this.runs.length; i += 2) {
        const offset = this.runs[i]!;
        run(base + offset, Math.min(this.runs[i + 1]!, end - offset));
      }
    }
  }
}

function runsBetween(fields: readonly SpecialField[], end: number): number[] {
  const runs: number[] = [];
  let at = 0;
  for (const field of fields) {
    if (field.offset > at) runs.push(at, field.offset - at);
    at = field.offset + field.size;
  }
  if (end > at) runs.push(at, end - at);
  return runs;
}
