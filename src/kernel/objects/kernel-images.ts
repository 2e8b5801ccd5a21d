/**
 * Images of programs, links and sockets in linear memory: the structs that iterators show (struct bpf_prog, struct bpf_prog_aux, struct bpf_link,
 * struct sock and those that begin with it), laid out as the kernel's types say. An image is made when it is first asked for and goes with its
 * object. What other programs see of a socket, struct bpf_sock, is of sockets/socket-image.ts.
 */
import { MAX_OBJ_NAME } from '../../base/limits.ts';
import { encodeUtf8 } from '../../base/text.ts';
import type { Btf } from '../../btf/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { KernelLink } from '../attach/hooks.ts';
import { memberOffset } from '../load/kernel-types.ts';
import type { Socket } from '../sockets/socket.ts';
import { familyNumber, stateNumber, typeNumber } from '../sockets/socket-image.ts';
import type { IdTable } from './ids.ts';
import { attachName, type LoadedProgram } from './loaded-program.ts';

/** A member's value: so many bytes of a number, or bytes. */
type Content = Uint8Array | readonly [size: 2 | 4 | 8, value: number | bigint];

const NO_ADDRESS = new Uint8Array(0);

const SLOT_BYTES = 8;

/** Addresses of images, by object. */
export class KernelImages {
  private readonly memory: Memory;
  private readonly types: Btf;
  /** Regions of an object, the first of them its struct. */
  private readonly regions = new Map<object, number[]>();
  private readonly sockets = new Map<number, Socket>();

  /** @param types Where structs are looked up; members that they lack are not written. */
  constructor(memory: Memory, types: Btf, programs: IdTable<LoadedProgram>) {
    this.memory = memory;
    this.types = types;
    programs.onRemove((program) => {
      this.drop(program);
    });
  }

  /** Address of a program's struct bpf_prog. @throws BpfError `out-of-memory`. */
  ofProgram(program: LoadedProgram): number {
    return this.find(program, () => {
      const { facts } = program;
      const name = encodeUtf8(program.name).subarray(0, MAX_OBJ_NAME);
      const prog = this.struct(program, 'bpf_prog');
      const aux = this.struct(program, 'bpf_prog_aux');
      const attachedTo = attachName(program);
      this.write(prog, 'bpf_prog', {
        type: [4, program.type],
        expected_attach_type: [4, program.expectedAttachType],
        len: [4, facts.code.insns.length / SLOT_BYTES],
        tag: facts.code.tag,
        aux: [8, aux],
      });
      this.write(aux, 'bpf_prog_aux', {
        id: [4, program.id],
        name,
        prog: [8, prog],
        used_map_cnt: [4, program.usedMaps.length],
        attach_btf_id: [4, facts.attachBtfId ?? 0],
        verified_insns: [4, facts.verifiedInsns ?? 0],
        load_time: [8, program.origin.time],
        attach_func_name: [8, attachedTo === '' ? 0 : this.text(program, attachedTo)],
      });
      return prog;
    });
  }

  /** Address of a link's struct bpf_link, with the program that it has now. @throws BpfError `out-of-memory`. */
  ofLink(link: KernelLink): number {
    const address = this.find(link, () => {
      const made = this.struct(link, 'bpf_link');
      this.write(made, 'bpf_link', { id: [4, link.id], type: [4, link.type] });
      return made;
    });
    this.write(address, 'bpf_link', { prog: [8, this.ofProgram(link.program)] });
    return address;
  }

  /** Address of a socket's struct sock, with its present addresses and state. @throws BpfError `out-of-memory`. */
  ofSocket(socket: Socket): number {
    const address = this.find(socket, () => {
      const made = this.struct(socket, structOf(socket, this.types));
      this.sockets.set(made, socket);
      socket.onEnd(() => {
        this.sockets.delete(made);
        this.drop(socket);
      });
      return made;
    });
    const { family, local, remote } = socket;
    const isV6 = family === 'inet6';
    this.write(address, 'sock_common', {
      skc_family: [2, familyNumber(family)],
      skc_state: Uint8Array.of(stateNumber(socket.state)),
      skc_bound_dev_if: [4, socket.ifindex],
      skc_dport: portBytes(remote.port),
      skc_num: [2, local.port ?? 0],
      skc_cookie: [8, socket.cookie],
      [isV6 ? 'skc_v6_daddr' : 'skc_daddr']: remote.address ?? NO_ADDRESS,
      [isV6 ? 'skc_v6_rcv_saddr' : 'skc_rcv_saddr']: local.address ?? NO_ADDRESS,
    });
    this.write(address, 'sock', {
      sk_type: [2, typeNumber(socket.type)],
      sk_protocol: [2, socket.protocol],
      sk_mark: [4, socket.mark],
      sk_priority: [4, socket.priority],
    });
    return address;
  }

  /** The socket whose struct sock is at an address. */
  socketAt(address: number): Socket | undefined {
    return this.sockets.get(address);
  }

  /** An object is gone: so are its images. */
  drop(object: object): void {
    for (const address of this.regions.get(object) ?? []) this.memory.free(address);
    this.regions.delete(object);
  }

  private find(object: object, make: () => number): number {
    const known = this.regions.get(object)?.[0];
    if (known !== undefined) return known;
    this.regions.set(object, []);
    return make();
  }

  private struct(object: object, name: string): number {
    const type = this.types.findByName(name, 'struct');
    return this.allocate(object, type === undefined ? 0 : this.types.sizeOf(type.id), `struct ${name}`);
  }

  private text(object: object, text: string): number {
    const bytes = encodeUtf8(`${text}\0`);
    const address = this.allocate(object, bytes.length, 'name of a function');
    this.memory.writeBytes(address, bytes);
    return address;
  }

  private allocate(object: object, size: number, name: string): number {
    const address = this.memory.allocate({ size, kind: 'kernel', name, writable: false });
    this.regions.get(object)?.push(address);
    return address;
  }

  private write(address: number, struct: string, members: Readonly<Record<string, Content>>): void {
    const { memory, types } = this;
    for (const [name, content] of Object.entries(members)) {
      const offset = memberOffset(types, struct, name);
      if (offset === undefined) continue;
      if (content instanceof Uint8Array) memory.writeBytes(address + offset, content);
      else if (content[0] === 2) memory.view.setUint16(address + offset, Number(content[1]), true);
      else if (content[0] === 4) memory.view.setUint32(address + offset, Number(content[1]), true);
      else memory.view.setBigUint64(address + offset, BigInt(content[1]), true);
    }
  }
}

/** The largest struct that the kernel has for such a socket, all of which begin with a struct sock. */
function structOf({ family, type }: Socket, types: Btf): string {
  const isIp = family === 'inet' || family === 'inet6';
  const own =
    family === 'unix' ? 'unix_sock' : isIp && type === 'stream' ? 'tcp_sock' : isIp ? 'udp_sock' : 'sock';
  return types.findByName(own, 'struct') === undefined ? 'sock' : own;
}

/** A port in network order. */
function portBytes(port = 0): Uint8Array {
  return Uint8Array.of(port >>> 8, port & 0xff);
}
