/** The structs that BPF_OBJ_GET_INFO_BY_FD copies in and out, of which the caller may know less or more than the kernel. */
import { MAX_OBJ_NAME } from '../../base/limits.ts';
import { encodeUtf8 } from '../../base/text.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';

/** A struct in which the caller may have put addresses and sizes, to be filled in and copied back. */
export interface InfoStruct {
  readonly view: DataView;
  /** Bytes that the caller knows of it. */
  readonly known: number;
}

type InfoAttributes = Attributes<'BPF_OBJ_GET_INFO_BY_FD'>;

/** Reads the caller's struct. `checked` bytes may have content; `size` bytes is all of it. */
export function readInfo(
  sys: SyscallContext,
  attr: InfoAttributes,
  size: number,
  checked = size,
): InfoStruct {
  const length = attr.u32('info_len');
  const bytes = new Uint8Array(size);
  bytes.set(sys.user.readKnown(attr.word('info'), length, checked).subarray(0, size));
  return { view: new DataView(bytes.buffer), known: Math.min(length, size) };
}

/** Copies the struct back. */
export function writeInfo(sys: SyscallContext, attr: InfoAttributes, { view, known }: InfoStruct): number {
  sys.user.write(attr.word('info'), new Uint8Array(view.buffer, 0, known));
  attr.put32('info_len', known);
  return 0;
}

/** Writes a name of 16 bytes, its terminating zero included. */
export function putName(view: DataView, offset: number, name: string): void {
  new Uint8Array(view.buffer, offset, MAX_OBJ_NAME + 1).set(encodeUtf8(name).subarray(0, MAX_OBJ_NAME));
}

/** Writes a string with its terminating zero. @returns whether it had to be cut. */
export function putString(sys: SyscallContext, address: number, room: number, text: string): boolean {
  const bytes = encodeUtf8(`${text}\0`);
  const shown = bytes.slice(0, room);
  shown[shown.length - 1] = 0;
  sys.user.write(address, shown);
  return bytes.length > room;
}
