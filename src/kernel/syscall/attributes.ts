/**
 * The attributes of one call of bpf(2): a copy of what the caller gave, padded with zeros to the size of union bpf_attr, read by the names
 * of the command's members; and the caller's own bytes, to which results are written at once.
 */
import { Errno } from '../../base/errno.ts';
import {
  type AttrField,
  type AttrName,
  BPF_ATTR_BYTES,
  type BpfCommand,
  bytesUsed,
  type CommandSpec,
  commandSpec,
} from '../../spec/index.ts';
import { fail } from './failure.ts';

/** Attributes of a command, by the names of its members. */
export class Attributes<C extends BpfCommand> {
  /** Bytes that the caller gave, at most those of the union: some results are only written where there is room. */
  readonly size: number;
  private readonly spec: CommandSpec;
  private readonly given: DataView;
  private readonly callers: DataView;

  constructor(command: C, bytes: Uint8Array, size: number) {
    this.spec = commandSpec(command);
    this.size = Math.min(size, BPF_ATTR_BYTES);
    const copy = new Uint8Array(BPF_ATTR_BYTES);
    copy.set(bytes.subarray(0, this.size));
    this.given = new DataView(copy.buffer);
    this.callers = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** CHECK_ATTR. @throws SyscallError EINVAL when a byte behind the command's last member is not zero. */
  checkUnused(): void {
    for (let at = bytesUsed(this.spec); at < BPF_ATTR_BYTES; at++) {
      if (this.given.getUint8(at) !== 0)
        fail(
          Errno.EINVAL,
          `byte ${at} of the attributes must be zero: the command's last member is '${this.spec.last}'`,
        );
    }
  }

  /** A member of four bytes, unsigned; of eight, its lower half. */
  u32(name: AttrName<C>): number {
    return this.given.getUint32(this.field(name).offset, true);
  }

  /** A member of four bytes, signed. */
  s32(name: AttrName<C>): number {
    return this.given.getInt32(this.field(name).offset, true);
  }

  u64(name: AttrName<C>): bigint {
    return this.given.getBigUint64(this.field(name).offset, true);
  }

  /** A pointer or a number of eight bytes as a number; what no number can hold is no address and no known flag either way. */
  word(name: AttrName<C>): number {
    return Number(this.u64(name));
  }

  /** The bytes of a member. */
  bytes(name: AttrName<C>): Uint8Array {
    const { offset, size } = this.field(name);
    return new Uint8Array(this.given.buffer, offset, size);
  }

  /** Writes a result of four bytes to the caller; beyond the caller's bytes nothing is written. */
  put32(name: AttrName<C>, value: number): void {
    const { offset } = this.field(name);
    if (offset + 4 <= this.callers.byteLength) this.callers.setUint32(offset, value, true);
  }

  put64(name: AttrName<C>, value: bigint): void {
    const { offset } = this.field(name);
    if (offset + 8 <= this.callers.byteLength) this.callers.setBigUint64(offset, value, true);
  }

  /** Whether the caller's attributes reach to the end of a member. */
  covers(name: AttrName<C>): boolean {
    const { offset, size } = this.field(name);
    return this.size >= offset + size;
  }

  private field(name: AttrName<C>): AttrField {
    const found = this.spec.fields[name];
    if (found === undefined) throw new Error(`no member '${name}'`);
    return found;
  }
}
