/**
 * The type records of type information as the kernel wants them, where it is stricter than libbpf: names, flags, sizes and counts of each
 * kind, then sizes across types (btf_check_all_metas and btf_check_all_types in kernel/bpf/btf.c). What the log says of a type is in words
 * of our own.
 */
import { Errno } from '../../base/errno.ts';
import { BtfError } from '../../base/errors.ts';
import type { Btf, BtfType } from '../../btf/index.ts';
import type { BtfProblem } from './btf-header.ts';

/** What a kind's name may be: anything, none, a C identifier, one or none, printable text. */
type NameRule = 'any' | 'none' | 'identifier' | 'optional' | 'text';

interface KindRule {
  readonly name: NameRule;
  /** The record may have members, or uses their count otherwise: its largest value. */
  readonly vlen?: number;
  readonly flag?: boolean;
  /** Bytes behind the record: fixed, then for each member. */
  readonly fixed?: number;
  readonly each?: number;
  /** What `size` may be. */
  readonly sizes?: readonly number[];
  /** `type` must be 0. */
  readonly typeless?: boolean;
}

const MANY = 0xffff;

/** By kind, from INT (1) on. */
const RULES: readonly (KindRule | undefined)[] = [
  undefined,
  { name: 'any', fixed: 4 },
  { name: 'none' },
  { name: 'none', fixed: 12, typeless: true },
  { name: 'optional', vlen: MANY, flag: true, each: 12 },
  { name: 'optional', vlen: MANY, flag: true, each: 12 },
  { name: 'optional', vlen: MANY, flag: true, each: 8, sizes: [1, 2, 4, 8] },
  { name: 'identifier', flag: true, typeless: true },
  { name: 'identifier' },
  { name: 'none' },
  { name: 'none' },
  { name: 'none' },
  { name: 'identifier', vlen: 1 },
  { name: 'none', vlen: MANY, each: 8 },
  { name: 'text', fixed: 4 },
  { name: 'text', vlen: MANY, each: 12 },
  { name: 'any', sizes: [2, 4, 8, 12, 16] },
  { name: 'text', fixed: 4 },
  { name: 'text' },
  { name: 'optional', vlen: MANY, flag: true, each: 12, sizes: [1, 2, 4, 8] },
];

const TYPE_BYTES = 12;
/** Bits of the info word that mean something. */
const INFO_MASK = 0x9f00ffff;
const KIND_INT = 1;

/** The first problem of the records; undefined when there is none. The header was checked before. */
export function checkBtfRecords(bytes: Uint8Array, btf: Btf): BtfProblem | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = view.getUint32(4, true) + view.getUint32(8, true);
  for (let id = 1; id < btf.typeCount; id++) {
    const info = view.getUint32(at + 4, true);
    const rule = RULES[(info >>> 24) & 0x1f];
    const vlen = info & MANY;
    const problem =
      rule === undefined
        ? { errno: Errno.EINVAL, text: `[${id}] Invalid kind:${(info >>> 24) & 0x1f}` }
        : checkRecord(btf, view, at, rule, id);
    if (problem !== undefined) return problem;
    at += TYPE_BYTES + (rule?.fixed ?? 0) + vlen * (rule?.each ?? 0);
  }
  return checkSizes(btf);
}

function checkRecord(
  btf: Btf,
  view: DataView,
  at: number,
  rule: KindRule,
  id: number,
): BtfProblem | undefined {
  const invalid = (text: string): BtfProblem => ({ errno: Errno.EINVAL, text: `[${id}] ${text}` });
  const info = view.getUint32(at + 4, true);
  const size = view.getUint32(at + 8, true);
  if ((info & ~INFO_MASK) !== 0) return invalid(`Invalid btf_info:${info.toString(16)}`);
  if ((info & MANY) > (rule.vlen ?? 0)) return invalid('vlen != 0');
  if (info >>> 31 === 1 && rule.flag !== true) return invalid('Invalid btf_info kind_flag');
  if (rule.sizes !== undefined && !rule.sizes.includes(size)) return invalid('Unexpected size');
  if (rule.typeless === true && size !== 0) return invalid('type != 0');
  if (!nameFits(btf.nameOf(id), view.getUint32(at, true), rule.name)) return invalid('Invalid name');
  return ((info >>> 24) & 0x1f) === KIND_INT
    ? checkInt(view.getUint32(at + TYPE_BYTES, true), size, invalid)
    : undefined;
}

function nameFits(name: string, offset: number, rule: NameRule): boolean {
  switch (rule) {
    case 'none':
      return offset === 0;
    case 'optional':
      return name === '' || isIdentifier(name);
    case 'identifier':
      return isIdentifier(name);
    case 'text':
      return /^[ -~]+$/.test(name);
    case 'any':
      return true;
  }
}

function isIdentifier(name: string): boolean {
  return /^[A-Za-z_.][A-Za-z0-9_.]*$/.test(name);
}

/** btf_int_check_meta: the bits lie in the type, and it is signed, a char or a bool at most. */
function checkInt(data: number, size: number, invalid: (text: string) => BtfProblem): BtfProblem | undefined {
  const encoding = (data >>> 24) & 0xf;
  const bits = (data & 0xff) + ((data >>> 16) & 0xff);
  if ((data & ~0x0fff00ff) !== 0) return invalid(`Invalid int_data:${data.toString(16)}`);
  if (bits > 128) return invalid('nr_bits exceeds 128');
  if (Math.ceil(bits / 8) > size) return invalid('nr_bits exceeds type_size');
  return [0, 1, 2, 4].includes(encoding)
    ? undefined
    : { ...invalid('Unsupported encoding'), errno: Errno.ENOTSUPP };
}

/** Members lie in their structs, and every size can be found: no type contains itself. */
function checkSizes(btf: Btf): BtfProblem | undefined {
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.typeById(id);
    try {
      const problem = sizeProblem(btf, type);
      if (problem !== undefined) return { errno: Errno.EINVAL, text: `[${id}] ${problem}` };
    } catch (error) {
      if (!(error instanceof BtfError)) throw error;
      return { errno: Errno.EINVAL, text: `[${id}] ${error.message}` };
    }
  }
  return undefined;
}

function sizeProblem(btf: Btf, type: BtfType): string | undefined {
  switch (type.kind) {
    case 'struct':
    case 'union': {
      const outside = type.members.some(
        ({ type: member, bitOffset, bitSize }) =>
          bitOffset + (bitSize === 0 ? 8 * btf.sizeOf(member) : bitSize) > 8 * type.size,
      );
      return outside ? 'Member exceeds struct_size' : undefined;
    }
    case 'array':
      btf.sizeOf(type.elementType);
      return btf.resolve(type.indexType).kind === 'int' ? undefined : 'Invalid index';
    case 'datasec':
      return type.size === 0 ? 'size == 0' : undefined;
    default:
      return undefined;
  }
}
