/**
 * Scenarios: sequences of calls of bpf(2) written with the attributes' names, turned into the steps that scripts/bpf-calls/calls.c carries
 * out on a real kernel and `replay` on the simulated one. The steps are described there.
 */
import { toHex } from '../../../src/base/bytes.ts';
import { encodeUtf8 } from '../../../src/base/text.ts';
import { assemble, rawToBytes } from '../../../src/isa/index.ts';
import { BPF_ATTR_BYTES, BPF_COMMANDS, type BpfCommand, commandSpec } from '../../../src/spec/index.ts';

/** A member of the attributes that is known only when the scenario runs. */
export type Late =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'address'; readonly name: string };

type Value = number | bigint | string | Uint8Array | Late;

export interface CallOptions {
  /** Variable for the result. */
  readonly as?: string;
  /** Size of the attributes that the caller gives; all of them by default. */
  readonly size?: number;
  /** Bytes at offsets, beyond what members say. */
  readonly bytes?: Readonly<Record<number, number>>;
  /** Members whose results differ from run to run. */
  readonly hide?: readonly string[];
}

export const u32 = (...words: number[]): Uint8Array => new Uint8Array(Uint32Array.from(words).buffer);

/** A program's instructions as bytes. */
export function code(source: string): Uint8Array {
  return rawToBytes(assemble(source), 'little');
}

export class Scenario {
  readonly name: string;
  readonly steps: string[] = [];
  private temporaries = 0;

  constructor(name: string) {
    this.name = name;
  }

  /** A buffer of the process; its first bytes. */
  buffer(name: string, content: number | Uint8Array | string, size?: number): Late {
    const bytes =
      typeof content === 'number'
        ? new Uint8Array(0)
        : typeof content === 'string'
          ? encodeUtf8(`${content}\0`)
          : content;
    const length = size ?? (typeof content === 'number' ? content : bytes.length);
    this.steps.push(`B ${name} ${length} ${bytes.length === 0 ? '-' : toHex(bytes)}`);
    return { kind: 'address', name };
  }

  /** Puts a variable or an address into a buffer. */
  put(buffer: Late, offset: number, value: Late): void {
    this.steps.push(`W ${buffer.name} ${offset} ${value.kind === 'variable' ? 'f' : 'p'} ${value.name}`);
  }

  call(command: BpfCommand, attr: Readonly<Record<string, Value>> = {}, options: CallOptions = {}): Late {
    const name = options.as ?? `r${++this.temporaries}`;
    const { number, bytes, words } = this.encode(command, attr, options);
    const size = options.size ?? BPF_ATTR_BYTES;
    const hex = toHex(bytes).replace(/(00)+$/, '') || '00';
    this.steps.push(['C', name, number, size, hex, ...words].join(' '));
    return { kind: 'variable', name };
  }

  /** A command by its number, with attributes as bytes. */
  raw(number: number, bytes: Uint8Array, size: number): void {
    this.steps.push(
      `C r${++this.temporaries} ${number} ${size} ${toHex(bytes).replace(/(00)+$/, '') || '00'}`,
    );
  }

  open(path: string, name: string): Late {
    this.steps.push(`O ${name} ${path}`);
    return { kind: 'variable', name };
  }

  perfEvent(name: string, kind: 'tracepoint' | 'kprobe' | 'kretprobe', target: string): Late {
    this.steps.push(`P ${name} ${kind} ${target}`);
    return { kind: 'variable', name };
  }

  close(variable: Late): void {
    this.steps.push(`X ${variable.name}`);
  }

  /** read(2). */
  readFile(variable: Late, size: number): void {
    this.steps.push(`E ${variable.name} ${size}`);
  }

  /** The id of a function in the kernel's BTF. */
  btfId(name: string, variable: string): Late {
    this.steps.push(`I ${variable} ${name}`);
    return { kind: 'variable', name: variable };
  }

  /** Moves the process to a cgroup. */
  joinCgroup(path: string): void {
    this.steps.push(`G ${path}`);
  }

  socket(name: string, family: 'inet' | 'inet6', type: 'stream' | 'dgram'): Late {
    this.steps.push(`N ${name} ${family} ${type}`);
    return { kind: 'variable', name };
  }

  /** bind(2) or connect(2) with the loopback address. */
  address(call: 'bind' | 'connect', socket: Late, port: number): void {
    this.steps.push(`Y ${call} ${socket.name} ${port}`);
  }

  /** Shows the port of an end of a socket. */
  port(call: 'getsockname' | 'getpeername', socket: Late): void {
    this.steps.push(`Q ${call} ${socket.name}`);
  }

  makeDirectory(path: string): void {
    this.steps.push(`M ${path}`);
  }

  remove(path: string): void {
    this.steps.push(`U ${path}`);
  }

  /** Shows a buffer; parts that differ from run to run as zeros. */
  show(buffer: Late, offset: number, size: number, hide: readonly (readonly [number, number])[] = []): void {
    const masks = hide.map(([from, count]) => ` ${from}:${count}`).join('');
    this.steps.push(`D ${buffer.name} ${offset} ${size}${masks}`);
  }

  /** A number out of a buffer. */
  read(buffer: Late, offset: number, name: string): Late {
    this.steps.push(`R ${name} ${buffer.name} ${offset}`);
    return { kind: 'variable', name };
  }

  /** A number out of the attributes of the last call. */
  result(command: BpfCommand, member: string, name: string): Late {
    this.steps.push(`A ${name} ${offsetOf(command, member).offset}`);
    return { kind: 'variable', name };
  }

  private encode(
    command: BpfCommand,
    attr: Readonly<Record<string, Value>>,
    options: CallOptions,
  ): { number: number; bytes: Uint8Array; words: string[] } {
    const bytes = new Uint8Array(Math.max(BPF_ATTR_BYTES, options.size ?? 0));
    const view = new DataView(bytes.buffer);
    const words: string[] = [];
    for (const [member, given] of Object.entries(attr)) {
      const { offset, size, kind } = offsetOf(command, member);
      let value = given;
      if (kind === 'name' && (typeof value === 'string' || value instanceof Uint8Array)) {
        bytes.set(typeof value === 'string' ? encodeUtf8(value) : value, offset);
        continue;
      }
      if (typeof value === 'string' || value instanceof Uint8Array)
        value = this.buffer(`b${++this.temporaries}`, value);
      if (typeof value === 'object')
        words.push(`${value.kind === 'variable' ? 'f' : 'p'}:${offset}:${value.name}`);
      else if (size === 8) view.setBigUint64(offset, BigInt.asUintN(64, BigInt(value)), true);
      else view.setUint32(offset, Number(BigInt.asUintN(32, BigInt(value))), true);
    }
    for (const [at, byte] of Object.entries(options.bytes ?? {})) bytes[Number(at)] = byte;
    for (const member of options.hide ?? []) {
      const { offset, size } = offsetOf(command, member);
      words.push(`m:${offset}:${size}`);
    }
    return { number: BPF_COMMANDS[command].number, bytes, words };
  }
}

function offsetOf(command: BpfCommand, member: string): { offset: number; size: number; kind: string } {
  const field = commandSpec(command).fields[member];
  if (field === undefined) throw new Error(`${command} has no '${member}'`);
  return field;
}

/** An address inside a buffer. */
export function at(buffer: Late, delta: number): Late {
  return { kind: 'address', name: `${buffer.name}+${delta}` };
}
