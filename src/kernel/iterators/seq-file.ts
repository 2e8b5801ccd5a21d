/**
 * The file that an iterator's program writes its text to: a struct seq_file in linear memory with its buffer. When the buffer overflows what was
 * written last does not count; the reader repeats it with an empty one (seq_write, seq_bprintf in fs/seq_file.c).
 */
import type { Btf } from '../../btf/index.ts';
import type { SeqFilePort } from '../../helpers/index.ts';
import type { Memory } from '../../vm/index.ts';
import { memberOffset } from '../load/kernel-types.ts';

/** Bytes of the buffer: PAGE_SIZE << 3, which does not grow. */
const BUFFER_BYTES = 8 * 4096;

const MEMBERS = ['buf', 'size', 'from', 'count'] as const;
type Member = (typeof MEMBERS)[number];

/** One such file; it owns its memory. */
export class SeqFile implements SeqFilePort {
  /** Address of its struct seq_file. */
  readonly address: number;
  private readonly memory: Memory;
  private readonly offsets: Readonly<Record<Member, number | undefined>>;
  private buffer = 0;
  private readFrom = 0;
  private filled = 0;

  /** @throws BpfError `out-of-memory`. */
  constructor(memory: Memory, types: Btf) {
    this.memory = memory;
    this.offsets = Object.fromEntries(
      MEMBERS.map((name) => [name, memberOffset(types, 'seq_file', name)]),
    ) as Record<Member, number | undefined>;
    const struct = types.findByName('seq_file', 'struct');
    const size = struct === undefined ? 0 : types.sizeOf(struct.id);
    this.address = memory.allocate({ size, kind: 'kernel', name: 'seq_file', writable: false });
  }

  /** Makes the buffer, unless it is there. @throws BpfError `out-of-memory`. */
  prepare(): void {
    if (this.buffer !== 0) return;
    this.buffer = this.memory.allocate({
      size: BUFFER_BYTES,
      kind: 'kernel',
      name: 'buffer of a seq_file',
      writable: false,
    });
    this.show('buf', this.buffer);
    this.show('size', BUFFER_BYTES);
  }

  /** Bytes that wait to be read; all of the buffer after an overflow. */
  get count(): number {
    return this.filled;
  }

  set count(count: number) {
    this.filled = count;
    this.show('count', count);
  }

  /** Where in the buffer the bytes that wait begin. */
  get from(): number {
    return this.readFrom;
  }

  set from(from: number) {
    this.readFrom = from;
    this.show('from', from);
  }

  get overflowed(): boolean {
    return this.filled === BUFFER_BYTES;
  }

  get position(): number {
    return this.buffer + this.filled;
  }

  get room(): number {
    return BUFFER_BYTES - this.filled;
  }

  advance(bytes: number): boolean {
    const fits = bytes < this.room;
    this.count = fits ? this.filled + bytes : BUFFER_BYTES;
    return fits;
  }

  /** Takes up to `size` of the bytes that wait. */
  take(size: number): Uint8Array<ArrayBuffer> {
    const taken = Math.min(this.filled, size);
    const bytes = this.memory.readBytes(this.buffer + this.readFrom, taken);
    this.count = this.filled - taken;
    this.from = this.readFrom + taken;
    return bytes;
  }

  free(): void {
    if (this.buffer !== 0) this.memory.free(this.buffer);
    this.memory.free(this.address);
  }

  private show(member: Member, value: number): void {
    const offset = this.offsets[member];
    if (offset !== undefined) this.memory.view.setBigUint64(this.address + offset, BigInt(value), true);
  }
}

/** The files of a machine's open iterators, by the address of their struct seq_file. */
export class SeqFileTable {
  private readonly memory: Memory;
  private readonly types: Btf;
  private readonly files = new Map<number, SeqFile>();

  /** @param types Where struct seq_file is looked up; without it a file has no members in memory. */
  constructor(memory: Memory, types: Btf) {
    this.memory = memory;
    this.types = types;
  }

  /** @throws BpfError `out-of-memory`. */
  open(): SeqFile {
    const file = new SeqFile(this.memory, this.types);
    this.files.set(file.address, file);
    return file;
  }

  at(address: number): SeqFile | undefined {
    return this.files.get(address);
  }

  close(file: SeqFile): void {
    this.files.delete(file.address);
    file.free();
  }
}
