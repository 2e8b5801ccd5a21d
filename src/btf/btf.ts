/**
 * `Btf`: the types of one blob by id and by name, decoded when asked for, and the questions about a type that everyone has:
 * what is behind its modifiers, how large it is, how it is aligned. Answers are those of libbpf's btf.c.
 */
import type { ByteOrder, ByteReader } from '../base/bytes.ts';
import { BtfError } from '../base/errors.ts';
import { MAX_BTF_DEPTH } from '../base/limits.ts';
import { decodeType } from './decode.ts';
import { kindNumber } from './layout.ts';
import { essentialName, NameIndex } from './names.ts';
import type { BtfStrings } from './strings.ts';
import { BTF_KINDS, type BtfKind, type BtfType, type BtfTypeOf, type BtfVoid } from './types.ts';

const VOID: BtfVoid = { kind: 'void', id: 0, name: 'void' };

/** Names of C's long; its size is that of a pointer. */
const LONG_NAMES: readonly string[] = [
  'long',
  'long int',
  'unsigned long',
  'long unsigned int',
  'unsigned long int',
];

/** What `parseBtf` hands over: checked sections. */
interface BtfData {
  readonly bytes: Uint8Array;
  readonly reader: ByteReader;
  /** Offsets of the type records in `reader`. */
  readonly offsets: Uint32Array;
  readonly firstId: number;
  readonly strings: BtfStrings;
  readonly base: Btf | undefined;
}

/** Type information of an object, a kernel or (over its base) a kernel module. Immutable. Made by `parseBtf`. */
export class Btf {
  /** The whole blob that it was parsed from. */
  readonly bytes: Uint8Array;
  readonly byteOrder: ByteOrder;
  readonly strings: BtfStrings;
  /** What this split BTF stands on. */
  readonly base: Btf | undefined;
  /** Id of the first type that is not the base's; 1 without a base. */
  readonly firstId: number;
  /** One more than the last type id; counts void and the base's types. */
  readonly typeCount: number;
  private readonly reader: ByteReader;
  private readonly offsets: Uint32Array;
  private readonly decoded: (BtfType | undefined)[];
  private readonly alignments = new Map<number, number>();
  private names: NameIndex | undefined;
  private pointerBytes: number | undefined;

  constructor(data: BtfData) {
    this.bytes = data.bytes;
    this.byteOrder = data.reader.order;
    this.reader = data.reader;
    this.offsets = data.offsets;
    this.decoded = new Array<BtfType | undefined>(data.offsets.length);
    this.strings = data.strings;
    this.base = data.base;
    this.firstId = data.firstId;
    this.typeCount = data.firstId + data.offsets.length;
  }

  /**
   * The type with this id; 0 is void.
   * @throws BtfError `btf-type-id` when there is none.
   */
  typeById(id: number): BtfType {
    const index = id - this.firstId;
    const known = this.decoded[index];
    if (known) return known;
    if (id === 0) return VOID;
    if (index < 0 && this.base) return this.base.typeById(id);
    const type = decodeType(this.reader, this.strings, this.recordAt(id), id);
    this.decoded[index] = type;
    return type;
  }

  /** The kind of a type, without decoding it. */
  kindOf(id: number): BtfKind {
    if (id === 0) return 'void';
    if (id < this.firstId && this.base) return this.base.kindOf(id);
    return BTF_KINDS[kindNumber(this.reader.u32(this.recordAt(id) + 4))] ?? 'void';
  }

  /** The type, which must be of this kind. @throws BtfError `btf-wrong-kind` */
  typeOfKind<K extends BtfKind>(id: number, kind: K): BtfTypeOf<K> {
    const type = this.typeById(id);
    if (isKind(type, kind)) return type;
    throw new BtfError('btf-wrong-kind', `type [${id}] is a ${type.kind}, not a ${kind}`, { typeId: id });
  }

  /** The name of a type, '' without one; cheaper than decoding it. */
  nameOf(id: number): string {
    if (id === 0) return VOID.name;
    if (id < this.firstId && this.base) return this.base.nameOf(id);
    return this.strings.at(this.reader.u32(this.recordAt(id))) ?? '';
  }

  /** The first type with this name (and kind); the base's types come first, as in libbpf. */
  findByName(name: string): BtfType | undefined;
  findByName<K extends BtfKind>(name: string, kind: K): BtfTypeOf<K> | undefined;
  findByName(name: string, kind?: BtfKind): BtfType | undefined {
    for (const id of this.idsByEssentialName(essentialName(name))) {
      if (kind !== undefined && this.kindOf(id) !== kind) continue;
      if (this.nameOf(id) === name) return this.typeById(id);
    }
    return undefined;
  }

  /** Ids, ascending, of all types whose name without flavour (`___suffix`) is `name`. The name '' finds nothing. */
  *idsByEssentialName(name: string): Generator<number> {
    if (name === '') return;
    if (this.base) yield* this.base.idsByEssentialName(name);
    this.names ??= new NameIndex(this.firstId, this.offsets.length, (id) => this.locateName(id));
    for (const id of this.names.candidates(name)) {
      if (essentialName(this.nameOf(id)) === name) yield id;
    }
  }

  /** Every type of this blob in order of ids: not void, not the base's. */
  *[Symbol.iterator](): Generator<BtfType> {
    for (let id = this.firstId; id < this.typeCount; id++) yield this.typeById(id);
  }

  /**
   * The type behind typedefs, const, volatile, restrict and type tags (btf_type_skip_modifiers in kernel/bpf/btf.c).
   * @throws BtfError `btf-cycle` when they go round in a circle.
   */
  resolve(id: number): BtfType {
    let type = this.typeById(id);
    for (let depth = 0; depth < MAX_BTF_DEPTH; depth++) {
      switch (type.kind) {
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
          type = this.typeById(type.type);
          break;
        default:
          return type;
      }
    }
    throw this.cycle(id);
  }

  /** Bytes of a pointer: those of the type `long` where there is one, else 8. */
  get pointerSize(): number {
    this.pointerBytes ??= this.knownPointerSize() ?? 8;
    return this.pointerBytes;
  }

  /**
   * Bytes of a value of this type, as btf__resolve_size.
   * @throws BtfError `btf-no-size` for types without values (void, func, func_proto, fwd).
   */
  sizeOf(id: number): number {
    let count = 1;
    let at = id;
    for (let depth = 0; depth < MAX_BTF_DEPTH; depth++) {
      const type = this.typeById(at);
      switch (type.kind) {
        case 'int':
        case 'float':
        case 'struct':
        case 'union':
        case 'enum':
        case 'enum64':
        case 'datasec':
          return this.checkSize(id, count * type.size);
        case 'ptr':
          return this.checkSize(id, count * this.pointerSize);
        case 'array':
          count = this.checkSize(id, count * type.count);
          at = type.elementType;
          break;
        case 'typedef':
        case 'const':
        case 'volatile':
        case 'restrict':
        case 'type_tag':
        case 'var':
        case 'decl_tag':
          at = type.type;
          break;
        case 'void':
        case 'fwd':
        case 'func':
        case 'func_proto': {
          const message = `type [${id}] has no size: it is or holds ${type.kind} '${type.name}'`;
          throw new BtfError('btf-no-size', message, { typeId: id });
        }
      }
    }
    throw this.cycle(id);
  }

  /**
   * Alignment in bytes that a C compiler gives the type, as btf__align_of; 1 for structs that only `packed` explains.
   * @throws BtfError `btf-no-size` for types without values.
   */
  alignOf(id: number): number {
    return this.alignAt(id, 0);
  }

  private alignAt(id: number, depth: number): number {
    if (depth > MAX_BTF_DEPTH) throw this.cycle(id);
    const type = this.typeById(id);
    switch (type.kind) {
      case 'int':
      case 'float':
      case 'enum':
      case 'enum64':
        return Math.max(1, Math.min(this.pointerSize, type.size));
      case 'ptr':
        return this.pointerSize;
      case 'array':
        return this.alignAt(type.elementType, depth + 1);
      case 'typedef':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        return this.alignAt(type.type, depth + 1);
      case 'struct':
      case 'union': {
        const known = this.alignments.get(id);
        if (known !== undefined) return known;
        let largest = 1;
        let packed = false;
        for (const member of type.members) {
          const align = this.alignAt(member.type, depth + 1);
          largest = Math.max(largest, align);
          if (member.bitSize === 0 && member.bitOffset % (8 * align) !== 0) packed = true;
        }
        const align = packed || type.size % largest !== 0 ? 1 : largest;
        this.alignments.set(id, align);
        return align;
      }
      default: {
        const message = `type [${id}] has no alignment: it is ${type.kind} '${type.name}'`;
        throw new BtfError('btf-no-size', message, { typeId: id });
      }
    }
  }

  private recordAt(id: number): number {
    const at = this.offsets[id - this.firstId];
    if (at !== undefined) return at;
    throw new BtfError('btf-type-id', `type id ${id} does not exist, the last one is ${this.typeCount - 1}`, {
      typeId: id,
    });
  }

  private locateName(id: number): { readonly bytes: Uint8Array; readonly start: number } | undefined {
    const offset = this.reader.u32(this.recordAt(id));
    return offset === 0 ? undefined : this.strings.locate(offset);
  }

  private knownPointerSize(): number | undefined {
    const inherited = this.base?.knownPointerSize();
    if (inherited !== undefined) return inherited;
    for (let id = this.firstId; id < this.typeCount; id++) {
      if (this.kindOf(id) !== 'int') continue;
      const type = this.typeOfKind(id, 'int');
      if ((type.size === 4 || type.size === 8) && LONG_NAMES.includes(type.name)) return type.size;
    }
    return undefined;
  }

  private checkSize(id: number, size: number): number {
    if (size <= 0xffffffff) return size;
    throw new BtfError('btf-too-large', `type [${id}] is larger than 4 GiB`, { typeId: id });
  }

  private cycle(id: number): BtfError {
    const message = `type [${id}] refers to itself, or through more than ${MAX_BTF_DEPTH} types`;
    return new BtfError('btf-cycle', message, { typeId: id });
  }
}

function isKind<K extends BtfKind>(type: BtfType, kind: K): type is BtfTypeOf<K> {
  return type.kind === kind;
}
