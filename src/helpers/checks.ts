/**
 * Checks of a helper call's arguments against the prototype, for programs that no verifier has seen: memory must be there, and
 * writable where it is written. Derived once for each helper from its row in the spec; what a row says is checked here and
 * nowhere else. That maps are maps is checked by all implementations, which look them up anyway.
 */
import {
  ARG_CONST_MAP_PTR,
  ARG_PTR_TO_CONST_STR,
  ARG_PTR_TO_MAP_KEY,
  ARG_PTR_TO_MAP_VALUE,
  ARG_PTR_TO_MEM,
  ARG_PTR_TO_SPIN_LOCK,
  type ArgNumber,
  baseType,
  type HelperProto,
  type HelperSpec,
  MEM_FIXED_SIZE,
  MEM_RDONLY,
  MEM_WRITE,
  PTR_MAYBE_NULL,
  type TypeWord,
} from '../spec/index.ts';
import type { ArgPass, HelperFn } from '../vm/index.ts';
import { badMemory } from './fault.ts';
import { needMap } from './map-argument.ts';
import type { HelperRuntime } from './runtime.ts';

/** Most words that a helper takes: five registers of two. */
const MAX_WORDS = 10;
/** sizeof(struct bpf_spin_lock). */
const SPIN_LOCK_BYTES = 4;

/**
 * How many bytes a pointer must point to: a number, what the call's map has for keys or values, the next argument, or as many as
 * come to a terminating zero.
 */
type SizeRule = number | 'key' | 'value' | 'next' | 'string';

/** What a pointer argument must point to. */
interface MemoryCheck {
  /** R1 to R5. */
  readonly argument: number;
  /** Where the argument begins in the words of the call. */
  readonly word: number;
  readonly size: SizeRule;
  /** Where the call's map is in its words. */
  readonly mapWord: number;
  readonly write: boolean;
  readonly nullable: boolean;
}

/** Puts checks in front of an implementation. */
export function withChecks(
  spec: HelperSpec,
  passes: readonly ArgPass[],
  runtime: HelperRuntime,
  call: HelperFn,
): HelperFn {
  const checks = checksFor(spec.proto, passes);
  if (checks.length === 0) return call;
  const words = new Int32Array(MAX_WORDS);
  // Named parameters instead of a rest array: this runs for every call of the interpreter.
  return (a, b, c, d, e, f, g, h, i, j) => {
    words[0] = a;
    words[1] = b;
    words[2] = c;
    words[3] = d;
    words[4] = e;
    words[5] = f;
    words[6] = g;
    words[7] = h;
    words[8] = i;
    words[9] = j;
    for (let n = 0; n < checks.length; n++) checkMemory(spec.name, checks[n]!, words, runtime);
    return call(a, b, c, d, e, f, g, h, i, j);
  };
}

/** The checks that a prototype asks for. */
function checksFor(proto: HelperProto, passes: readonly ArgPass[]): MemoryCheck[] {
  const checks: MemoryCheck[] = [];
  let word = 0;
  let mapWord = 0;
  proto.args.forEach((arg, i) => {
    const argument = (i + 1) as ArgNumber;
    const size = sizeRule(arg, proto.argSize?.[argument]);
    const nullable = (arg & PTR_MAYBE_NULL) !== 0;
    if (baseType(arg) === ARG_CONST_MAP_PTR) mapWord = word;
    if (size !== undefined) checks.push({ argument, word, size, mapWord, write: writes(arg), nullable });
    word += passes[i] === 'u64' ? 2 : 1;
  });
  return checks;
}

function sizeRule(arg: TypeWord, fixed: number | undefined): SizeRule | undefined {
  switch (baseType(arg)) {
    case ARG_PTR_TO_MAP_KEY:
      return 'key';
    case ARG_PTR_TO_MAP_VALUE:
      return 'value';
    case ARG_PTR_TO_SPIN_LOCK:
      return SPIN_LOCK_BYTES;
    case ARG_PTR_TO_MEM:
      return (arg & MEM_FIXED_SIZE) !== 0 ? fixed : 'next';
    case ARG_PTR_TO_CONST_STR:
      return 'string';
    default:
      return undefined;
  }
}

/** Memory that a prototype does not call read-only may be written, though Linux 6.12 does not always say MEM_WRITE. */
function writes(arg: TypeWord): boolean {
  if (baseType(arg) === ARG_PTR_TO_SPIN_LOCK) return true;
  if (baseType(arg) !== ARG_PTR_TO_MEM) return (arg & MEM_WRITE) !== 0;
  return (arg & MEM_RDONLY) === 0;
}

function checkMemory(helper: string, check: MemoryCheck, words: Int32Array, runtime: HelperRuntime): void {
  const address = words[check.word]! >>> 0;
  if (address === 0 && check.nullable) return;
  const size = bytesFor(helper, check, words, runtime);
  const { memory } = runtime;
  const fine = check.write ? memory.isWritable(address, size) : memory.isReadable(address, size);
  if (!fine) throw badMemory(memory, helper, check.argument, address, size, check.write);
}

function bytesFor(helper: string, check: MemoryCheck, words: Int32Array, runtime: HelperRuntime): number {
  switch (check.size) {
    case 'key':
      return needMap(runtime, helper, words[check.mapWord]!).attr.keySize;
    case 'value':
      return needMap(runtime, helper, words[check.mapWord]!).attr.valueSize;
    case 'next':
      return words[check.word + 1]! >>> 0;
    case 'string':
      return stringBytes(runtime, words[check.word]! >>> 0);
    default:
      return check.size;
  }
}

/** Bytes of a string with its terminating zero, or up to and with the first byte that cannot be read. */
function stringBytes({ memory }: HelperRuntime, address: number): number {
  let at = address;
  while (memory.isReadable(at, 1) && memory.u8[at] !== 0) at++;
  return at - address + 1;
}
