/**
 * An open iterator: reading it runs its program for one object after the other until there is something to give (bpf_seq_read in
 * kernel/bpf/bpf_iter.c).
 */
import { Errno, SyscallError } from '../../base/errno.ts';
import { BpfError } from '../../base/errors.ts';
import type { Machine } from '../machine/machine.ts';
import type { LoadedProgram } from '../objects/loaded-program.ts';
import type { ReadableSession } from './ports.ts';
import type { SeqFile } from './seq-file.ts';
import type { Walk } from './walk.ts';

/** MAX_ITER_OBJECTS: objects that one read looks at. */
const MAX_OBJECTS = 1_000_000;

/** Bytes of struct bpf_iter_meta: its file, the number of the session, the number of the object. */
const META_BYTES = 24;
const SESSION_AT = 8;
const NUMBER_AT = 16;
const WORD = 8;

/** Why a program's run does not count: an object that is to be left out, or an errno. */
const SKIPPED = 1;

/** One open iterator; closing it gives its memory and its program back. */
export class IteratorSession implements ReadableSession {
  private readonly machine: Machine;
  private readonly program: LoadedProgram;
  private readonly walk: Walk<unknown>;
  private readonly file: SeqFile;
  /** struct bpf_iter_meta, and behind it the context, whose first word points to it. */
  private readonly meta: number;
  private readonly wordCount: number;
  private number = 0;
  /** The program was told that there are no more objects. */
  private told = false;
  private holders = 0;

  /**
   * Holds the program until the last holder lets go.
   * @throws SyscallError ENOMEM.
   */
  constructor(machine: Machine, program: LoadedProgram, walk: Walk<unknown>, sessionId: number) {
    const { memory } = machine;
    this.machine = machine;
    this.program = program;
    this.walk = walk;
    this.wordCount = walk.words(undefined).length;
    try {
      this.file = machine.seqFiles.open();
      const size = META_BYTES + WORD + WORD * this.wordCount;
      this.meta = memory.allocate({ size, kind: 'ctx', name: 'context of an iterator', writable: false });
    } catch (error) {
      throw noMemory(error);
    }
    this.put(this.meta, this.file.address);
    this.put(this.meta + SESSION_AT, sessionId);
    this.put(this.meta + META_BYTES, this.meta);
    program.hold();
  }

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
    if (this.holders > 0) return;
    this.walk.close?.();
    this.machine.seqFiles.close(this.file);
    this.machine.memory.free(this.meta);
    this.program.release();
  }

  /**
   * read(2): up to `size` bytes, none at the end.
   * @throws SyscallError E2BIG when what the program writes for one object does not fit the buffer of 32 KiB, EAGAIN when it asks to be
   * called again for the first object or a million objects gave nothing, ENOMEM.
   */
  read(size: number): Uint8Array<ArrayBuffer> {
    const { file } = this;
    try {
      file.prepare();
    } catch (error) {
      throw noMemory(error);
    }
    if (file.count === 0) {
      file.from = 0;
      this.fill(size);
    }
    return file.take(size);
  }

  /** Runs the program until the buffer has `size` bytes, would overflow, or no object is left. */
  private fill(size: number): void {
    const { file, walk } = this;
    let object = walk.start();
    let seen = 0;
    if (object !== undefined) this.showFirst(object);
    while (object !== undefined) {
      const before = file.count;
      object = walk.next(object);
      seen++;
      if (object === undefined) break;
      this.number++;
      if (file.count >= size) return;
      if (seen >= MAX_OBJECTS) {
        if (before === 0) throw failure(Errno.EAGAIN);
        return;
      }
      if (!this.showNext(object, before)) return;
    }
    this.tellEnd();
  }

  /** The first object of a read: it must fit. */
  private showFirst(object: unknown): void {
    const error = this.show(object);
    if (error === SKIPPED) {
      this.number--;
      this.file.count = 0;
    } else if (error < 0 || this.file.overflowed) {
      this.file.count = 0;
      throw failure(error === 0 ? Errno.E2BIG : -error);
    }
  }

  /** Any other: what does not fit is left for the next read. False when that ends this one. */
  private showNext(object: unknown, before: number): boolean {
    const { file } = this;
    const error = this.show(object);
    if (error === SKIPPED) {
      this.number--;
      file.count = before;
      return true;
    }
    if (error === 0 && !file.overflowed) return true;
    file.count = before;
    if (before === 0) throw failure(error === 0 ? Errno.E2BIG : -error);
    return false;
  }

  /** The program's last call, without an object; repeated when what it writes does not fit. */
  private tellEnd(): void {
    const { file } = this;
    const before = file.count;
    if (!this.told) this.run(undefined);
    if (!file.overflowed) {
      this.told = true;
      return;
    }
    file.count = before;
    if (before === 0) throw failure(Errno.E2BIG);
  }

  /** 0, SKIPPED or a negative errno. */
  private show(object: unknown): number {
    return this.walk.shows?.(object) === false ? SKIPPED : this.run(object);
  }

  private run(object: unknown): number {
    this.put(this.meta + NUMBER_AT, this.number);
    const context = this.meta + META_BYTES;
    this.walk.words(object).forEach((word, i) => {
      this.put(context + WORD * (i + 1), word);
    });
    return this.machine.runner.runForRetval(this.program, context) === 0 ? 0 : -Errno.EAGAIN;
  }

  private put(address: number, value: number): void {
    this.machine.memory.view.setBigUint64(address, BigInt(value), true);
  }
}

function failure(errno: number): SyscallError {
  const why =
    errno === Errno.E2BIG
      ? 'what the program writes for one object does not fit the buffer of an iterator, 32 KiB'
      : 'the program asks to be called again for the object';
  return new SyscallError(errno, why);
}

function noMemory(error: unknown): unknown {
  return error instanceof BpfError && error.code === 'out-of-memory'
    ? new SyscallError(Errno.ENOMEM, error.message)
    : error;
}
