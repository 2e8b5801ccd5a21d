/** Carries out a scenario's steps on a simulated kernel, as scripts/bpf-calls/calls.c does on a real one, with the same answers. */
import { fromHex, toHex } from '../../../src/base/bytes.ts';
import { SyscallError } from '../../../src/base/errno.ts';
import {
  builtinKernelTypes,
  type Kernel,
  type PerfEventTarget,
  type Socket,
} from '../../../src/kernel/index.ts';

const LOOPBACK4 = Uint8Array.of(127, 0, 0, 1);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const ATTR_SHOWN = 152;

export class Replay {
  private readonly kernel: Kernel;
  private readonly variables = new Map<string, number>();
  private readonly buffers = new Map<string, number>();
  private readonly sockets = new Map<string, Socket>();
  private lastAttr = new Uint8Array(0);

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** @returns what calls.c prints for the step. */
  step(line: string): string {
    const [kind = '', ...words] = line.split(' ');
    const [first = '', second = '', third = '', fourth = ''] = words;
    const { process, memory } = this.kernel;
    switch (kind) {
      case 'B':
        this.makeBuffer(first, Number(second), third);
        return '-';
      case 'W':
        this.patch(memory.view, this.address(first) + Number(second), third, fourth);
        return '-';
      case 'O':
        return this.keep(first, () => process.open(second));
      case 'M':
        return this.keep('', () => {
          process.makeDirectory(first);
          return 0;
        });
      case 'U':
        return this.keep('', () => {
          process.remove(first);
          return 0;
        });
      case 'P':
        return this.keep(first, () => process.openPerfEvent(perfTarget(second, third)));
      case 'X':
        return this.keep('', () => {
          process.close(this.variables.get(first) ?? -1);
          return 0;
        });
      case 'E':
        return this.read(first, Number(second));
      case 'I':
        this.variables.set(first, builtinKernelTypes().findByName(second, 'func')?.id ?? -1);
        return this.variables.get(first) === -1 ? 'none' : '-';
      case 'G':
        return this.keep('', () => {
          this.kernel.moveToCgroup(this.kernel.currentTask, first);
          return 0;
        });
      case 'N':
        return this.openSocket(
          first,
          second === 'inet6' ? 'inet6' : 'inet',
          third === 'stream' ? 'stream' : 'dgram',
        );
      case 'Y':
        return this.addressCall(first, this.socket(second), Number(third));
      case 'Q': {
        const socket = this.socket(second);
        const { port } = first === 'getsockname' ? socket.local : socket.remote;
        return String(port ?? (first === 'getsockname' ? 0 : -107));
      }
      case 'R':
        this.variables.set(first, memory.view.getUint32(this.address(second) + Number(third), true));
        return '-';
      case 'A':
        this.variables.set(first, new DataView(this.lastAttr.buffer).getUint32(Number(second), true));
        return '-';
      case 'D':
        return this.dump(first, Number(second), Number(third), words.slice(3));
      case 'C':
        return this.call(first, Number(second), Number(third), fourth, words.slice(4));
      default:
        throw new Error(`no step ${line}`);
    }
  }

  private read(variable: string, size: number): string {
    let text = '';
    const result = this.keep('', () => {
      const bytes = this.kernel.process.read(this.variables.get(variable) ?? -1, size);
      text = toHex(bytes);
      return bytes.length;
    });
    return `${result} ${text}`;
  }

  private openSocket(variable: string, family: 'inet' | 'inet6', type: 'stream' | 'dgram'): string {
    return this.keep(variable, () => {
      const socket = this.kernel.sockets.open({ family, type });
      this.sockets.set(variable, socket);
      this.kernel.process.openObject(socket);
      return 0;
    });
  }

  private socket(variable: string): Socket {
    const socket = this.sockets.get(variable);
    if (socket === undefined) throw new Error(`no socket ${variable}`);
    return socket;
  }

  private addressCall(call: string, socket: Socket, port: number): string {
    const address = socket.family === 'inet6' ? LOOPBACK6 : LOOPBACK4;
    return this.keep('', () => {
      if (call === 'bind') socket.bind({ address, port });
      else socket.connect({ address, port });
      return 0;
    });
  }

  private makeBuffer(name: string, size: number, hex: string): void {
    const address = this.kernel.process.allocate(size);
    if (hex !== '-') this.kernel.memory.writeBytes(address, fromHex(hex));
    this.buffers.set(name, address);
  }

  private address(name: string): number {
    const [base = '', delta = '0'] = name.split('+');
    const address = this.buffers.get(base);
    if (address === undefined) throw new Error(`no buffer ${base}`);
    return address + Number(delta);
  }

  private patch(view: DataView, offset: number, kind: string, name: string): void {
    if (kind === 'f') view.setInt32(offset, this.variables.get(name) ?? -1, true);
    else view.setBigUint64(offset, BigInt(this.address(name)), true);
  }

  private keep(variable: string, action: () => number): string {
    let result: number;
    try {
      result = action();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      result = -error.errno;
    }
    this.variables.set(variable, result);
    return String(result);
  }

  private call(name: string, command: number, size: number, hex: string, words: readonly string[]): string {
    const attr = new Uint8Array(Math.max(size, ATTR_SHOWN));
    attr.set(fromHex(hex).subarray(0, attr.length));
    const masks: [number, number][] = [];
    for (const word of words) {
      const [kind = '', offset = '', rest = ''] = word.split(':');
      if (kind === 'm') masks.push([Number(offset), Number(rest)]);
      else this.patch(new DataView(attr.buffer), Number(offset), kind, rest);
    }
    const given = attr.slice();
    const result = this.kernel.bpf(command, attr, size);
    this.variables.set(name, result);
    this.lastAttr = attr.slice();
    for (const [from, count] of masks) for (const bytes of [attr, given]) bytes.fill(0, from, from + count);
    let text = String(result);
    for (let i = 0; i < Math.min(size, ATTR_SHOWN); i++)
      if (attr[i] !== given[i]) text += ` ${i}=${attr[i]!.toString(16).padStart(2, '0')}`;
    return text;
  }

  private dump(name: string, offset: number, size: number, masks: readonly string[]): string {
    const bytes = this.kernel.memory.readBytes(this.address(name) + offset, size);
    for (const mask of masks) {
      const [from = 0, count = 0] = mask.split(':').map(Number);
      bytes.fill(0, from, from + count);
    }
    return toHex(bytes);
  }
}

function perfTarget(kind: string, name: string): PerfEventTarget {
  if (kind === 'tracepoint') return { kind, name };
  return { kind: kind === 'kprobe' ? 'kprobe' : 'kretprobe', symbol: name };
}
