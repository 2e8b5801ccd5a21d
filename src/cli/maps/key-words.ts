/**
 * Keys on the command line: bytes as bpftool takes them (`key 1 0 0 0`, `key hex 01 00 00 00`), or a value by type (`3`, `{pid: 7}`).
 */
import { BtfError, encodeValue, fromHex, type MapHandle, UsageError } from '../../index.ts';
import { usageError } from '../report.ts';
import { parseValue } from '../values.ts';
import { kernelTypesOf } from './elements.ts';

/** The bytes of a key. @throws UsageError when the words are no key of this map. */
export function parseKey(handle: MapHandle, words: readonly string[]): Uint8Array {
  const [first, second] = words;
  if (first === undefined) throw usageError(`map '${handle.name}' needs a key: a value, or key BYTE…`);
  if (first !== 'key') return typedKey(handle, words.join(' '));
  return second === 'hex' ? byteKey(handle, words.slice(2), 16) : byteKey(handle, words.slice(1), 10);
}

function byteKey(handle: MapHandle, words: readonly string[], base: 10 | 16): Uint8Array {
  const { keySize } = handle.map.attr;
  const bytes = words.map((word) => byteOf(word, base));
  if (bytes.length !== keySize) throw usageError(`key expected ${keySize} bytes got ${bytes.length}`);
  return Uint8Array.from(bytes);
}

/** A byte as strtoul reads it: 0x for hexadecimal ones in either base. */
function byteOf(word: string, base: 10 | 16): number {
  const pattern = base === 16 ? /^(0x)?[\da-f]{1,2}$/i : /^(0x[\da-f]{1,2}|\d{1,3})$/i;
  const value = word.toLowerCase().startsWith('0x') ? Number(word) : Number.parseInt(word, base);
  if (pattern.test(word) && value <= 0xff) return value;
  throw usageError(`error parsing byte: ${word}`);
}

function typedKey(handle: MapHandle, text: string): Uint8Array {
  const { keySize } = handle.map.attr;
  const types = kernelTypesOf(handle);
  if (types !== undefined && types.keyTypeId !== 0) {
    try {
      return encodeValue(types.btf, types.keyTypeId, parseValue(text));
    } catch (error) {
      if (!(error instanceof BtfError || error instanceof UsageError)) throw error;
      throw usageError(`'${text}' is no key of map '${handle.name}': ${error.message}`);
    }
  }
  const bytes = /^-?(0x[\da-f]+|\d+)$/i.test(text) ? numberBytes(text, keySize) : fromHex(text);
  if (bytes.length === keySize) return bytes;
  throw usageError(`a key of map '${handle.name}' has ${keySize} bytes: give key BYTE…`);
}

/** The number's low bytes, little-endian. */
function numberBytes(text: string, size: number): Uint8Array {
  let rest = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  return Uint8Array.from({ length: size }, () => {
    const byte = Number(BigInt.asUintN(8, rest));
    rest >>= 8n;
    return byte;
  });
}
