/** Reads the code of a WebAssembly function back as text: mnemonics and immediates, registers by name. For the instructions that the compiler writes. */
import { localOf } from '../src/vm/jit/emitter.ts';
import { W } from '../src/vm/wasm/opcodes.ts';

const NAMES = new Map<number, string>(
  Object.entries(W)
    .filter(([name]) => !['PREFIX', 'MEMORY_COPY', 'MEMORY_FILL'].includes(name))
    .map(([name, opcode]) => [opcode, name.toLowerCase().replace(/^(i32|i64|f64|local|memory)_/, '$1.')]),
);

const LOCALS = new Map<number, string>([
  [0, '$frame'],
  ...Array.from({ length: 10 }, (_, reg): [number, string] => [localOf(reg), `$r${reg}`]),
]);

class Reader {
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    return this.bytes[this.at++]!;
  }

  unsigned(): number {
    const byte = this.byte();
    return byte < 0x80 ? byte : byte - 0x80 + 0x80 * this.unsigned();
  }

  signed(): bigint {
    let value = 0n;
    for (let shift = 0n; ; ) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      shift += 7n;
      if (byte < 0x80) return BigInt.asIntN(Number(shift), value);
    }
  }
}

/** The words of the function whose code begins at a byte of a module: one for each mnemonic and each immediate, without the last `end`. */
export function functionWords(module: Uint8Array, start: number): string[] {
  const reader = new Reader(module, start);
  for (let groups = reader.unsigned(); groups > 0; groups--) {
    reader.unsigned();
    reader.byte();
  }
  const words: string[] = [];
  for (let depth = 1; ; ) {
    const opcode = reader.byte();
    if (opcode === W.END && --depth === 0) return words;
    const name = NAMES.get(opcode);
    if (name === undefined) throw new Error(`no text for the opcode 0x${opcode.toString(16)}`);
    words.push(name, ...immediates(name, reader));
    if (name === 'block' || name === 'loop' || name === 'if') depth++;
  }
}

function immediates(name: string, reader: Reader): string[] {
  if (name.startsWith('local.')) return [LOCALS.get(reader.unsigned()) ?? 'local'];
  if (name.endsWith('.const')) return [String(reader.signed())];
  if (name === 'br' || name === 'br_if' || name === 'call') return [String(reader.unsigned())];
  if (/load|store/.test(name)) {
    reader.unsigned();
    const offset = reader.unsigned();
    return offset === 0 ? [] : [`offset=${offset}`];
  }
  if (name === 'block' || name === 'loop' || name === 'if') reader.byte();
  return [];
}
