/**
 * Kernel configuration options as programs see them: `extern … __kconfig` variables, all in one map. Which types they may
 * have, and the map's content for given values. Rules: find_kcfg_type, set_kcfg_value_* and bpf_object__resolve_externs in
 * tools/lib/bpf/libbpf.c.
 */
import { LoadError } from '../base/errors.ts';
import { encodeUtf8 } from '../base/text.ts';
import type { Btf } from '../btf/index.ts';
import type { ExternSpec, KconfigType, ObjectSpec } from './object-spec.ts';

/**
 * A value of an option: a boolean stands for `y` and `n`; a string is written as in a kernel's .config: `y`, `m`, `n`, a
 * number, or text in double quotes.
 */
export type KconfigValue = boolean | number | bigint | string;

/** What the machine says about itself to options whose names begin with LINUX_. */
const VIRTUAL_OPTIONS: Readonly<Record<string, bigint>> = {
  /** KERNEL_VERSION(6, 12, 0). */
  LINUX_KERNEL_VERSION: 0x060c00n,
  LINUX_HAS_BPF_COOKIE: 1n,
  LINUX_HAS_SYSCALL_WRAPPER: 1n,
};

/** TRI_NO, TRI_YES and TRI_MODULE of enum libbpf_tristate. */
const TRISTATE = { n: 0n, y: 1n, m: 2n } as const;

/** How values are written to a variable of this type; undefined when no option can have it. */
export function kconfigType(btf: Btf, typeId: number): KconfigType | undefined {
  const type = btf.resolve(typeId);
  switch (type.kind) {
    case 'int':
      if (type.encoding === 'bool') return type.size === 1 ? { kind: 'bool', signed: false } : undefined;
      if (![1, 2, 4, 8].includes(type.size)) return undefined;
      return { kind: type.size === 1 ? 'char' : 'int', signed: type.encoding === 'signed' };
    case 'enum':
    case 'enum64': {
      const right = type.name === 'libbpf_tristate' && (type.kind === 'enum64' || type.size === 4);
      return right ? { kind: 'tristate', signed: false } : undefined;
    }
    case 'array': {
      const text = type.count > 0 && kconfigType(btf, type.elementType)?.kind === 'char';
      return text ? { kind: 'string', signed: false } : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * The content of an object's .kconfig map.
 *
 * @param values Options by name; what is missing stays zero when its extern is weak. LINUX_* options have the values of the
 *   reference kernel, 6.12, unless given.
 * @throws LoadError when a strong extern has no value, or a value does not fit its variable.
 */
export function kconfigContent(
  object: Pick<ObjectSpec, 'externs' | 'byteOrder'>,
  values: Readonly<Record<string, KconfigValue>>,
): Uint8Array {
  const options = object.externs.filter((extern) => extern.kind === 'kconfig');
  const content = new Uint8Array(Math.max(0, ...options.map((option) => option.offset + option.size)));
  for (const option of options) {
    const given = own(values, option.name) ?? own(VIRTUAL_OPTIONS, option.name);
    if (given !== undefined) writeOption(content, option, given, object.byteOrder === 'little');
    else if (!option.weak)
      throw new LoadError(
        'extern-not-resolved',
        `the program asks for the option ${option.name}; give it a value, or declare it __weak`,
        { symbol: option.name },
      );
  }
  return content;
}

/** A property that is the record's own: option names come from the file. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function writeOption(content: Uint8Array, option: ExternSpec, given: KconfigValue, little: boolean): void {
  const value = typeof given === 'boolean' ? (given ? 'y' : 'n') : given;
  if (typeof value === 'string' && value.startsWith('"')) {
    if (option.kconfig?.kind !== 'string' || value.length < 2 || !value.endsWith('"'))
      throw mismatch(option, value);
    content.set(encodeUtf8(value.slice(1, -1)).subarray(0, option.size - 1), option.offset);
    return;
  }
  const number = isLetter(value) ? letterValue(option, value) : numberValue(option, value);
  for (let i = 0; i < option.size; i++) {
    const shift = BigInt(8 * (little ? i : option.size - 1 - i));
    content[option.offset + i] = Number((number >> shift) & 0xffn);
  }
}

function isLetter(value: string | number | bigint): value is 'y' | 'n' | 'm' {
  return value === 'y' || value === 'n' || value === 'm';
}

/** What `y`, `n` and `m` are in a variable. */
function letterValue(option: ExternSpec, letter: 'y' | 'n' | 'm'): bigint {
  switch (option.kconfig?.kind) {
    case 'tristate':
      return TRISTATE[letter];
    case 'bool':
      if (letter === 'm') throw mismatch(option, letter);
      return letter === 'y' ? 1n : 0n;
    case 'char':
      return BigInt(letter.charCodeAt(0));
    default:
      throw mismatch(option, letter);
  }
}

/** A number that fits its variable. */
function numberValue(option: ExternSpec, value: string | number | bigint): bigint {
  const number = typeof value === 'string' ? parseInteger(value) : exactInteger(value);
  const type = option.kconfig;
  if (number === undefined || type === undefined) throw mismatch(option, value);
  const bits = 8 * option.size;
  const fitsSigned = BigInt.asIntN(bits, number) === number;
  const fitsUnsigned = BigInt.asUintN(bits, number) === number;
  switch (type.kind) {
    case 'bool':
      if (number === 0n || number === 1n) return number;
      break;
    case 'char':
    case 'int':
      // Eight bytes take any 64-bit number, whatever the sign.
      if (type.signed ? fitsSigned : fitsUnsigned) return number;
      if (bits === 64 && (fitsSigned || fitsUnsigned)) return number;
      break;
    case 'tristate':
    case 'string':
      break;
  }
  throw mismatch(option, value);
}

function exactInteger(value: number | bigint): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

/** A number as C writes it: decimal, hexadecimal or octal, with a sign; undefined for other text. */
function parseInteger(text: string): bigint | undefined {
  const match = /^([+-]?)(?:(0x[0-9a-f]+)|0([0-7]*)|([1-9][0-9]*))$/i.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, octal, decimal] = match;
  const magnitude = BigInt(hex ?? decimal ?? `0o0${octal ?? ''}`);
  return sign === '-' ? -magnitude : magnitude;
}

function mismatch(option: ExternSpec, value: KconfigValue): LoadError {
  const type = option.kconfig?.kind ?? 'unknown';
  const sign = option.kconfig?.signed === true ? 'signed ' : '';
  return new LoadError(
    'kconfig-value',
    `${option.name}=${String(value)} does not fit a variable of ${option.size} bytes and type ${sign}${type}`,
    { symbol: option.name },
  );
}
