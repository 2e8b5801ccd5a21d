/**
 * Bytes of a .BTF section to a `Btf`. Checks what libbpf checks when it opens an object (btf_new, btf_sanity_check in tools/lib/bpf/btf.c):
 * layout, known kinds, strings and type ids that exist. What only the kernel refuses is checked by BPF_BTF_LOAD (kernel/syscall).
 */
import type { ByteOrder, ByteReader } from '../base/bytes.ts';
import { BtfError } from '../base/errors.ts';
import { MAX_BTF_TYPES } from '../base/limits.ts';
import { Btf } from './btf.ts';
import { readBtfHeader } from './header.ts';
import { eachReference, kindNumber, recordBytes, TYPE_BYTES } from './layout.ts';
import { BtfStrings } from './strings.ts';
import { BTF_KINDS } from './types.ts';

const SECTION = '.BTF';
const FUNC = BTF_KINDS.indexOf('func');
const FUNC_PROTO = BTF_KINDS.indexOf('func_proto');

/** What `parseBtf` may be told beside the bytes. */
export interface ParseBtfOptions {
  /** What split BTF stands on: the kernel's for a module's. Its ids and string offsets come first. */
  readonly base?: Btf;
}

/**
 * Reads type information. The types stay bytes until they are asked for, so that a kernel's 150,000 open quickly.
 *
 * @param bytes Content of a .BTF section or of a file like /sys/kernel/btf/vmlinux; kept, not copied.
 * @param order Byte order that it must have; found from the magic number when left out.
 * @throws BtfError with the offset, and the id of the type where there is one.
 */
export function parseBtf(bytes: Uint8Array, order?: ByteOrder, options: ParseBtfOptions = {}): Btf {
  const { base } = options;
  const parts = readBtfHeader(bytes, order);
  if (base && base.byteOrder !== parts.order) {
    const message = `${parts.order}-endian split BTF cannot stand on ${base.byteOrder}-endian BTF`;
    throw new BtfError('btf-byte-order', message, { section: SECTION, offset: 0 });
  }
  checkStrings(parts.strings, base !== undefined);
  const strings = new BtfStrings(parts.strings.bytes, base?.strings);
  const firstId = base?.typeCount ?? 1;
  const offsets = findTypes(parts.types, firstId);
  checkReferences(parts.types, offsets, firstId, strings, base);
  return new Btf({ bytes, reader: parts.types, offsets, firstId, strings, base });
}

function checkStrings(strings: ByteReader, split: boolean): void {
  const { bytes, base } = strings;
  if (bytes.length === 0) {
    if (split) return;
    throw new BtfError('btf-string-section', 'the string section is empty', {
      section: SECTION,
      offset: base,
    });
  }
  if (bytes[bytes.length - 1] !== 0) {
    const offset = base + bytes.length - 1;
    throw new BtfError('btf-string-section', 'the last string has no terminating zero', {
      section: SECTION,
      offset,
    });
  }
  if (!split && bytes[0] !== 0) {
    throw new BtfError('btf-string-section', 'the first string must be empty', {
      section: SECTION,
      offset: base,
    });
  }
}

/** Offsets of all type records, in order. */
function findTypes(types: ByteReader, firstId: number): Uint32Array {
  const offsets = new Uint32Array(Math.floor(types.length / TYPE_BYTES));
  let count = 0;
  for (let at = 0; at < types.length; ) {
    const typeId = firstId + count;
    const place = { section: SECTION, typeId, offset: types.base + at };
    if (typeId > MAX_BTF_TYPES) {
      throw new BtfError('btf-too-many-types', `more than ${MAX_BTF_TYPES} types`, place);
    }
    if (types.length - at < TYPE_BYTES) {
      throw new BtfError(
        'btf-truncated',
        `${types.length - at} bytes are left over after the last type`,
        place,
      );
    }
    const info = types.u32(at + 4);
    const size = recordBytes(info);
    if (size === undefined) {
      const message = `kind ${kindNumber(info)} is not known; the last known one is ${BTF_KINDS.length - 1}`;
      throw new BtfError('btf-kind', message, place);
    }
    if (size > types.length - at) {
      const message = `the type takes ${size} bytes, the section ends after ${types.length - at}`;
      throw new BtfError('btf-truncated', message, place);
    }
    offsets[count++] = at;
    at += size;
  }
  return offsets.subarray(0, count);
}

/** Every name is a string, every id a type, and every function's type a prototype. */
function checkReferences(
  types: ByteReader,
  offsets: Uint32Array,
  firstId: number,
  strings: BtfStrings,
  base: Btf | undefined,
): void {
  const end = firstId + offsets.length;
  let typeId = firstId;
  const place = (at: number): { section: string; typeId: number; offset: number } => ({
    section: SECTION,
    typeId,
    offset: types.base + at,
  });
  const name = (offset: number, at: number): void => {
    if (strings.has(offset)) return;
    const message = `string offset ${offset} is outside the string section, which ends at ${strings.end}`;
    throw new BtfError('btf-string', message, place(at));
  };
  const id = (ref: number, at: number): void => {
    if (ref < end) return;
    throw new BtfError('btf-type-id', `type id ${ref} does not exist, the last one is ${end - 1}`, place(at));
  };
  const kindOf = (ref: number): number =>
    ref < firstId
      ? BTF_KINDS.indexOf(base?.kindOf(ref) ?? 'void')
      : kindNumber(types.u32((offsets[ref - firstId] ?? 0) + 4));

  for (const at of offsets) {
    eachReference(types, at, name, id);
    if (kindNumber(types.u32(at + 4)) === FUNC && kindOf(types.u32(at + 8)) !== FUNC_PROTO) {
      const message = `a function's type must be a func_proto, type [${types.u32(at + 8)}] is none`;
      throw new BtfError('btf-func-proto', message, place(at + 8));
    }
    typeId++;
  }
}
