/**
 * The rows of programs in linear memory, where the interpreter's loop reads them: one region that takes program after program and is
 * emptied when it is full. So nothing needs to say when a program is no longer used, and programs that are run in turns stay where they are.
 */
import type { PreparedProgram } from './abi.ts';
import type { CallPlan } from './calls.ts';
import type { Memory } from './memory.ts';
import { ROW_BYTES } from './pack.ts';

/** A packed program together with the calls it makes into one helper table. */
export interface LinkedProgram {
  readonly program: PreparedProgram;
  readonly rows: Int32Array;
  readonly plans: readonly CallPlan[];
  /** Address of the first row, 0 while they are not in memory. */
  address: number;
}

/** The region takes this part of memory, 256 KiB at first, or more where a program needs more. */
const PART_OF_MEMORY = 64;

/** The memory that packed programs lie in. */
export class CodeArea {
  private readonly memory: Memory;
  private readonly placed = new Map<number, LinkedProgram>();
  private start = 0;
  private size = 0;
  private used = 0;
  /** Regions of programs that there was no room for while others were running. */
  private readonly extra: number[] = [];

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** The program whose rows begin at `address`. */
  at(address: number): LinkedProgram | undefined {
    return this.placed.get(address);
  }

  /**
   * Puts a program's rows in memory when they are not there. May take out those of all others, so no run may be under way.
   * @throws BpfError `out-of-memory`.
   */
  place(linked: LinkedProgram): void {
    if (linked.address !== 0) return;
    const bytes = linked.rows.length * 4;
    if (this.used + bytes > this.size) this.makeRoom(bytes);
    this.write(linked, this.start + this.used);
    this.used += bytes;
  }

  /** The same while other programs are running, which stay where they are. */
  placeBeside(linked: LinkedProgram): void {
    if (this.used + linked.rows.length * 4 <= this.size) {
      this.place(linked);
      return;
    }
    if (linked.address !== 0) return;
    const address = this.allocate(linked.rows.length * 4);
    this.extra.push(address);
    this.write(linked, address);
  }

  /** Gives all memory back. */
  clear(): void {
    this.takeOutAll();
    if (this.size > 0) this.memory.free(this.start);
    this.size = 0;
  }

  private makeRoom(bytes: number): void {
    this.takeOutAll();
    if (bytes <= this.size) return;
    this.clear();
    const size = Math.max(bytes, Math.ceil(this.memory.size / PART_OF_MEMORY / ROW_BYTES) * ROW_BYTES);
    this.start = this.allocate(size);
    this.size = size;
  }

  private takeOutAll(): void {
    for (const linked of this.placed.values()) linked.address = 0;
    this.placed.clear();
    for (const address of this.extra.splice(0)) this.memory.free(address);
    this.used = 0;
  }

  private allocate(size: number): number {
    const address = this.memory.allocate({
      size,
      kind: 'kernel',
      name: 'interpreted code',
      align: ROW_BYTES,
    });
    this.memory.setAccess(address, size, 'none');
    return address;
  }

  private write(linked: LinkedProgram, address: number): void {
    this.memory.i32.set(linked.rows, address >>> 2);
    this.placed.set(address, linked);
    linked.address = address;
  }
}
