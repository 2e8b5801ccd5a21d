/**
 * Maps of numbers by numbers, as most counters of programs are: user space's way in and out with numbers of JavaScript, without encoding by
 * type. Says for itself which maps and types it can do that for; all others go the general way (MapHandle), with the same results.
 */
import type { Btf, BtfInt } from '../btf/index.ts';
import type { BpfMap, WordFinder } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';

/** Bytes of a key. */
const KEY_BYTES = 4;

/** How the bytes of a value are a number. */
interface Format {
  readonly read: (memory: Memory, address: number) => number | bigint;
  /** False when a value is no number of the type. */
  readonly write: (view: DataView, value: unknown) => boolean;
}

function small(least: number, most: number, set: (view: DataView, value: number) => void): Format['write'] {
  return (view, value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) return false;
    set(view, value);
    return true;
  };
}

function large(least: bigint, most: bigint): Format['write'] {
  return (view, value) => {
    if (typeof value !== 'bigint' || value < least || value > most) return false;
    view.setBigInt64(0, value, true);
    return true;
  };
}

const FORMATS: Readonly<Record<string, Format>> = {
  '1 none': {
    read: (memory, at) => memory.u8[at]!,
    write: small(0, 255, (view, value) => {
      view.setUint8(0, value);
    }),
  },
  '1 signed': {
    read: (memory, at) => memory.i8[at]!,
    write: small(-128, 127, (view, value) => {
      view.setInt8(0, value);
    }),
  },
  '2 none': {
    read: (memory, at) => memory.u16[at >>> 1]!,
    write: small(0, 0xffff, (view, value) => {
      view.setUint16(0, value, true);
    }),
  },
  '2 signed': {
    read: (memory, at) => memory.i16[at >>> 1]!,
    write: small(-0x8000, 0x7fff, (view, value) => {
      view.setInt16(0, value, true);
    }),
  },
  '4 none': {
    read: (memory, at) => memory.u32[at >>> 2]!,
    write: small(0, 0xffff_ffff, (view, value) => {
      view.setUint32(0, value, true);
    }),
  },
  '4 signed': {
    read: (memory, at) => memory.i32[at >>> 2]!,
    write: small(-0x8000_0000, 0x7fff_ffff, (view, value) => {
      view.setInt32(0, value, true);
    }),
  },
  '8 none': {
    read: (memory, at) => memory.view.getBigUint64(at, true),
    write: large(0n, (1n << 64n) - 1n),
  },
  '8 signed': {
    read: (memory, at) => memory.view.getBigInt64(at, true),
    write: large(-(1n << 63n), (1n << 63n) - 1n),
  },
};

/** A map of numbers by numbers, looked up, stored and deleted without allocating. */
export class NumberMap {
  private readonly map: BpfMap;
  private readonly memory: Memory;
  private readonly finder: WordFinder;
  private readonly signedKeys: boolean;
  private readonly format: Format;
  // What updates and deletions hand to the map; maps keep neither.
  private readonly key = new Uint8Array(KEY_BYTES);
  private readonly value: Uint8Array;
  private readonly valueView: DataView;

  private constructor(map: BpfMap, memory: Memory, finder: WordFinder, signedKeys: boolean, format: Format) {
    this.map = map;
    this.memory = memory;
    this.finder = finder;
    this.signedKeys = signedKeys;
    this.format = format;
    this.value = new Uint8Array(map.userValueSize);
    this.valueView = new DataView(this.value.buffer);
  }

  /** For a map with keys and values of these types; undefined when they are no whole integers, or the map has no finder. */
  static of(
    map: BpfMap,
    memory: Memory,
    btf: Btf,
    keyType: number,
    valueType: number,
  ): NumberMap | undefined {
    const finder = map.byWord;
    const key = wholeInt(btf, keyType);
    const value = wholeInt(btf, valueType);
    if (finder === undefined || key?.size !== KEY_BYTES || value?.size !== map.attr.valueSize)
      return undefined;
    const format = FORMATS[`${value.size} ${value.encoding}`];
    const known = format !== undefined && (key.encoding === 'signed' || key.encoding === 'none');
    return known ? new NumberMap(map, memory, finder, key.encoding === 'signed', format) : undefined;
  }

  /** Whether something is a key of the type; other things are errors, which this does not describe. */
  accepts(key: unknown): key is number {
    return typeof key === 'number' && (this.signedKeys ? (key | 0) === key : key >>> 0 === key);
  }

  /** The value of a key that it accepts: a number, from 8 bytes a bigint; undefined when there is none. */
  lookup(key: number): number | bigint | undefined {
    const address = this.finder.findWord(key >>> 0);
    return address === 0 ? undefined : this.format.read(this.memory, address);
  }

  /** Sets the value of a key that it accepts: 0 or a negative errno; undefined when the value is no number of the type. */
  update(key: number, value: unknown, flags: number): number | undefined {
    return this.format.write(this.valueView, value)
      ? this.map.updateUser(this.keyBytes(key), this.value, flags)
      : undefined;
  }

  /** Removes a key that it accepts: 0 or a negative errno. */
  delete(key: number): number {
    return this.map.deleteUser(this.keyBytes(key));
  }

  private keyBytes(key: number): Uint8Array {
    const bytes = this.key;
    bytes[0] = key;
    bytes[1] = key >>> 8;
    bytes[2] = key >>> 16;
    bytes[3] = key >>> 24;
    return bytes;
  }
}

/** An integer type whose values are all of its bytes. */
function wholeInt(btf: Btf, typeId: number): BtfInt | undefined {
  if (typeId === 0) return undefined;
  const type = btf.resolve(typeId);
  return type.kind === 'int' && type.offset === 0 && type.bits === 8 * type.size ? type : undefined;
}
