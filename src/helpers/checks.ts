/**
 * Checks of a helper call's arguments against the prototype, for programs that no verifier has seen: memory must be there, writable
 * where it is written, and maps must be maps. Made once for each helper from its row in the spec; what a row says is checked
 * here and nowhere else.
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

/** Throws when one argument, or a pair of arguments, is not what it must be. */
type Check = (words: Int32Array) => void;

/** Puts checks in front of an implementation. */
export function withChecks(
  spec: HelperSpec,
  passes: readonly ArgPass[],
  runtime: HelperRuntime,
  call: HelperFn,
): HelperFn {
  const checks = checksFor(spec, passes, runtime);
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
    for (let n = 0; n < checks.length; n++) checks[n]!(words);
    return call(a, b, c, d, e, f, g, h, i, j);
  };
}

function checksFor(spec: HelperSpec, passes: readonly ArgPass[], runtime: HelperRuntime): Check[] {
  const checks: Check[] = [];
  let word = 0;
  spec.proto.args.forEach((arg, i) => {
    const check = checkFor(spec, arg, i, word, runtime);
    if (check !== undefined) checks.push(check);
    word += passes[i] === 'u64' ? 2 : 1;
  });
  return checks;
}

/** `word`: where the argument begins in the words; a size or a map that it belongs to lies beside it or first. */
function checkFor(
  spec: HelperSpec,
  arg: TypeWord,
  index: number,
  word: number,
  runtime: HelperRuntime,
): Check | undefined {
  const memory = (size: (words: Int32Array) => number): Check => {
    const nullable = (arg & PTR_MAYBE_NULL) !== 0;
    const write = writes(arg);
    return (words) => {
      const address = words[word]! >>> 0;
      const bytes = size(words) >>> 0;
      if (address === 0 && nullable) return;
      const fine = write
        ? runtime.memory.isWritable(address, bytes)
        : runtime.memory.isReadable(address, bytes);
      if (!fine) throw badMemory(runtime.memory, spec.name, index + 1, address, bytes, write);
    };
  };
  switch (baseType(arg)) {
    case ARG_CONST_MAP_PTR:
      return (words) => void needMap(runtime, spec.name, words[word]!);
    case ARG_PTR_TO_MAP_KEY:
      return memory((words) => needMap(runtime, spec.name, words[0]!).attr.keySize);
    case ARG_PTR_TO_MAP_VALUE:
      return memory((words) => needMap(runtime, spec.name, words[0]!).attr.valueSize);
    case ARG_PTR_TO_SPIN_LOCK:
      return memory(() => SPIN_LOCK_BYTES);
    case ARG_PTR_TO_MEM: {
      const fixed = spec.proto.argSize?.[(index + 1) as ArgNumber];
      return (arg & MEM_FIXED_SIZE) !== 0 ? memory(() => fixed ?? 0) : memory((words) => words[word + 1]!);
    }
    case ARG_PTR_TO_CONST_STR:
      return (words) => {
        checkString(runtime, spec.name, index + 1, words[word]! >>> 0);
      };
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

function checkString(runtime: HelperRuntime, helper: string, argument: number, address: number): void {
  const { memory } = runtime;
  for (let at = address; ; at++) {
    if (!memory.isReadable(at, 1))
      throw badMemory(memory, helper, argument, address, at - address + 1, false);
    if (memory.u8[at] === 0) return;
  }
}
