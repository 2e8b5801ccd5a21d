/**
 * Lookups of numbers by numbers, as most counters of programs are: from a key as JavaScript's number to a value as JavaScript's number without
 * arrays of bytes in between. Says for itself which maps and types it can do that for; all others go through bytes.
 */
import type { Btf, BtfInt } from '../btf/index.ts';
import type { BpfMap, WordFinder } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';

/** How the bytes of a value make a number. */
type Reader = (memory: Memory, address: number) => number | bigint;

const READERS: Readonly<Record<string, Reader>> = {
  '1 none': (memory, address) => memory.u8[address]!,
  '1 signed': (memory, address) => memory.i8[address]!,
  '2 none': (memory, address) => memory.u16[address >>> 1]!,
  '2 signed': (memory, address) => memory.i16[address >>> 1]!,
  '4 none': (memory, address) => memory.u32[address >>> 2]!,
  '4 signed': (memory, address) => memory.i32[address >>> 2]!,
  '8 none': (memory, address) => memory.view.getBigUint64(address, true),
  '8 signed': (memory, address) => memory.view.getBigInt64(address, true),
};

export class NumberLookup {
  private readonly memory: Memory;
  private readonly finder: WordFinder;
  private readonly signedKeys: boolean;
  private readonly read: Reader;

  private constructor(memory: Memory, finder: WordFinder, signedKeys: boolean, read: Reader) {
    this.memory = memory;
    this.finder = finder;
    this.signedKeys = signedKeys;
    this.read = read;
  }

  /** For a map with keys and values of these types; undefined when they are no whole integers, or the map has no finder. */
  static of(
    map: BpfMap,
    memory: Memory,
    btf: Btf,
    keyType: number,
    valueType: number,
  ): NumberLookup | undefined {
    const finder = map.byWord;
    const key = wholeInt(btf, keyType);
    const value = wholeInt(btf, valueType);
    if (finder === undefined || key?.size !== 4 || value?.size !== map.attr.valueSize) return undefined;
    const read = READERS[`${value.size} ${value.encoding}`];
    const known = read !== undefined && (key.encoding === 'signed' || key.encoding === 'none');
    return known ? new NumberLookup(memory, finder, key.encoding === 'signed', read) : undefined;
  }

  /** Whether a number is a key of the type; others are errors, which this does not describe. */
  accepts(key: number): boolean {
    return this.signedKeys ? (key | 0) === key : key >>> 0 === key;
  }

  /** The value of a key that it accepts: a number, from 8 bytes a bigint; undefined when there is none. */
  lookup(key: number): number | bigint | undefined {
    const address = this.finder.findWord(key >>> 0);
    return address === 0 ? undefined : this.read(this.memory, address);
  }
}

/** An integer type whose values are all of its bytes. */
function wholeInt(btf: Btf, typeId: number): BtfInt | undefined {
  if (typeId === 0) return undefined;
  const type = btf.resolve(typeId);
  return type.kind === 'int' && type.offset === 0 && type.bits === 8 * type.size ? type : undefined;
}
