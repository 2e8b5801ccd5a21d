/**
 * Types to bytes: makes a .BTF section from plain type descriptions, the reverse of parse.ts. For typed maps without an object
 * file, for small BTF of one's own, and for tests.
 */
import type { ByteOrder } from '../base/bytes.ts';
import { UsageError } from '../base/errors.ts';
import { MAX_BTF_VLEN } from '../base/limits.ts';
import { encodeUtf8 } from '../base/text.ts';
import type { Btf } from './btf.ts';
import { HEADER_BYTES } from './header.ts';
import { BTF_KINDS, type BtfLinkage, type BtfType, type IntEncoding } from './types.ts';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** A type as `BtfBuilder.add` takes it: everything but its id. */
export type BtfTypeSpec = WithoutId<Exclude<BtfType, { kind: 'void' }>>;

/** What a `BtfBuilder` is made for. */
export interface BtfBuilderOptions {
  readonly order?: ByteOrder;
  /** Makes split BTF over this one. */
  readonly base?: Btf;
}

const ENCODINGS: Readonly<Partial<Record<IntEncoding, number>>> = { none: 0, signed: 1, char: 2, bool: 4 };
const LINKAGES: Readonly<Partial<Record<BtfLinkage, number>>> = { static: 0, global: 1, extern: 2 };

/** What the info word says, and the words of a record. */
interface Record32 {
  readonly vlen?: number;
  readonly flag?: boolean;
  /** Size or type id. */
  readonly word?: number;
  readonly tail?: readonly number[];
}

/** Collects types; ids count up from 1, or from the base's last. */
export class BtfBuilder {
  private readonly order: ByteOrder;
  private readonly words: number[] = [];
  private readonly strings: number[] = [];
  private readonly stringOffsets = new Map<string, number>();
  private readonly stringStart: number;
  private readonly split: boolean;
  private next: number;

  constructor(options: BtfBuilderOptions = {}) {
    const { base } = options;
    this.order = options.order ?? base?.byteOrder ?? 'little';
    this.next = base?.typeCount ?? 1;
    this.stringStart = base?.strings.end ?? 0;
    this.split = base !== undefined;
    if (!this.split) this.strings.push(0);
  }

  /** Id that the next type gets; lets types refer to each other before they exist. */
  get nextId(): number {
    return this.next;
  }

  /** Adds a type and gives its id. Ids that it refers to are checked by `parseBtf` only. */
  add(type: BtfTypeSpec): number {
    const { vlen = 0, flag = false, word = 0, tail = [] } = this.record(type);
    if (vlen > MAX_BTF_VLEN) {
      throw new UsageError('btf-vlen', `${type.kind} '${type.name}' has ${vlen} parts, ${MAX_BTF_VLEN} fit`);
    }
    const info = ((flag ? 0x80000000 : 0) | (BTF_KINDS.indexOf(type.kind) << 24) | vlen) >>> 0;
    this.words.push(this.string(type.name), info, word, ...tail);
    return this.next++;
  }

  /** Offset of a string, which is added unless it is there. */
  string(text: string): number {
    if (text === '') return 0;
    let offset = this.stringOffsets.get(text);
    if (offset === undefined) {
      offset = this.stringStart + this.strings.length;
      for (const byte of encodeUtf8(text)) this.strings.push(byte);
      this.strings.push(0);
      this.stringOffsets.set(text, offset);
    }
    return offset;
  }

  /** The section. */
  bytes(): Uint8Array {
    const typeBytes = 4 * this.words.length;
    const out = new Uint8Array(HEADER_BYTES + typeBytes + this.strings.length);
    const view = new DataView(out.buffer);
    const little = this.order === 'little';
    view.setUint16(0, 0xeb9f, little);
    view.setUint8(2, 1);
    const header = [HEADER_BYTES, 0, typeBytes, typeBytes, this.strings.length];
    [...header, ...this.words].forEach((word, i) => {
      view.setUint32(4 + 4 * i, word, little);
    });
    out.set(this.strings, HEADER_BYTES + typeBytes);
    return out;
  }

  private record(type: BtfTypeSpec): Record32 {
    switch (type.kind) {
      case 'int': {
        const encoding = code(ENCODINGS, type.encoding);
        return { word: type.size, tail: [((encoding << 24) | (type.offset << 16) | type.bits) >>> 0] };
      }
      case 'ptr':
      case 'typedef':
      case 'volatile':
      case 'const':
      case 'restrict':
      case 'type_tag':
        return { word: type.type };
      case 'array':
        return { tail: [type.elementType, type.indexType, type.count] };
      case 'struct':
      case 'union': {
        const flag = type.members.some((member) => member.bitSize > 0);
        const tail = type.members.flatMap((member) => [
          this.string(member.name),
          member.type,
          flag ? ((member.bitSize << 24) | member.bitOffset) >>> 0 : member.bitOffset,
        ]);
        return { word: type.size, vlen: type.members.length, flag, tail };
      }
      case 'enum': {
        const tail = type.values.flatMap(({ name, value }) => [this.string(name), value >>> 0]);
        return { word: type.size, vlen: type.values.length, flag: type.signed, tail };
      }
      case 'enum64': {
        const tail = type.values.flatMap(({ name, value }) => [
          this.string(name),
          Number(BigInt.asUintN(32, value)),
          Number(BigInt.asUintN(32, value >> 32n)),
        ]);
        return { word: type.size, vlen: type.values.length, flag: type.signed, tail };
      }
      case 'fwd':
        return { flag: type.of === 'union' };
      case 'func':
        return { word: type.type, vlen: code(LINKAGES, type.linkage) };
      case 'func_proto': {
        const tail = type.params.flatMap((param) => [this.string(param.name), param.type]);
        return { word: type.returnType, vlen: type.params.length, tail };
      }
      case 'var':
        return { word: type.type, tail: [code(LINKAGES, type.linkage)] };
      case 'datasec': {
        const tail = type.vars.flatMap((variable) => [variable.type, variable.offset, variable.size]);
        return { word: type.size, vlen: type.vars.length, tail };
      }
      case 'float':
        return { word: type.size };
      case 'decl_tag':
        return { word: type.type, tail: [type.componentIndex >>> 0] };
    }
  }
}

function code<K extends string>(codes: Readonly<Partial<Record<K, number>>>, name: K): number {
  const found = codes[name];
  if (found === undefined) throw new UsageError('btf-build', `'${name}' has no encoding in BTF`);
  return found;
}
