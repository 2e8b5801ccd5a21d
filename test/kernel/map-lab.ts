/** A kernel with maps made by bpf(2) and small programs in assembly that use them: for rules about what programs see of maps. */
import { encodeUtf8 } from '../../src/base/text.ts';
import { assemble, rawToBytes } from '../../src/isa/index.ts';
import { Kernel, type KernelOptions } from '../../src/kernel/index.ts';
import { BpfMapType, type BpfMapTypeName, BpfProgType } from '../../src/spec/index.ts';

type Kind = BpfMapTypeName extends `BPF_MAP_TYPE_${infer K}` ? K : never;

export interface LabMap {
  readonly key_size?: number;
  readonly value_size?: number;
  readonly max_entries?: number;
  readonly map_flags?: number;
  readonly inner_map_fd?: number;
  readonly btf_fd?: number;
  readonly btf_key_type_id?: number;
  readonly btf_value_type_id?: number;
}

/** 32-bit words, little-endian. */
export const words = (...numbers: number[]): Uint8Array => new Uint8Array(Int32Array.from(numbers).buffer);

export class MapLab {
  readonly kernel: Kernel;

  constructor(options: KernelOptions = {}) {
    this.kernel = new Kernel(options);
  }

  /** Descriptor of a new map; keys of 4, values of 8 bytes, four entries unless told otherwise. */
  map(kind: Kind, shape: LabMap = {}): number {
    const map_type = BpfMapType[`BPF_MAP_TYPE_${kind}`];
    return this.kernel.bpf('BPF_MAP_CREATE', {
      map_type,
      key_size: 4,
      value_size: 8,
      max_entries: 4,
      ...shape,
    });
  }

  update(map_fd: number, key: Uint8Array, value: Uint8Array, flags = 0): void {
    this.kernel.bpf('BPF_MAP_UPDATE_ELEM', { map_fd, key, value, flags });
  }

  /** The value of a key of a map with values of 8 bytes. */
  lookup(map_fd: number, key: Uint8Array): Uint8Array {
    const value = new Uint8Array(8);
    this.kernel.bpf('BPF_MAP_LOOKUP_ELEM', { map_fd, key, value });
    return value;
  }

  /** Descriptor of a tc program that the verifier accepted. */
  load(source: string): number {
    const insns = rawToBytes(assemble(source), 'little');
    return this.kernel.bpf('BPF_PROG_LOAD', {
      prog_type: BpfProgType.BPF_PROG_TYPE_SCHED_CLS,
      insns,
      insn_cnt: insns.length / 8,
      license: encodeUtf8('GPL\0'),
    });
  }

  /** What a program returns, as a signed number. */
  run(prog_fd: number): number {
    const attr = { prog_fd, data_in: new Uint8Array(64), data_size_in: 64, retval: 0 };
    this.kernel.bpf('BPF_PROG_TEST_RUN', attr);
    return attr.retval | 0;
  }

  /** Loads a program, runs it once and lets go of it. */
  once(source: string): number {
    const program = this.load(source);
    const result = this.run(program);
    this.kernel.process.close(program);
    return result;
  }
}
