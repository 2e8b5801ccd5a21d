/**
 * The header and sections of type information as the kernel wants them, stricter than libbpf (btf_parse_hdr and its followers in
 * kernel/bpf/btf.c).
 */
import { Errno } from '../../base/errno.ts';
import { MAX_BTF_STRING_OFFSET } from '../../base/limits.ts';

/** What a check found: an errno and what the log says of it. */
export interface BtfProblem {
  readonly errno: number;
  readonly text: string;
}

/** sizeof(struct btf_header), and up to where `hdr_len` is known. */
const HEADER_BYTES = 24;
const LENGTH_KNOWN = 8;
const MAGIC = 0xeb9f;

interface Header {
  readonly magic: number;
  readonly version: number;
  readonly flags: number;
  readonly length: number;
  readonly types: Section;
  readonly strings: Section;
}

interface Section {
  readonly offset: number;
  readonly length: number;
}

/** The first problem of header, sections and strings; undefined when there is none. */
export function checkBtfHeader(bytes: Uint8Array): BtfProblem | undefined {
  if (bytes.length < LENGTH_KNOWN) return invalid('hdr_len not found');
  const header = readHeader(bytes);
  if (bytes.length < header.length) return invalid('btf_header not found');
  if (bytes.subarray(HEADER_BYTES, header.length).some((byte) => byte !== 0))
    return { errno: Errno.E2BIG, text: 'Unsupported btf_header' };
  const printed = headerText(header, bytes.length);
  const problem =
    headerProblem(header, bytes) ?? sectionProblem(header, bytes) ?? stringProblem(header, bytes);
  return problem === undefined ? undefined : { errno: problem.errno, text: printed + problem.text };
}

/** Members beyond `hdr_len` count as zero. */
function readHeader(bytes: Uint8Array): Header {
  const padded = new Uint8Array(HEADER_BYTES);
  const given = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = given.getUint32(4, true);
  padded.set(bytes.subarray(0, Math.min(length, HEADER_BYTES, bytes.length)));
  const view = new DataView(padded.buffer);
  const section = (at: number): Section => ({
    offset: view.getUint32(at, true),
    length: view.getUint32(at + 4, true),
  });
  return {
    magic: view.getUint16(0, true),
    version: view.getUint8(2),
    flags: view.getUint8(3),
    length,
    types: section(8),
    strings: section(16),
  };
}

function headerText({ magic, version, flags, length, types, strings }: Header, size: number): string {
  return [
    `magic: 0x${magic.toString(16)}`,
    `version: ${version}`,
    `flags: 0x${flags.toString(16)}`,
    `hdr_len: ${length}`,
    `type_off: ${types.offset}`,
    `type_len: ${types.length}`,
    `str_off: ${strings.offset}`,
    `str_len: ${strings.length}`,
    `btf_total_size: ${size}`,
    '',
  ].join('\n');
}

function invalid(text: string): BtfProblem {
  return { errno: Errno.EINVAL, text };
}

function headerProblem({ magic, version, flags, length }: Header, bytes: Uint8Array): BtfProblem | undefined {
  if (magic !== MAGIC) return invalid('Invalid magic');
  if (version !== 1) return { errno: Errno.ENOTSUPP, text: 'Unsupported version' };
  if (flags !== 0) return { errno: Errno.ENOTSUPP, text: 'Unsupported flags' };
  return bytes.length === length ? invalid('No data') : undefined;
}

/** Sections lie one behind the other, without gaps, to the end. */
function sectionProblem({ types, strings, length }: Header, bytes: Uint8Array): BtfProblem | undefined {
  const room = bytes.length - length;
  const ordered = [types, strings].sort((a, b) => a.offset - b.offset || a.length - b.length);
  let end = 0;
  for (const section of ordered) {
    if (room < section.offset) return invalid('Invalid section offset');
    if (end < section.offset) return invalid('Unsupported section found');
    if (end > section.offset) return invalid('Section overlap found');
    if (room - end < section.length) return invalid('Total section length too long');
    end += section.length;
  }
  return end === room ? undefined : invalid('Unsupported section found');
}

function stringProblem({ types, strings, length }: Header, bytes: Uint8Array): BtfProblem | undefined {
  const start = length + strings.offset;
  if (start + strings.length !== bytes.length) return invalid('String section is not at the end');
  const bad =
    strings.length === 0 ||
    strings.length - 1 > MAX_BTF_STRING_OFFSET ||
    bytes.at(-1) !== 0 ||
    bytes[start] !== 0;
  if (bad) return invalid('Invalid string section');
  if (types.offset % 4 !== 0) return invalid('Unaligned type_off');
  return types.length === 0 ? invalid('No type found') : undefined;
}
