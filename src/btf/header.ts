/** The headers of .BTF and .BTF.ext: magic, byte order and the place of their parts (struct btf_header, uapi/linux/btf.h). */
import { type ByteOrder, ByteReader } from '../base/bytes.ts';
import { BtfError, type Place } from '../base/errors.ts';
import { MAX_FILE_BYTES } from '../base/limits.ts';

const BTF_MAGIC = 0xeb9f;
const BTF_VERSION = 1;
/** sizeof(struct btf_header). */
export const HEADER_BYTES = 24;
/** Bytes up to and including hdr_len, the part that all headers with this magic share. */
const COMMON_BYTES = 8;

/** The parts of a .BTF section. */
export interface BtfParts {
  readonly order: ByteOrder;
  readonly types: ByteReader;
  readonly strings: ByteReader;
}

/** What .BTF and .BTF.ext begin with. */
interface CommonHeader {
  readonly reader: ByteReader;
  readonly version: number;
  readonly flags: number;
  /** Bytes of the header; all offsets in it count from its end. */
  readonly length: number;
}

/** Reads magic, version, flags and length; `order` is what the caller expects, if it knows. */
export function readCommonHeader(
  bytes: Uint8Array,
  order: ByteOrder | undefined,
  section: string,
): CommonHeader {
  const fail = (message: string, place: Place): BtfError =>
    new BtfError('btf-truncated', message, { section, ...place });
  if (bytes.length > MAX_FILE_BYTES) throw fail('the section is too large', { offset: 0 });
  if (bytes.length < COMMON_BYTES) {
    throw fail(`${bytes.length} bytes are too few for a header`, { offset: 0 });
  }
  const actual = orderOf(bytes);
  if (!actual) {
    throw new BtfError('btf-magic', `no BTF: it does not begin with 0x${BTF_MAGIC.toString(16)}`, {
      section,
      offset: 0,
    });
  }
  if (order && actual !== order) {
    throw new BtfError('btf-byte-order', `type information is ${actual}-endian in a ${order}-endian file`, {
      section,
      offset: 0,
    });
  }
  const reader = new ByteReader(bytes, actual, fail);
  const length = reader.u32(4);
  if (length < COMMON_BYTES || length > bytes.length) {
    throw new BtfError('btf-header', `header length ${length} does not fit ${bytes.length} bytes`, {
      section,
      offset: 4,
    });
  }
  return { reader, version: reader.u8(2), flags: reader.u8(3), length };
}

/** Refuses versions and flags that this code does not know. */
export function checkVersion(header: CommonHeader, section: string): void {
  if (header.version === BTF_VERSION && header.flags === 0) return;
  const message = `version ${header.version} with flags 0x${header.flags.toString(16)} is not supported; version 1 without flags is`;
  throw new BtfError('btf-version', message, { section, offset: 2 });
}

/** Finds the type and string sections, as btf_parse_hdr of libbpf does. */
export function readBtfHeader(bytes: Uint8Array, order: ByteOrder | undefined): BtfParts {
  const section = '.BTF';
  const header = readCommonHeader(bytes, order, section);
  const fail = (message: string, offset: number): BtfError =>
    new BtfError('btf-header', message, { section, offset });
  const { reader, length } = header;
  if (length < HEADER_BYTES) {
    throw fail(`header length ${length} is too small, ${HEADER_BYTES} bytes are needed`, 4);
  }
  checkVersion(header, section);
  const typeOffset = reader.u32(8);
  const typeLength = reader.u32(12);
  const stringOffset = reader.u32(16);
  const stringLength = reader.u32(20);
  if (typeOffset % 4 !== 0) throw fail(`type section at ${typeOffset} is not aligned to 4 bytes`, 8);
  if (typeOffset + typeLength > stringOffset) {
    throw fail(`type section (${typeOffset} + ${typeLength}) overlaps the strings at ${stringOffset}`, 12);
  }
  if (length + stringOffset + stringLength > bytes.length) {
    throw fail(`string section (${stringOffset} + ${stringLength}) ends after the section`, 20);
  }
  return {
    order: reader.order,
    types: reader.window(length + typeOffset, typeLength),
    strings: reader.window(length + stringOffset, stringLength),
  };
}

function orderOf(bytes: Uint8Array): ByteOrder | undefined {
  const magic = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  if (magic === BTF_MAGIC) return 'little';
  return magic === 0x9feb ? 'big' : undefined;
}
