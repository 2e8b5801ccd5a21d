/** What random programs run in: an XDP context with a packet, two array maps, and a few helpers whose results are random. */
import { parseBtf } from '../../src/btf/index.ts';
import { decodeProgram, linkFunctionPointers, type RawInsn, subprogStarts } from '../../src/isa/index.ts';
import { BpfMapType, BpfProgType } from '../../src/spec/index.ts';
import type { MapInfo, VerifierInput } from '../../src/verifier/index.ts';
import { LD_IMM64, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE } from '../../src/verifier/program.ts';
import {
  type CallbackDriver,
  type HelperEntry,
  type HelperTable,
  Memory,
  type PreparedProgram,
} from '../../src/vm/index.ts';
import type { Regions } from './contain.ts';
import type { Random } from './random.ts';

/** Helpers by their numbers in the kernel. */
export const LOOKUP = 1;
export const KTIME = 5;
export const PRANDOM = 7;
export const LOOP = 181;

/** An array to look things up in, and one of a single value whose address programs have. */
export const MAP_FD = 3;
export const DATA_FD = 4;
export const VALUE_SIZE = 64;
const ENTRIES = 4;
const array = (name: string, maxEntries: number): MapInfo => ({
  name,
  type: BpfMapType.BPF_MAP_TYPE_ARRAY,
  keySize: 4,
  valueSize: VALUE_SIZE,
  maxEntries,
  flags: 0,
});
const VALUES = array('values', ENTRIES);
const DATA = array('data', 1);

const CONTEXT_SIZE = 24;
const HEADROOM = 16;
const MAX_PACKET = 160;

/** One type: a static function without parameters. Callbacks must have a type, whatever it says. */
const btf = parseBtf(functionTypes());
const FUNCTION_TYPE = 2;

function functionTypes(): Uint8Array {
  const FUNC_PROTO = 13 << 24;
  const FUNC = 12 << 24;
  const types = [0, FUNC_PROTO, 0, 1, FUNC, 1];
  const strings = [0, 0x66, 0, 0];
  const bytes = new Uint8Array(24 + 4 * types.length + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0001_eb9f, true);
  [24, 0, 4 * types.length, 4 * types.length, strings.length].forEach((word, i) => {
    view.setUint32(4 + 4 * i, word, true);
  });
  types.forEach((word, i) => {
    view.setUint32(24 + 4 * i, word, true);
  });
  bytes.set(strings, 24 + 4 * types.length);
  return bytes;
}

/** The attributes of a program that runs in this world. */
export function inputOf(insns: readonly RawInsn[]): VerifierInput {
  const starts = subprogStarts(decodeProgram(linkFunctionPointers(insns)));
  return {
    insns,
    btf,
    functions: starts.map((insn) => ({ insn, typeId: FUNCTION_TYPE })),
    type: BpfProgType.BPF_PROG_TYPE_XDP,
    attachType: 0,
    flags: 0,
    license: 'GPL',
    maps: new Map([
      [MAP_FD, VALUES],
      [DATA_FD, DATA],
    ]),
  };
}

/** The memory of all runs; `fill` makes new contents. */
export class World {
  readonly memory = new Memory();
  readonly helpers: HelperTable;
  readonly ctx: number;
  private readonly packet: number;
  private readonly map: number;
  private readonly values: number;
  private readonly data: number;
  private readonly random: Random;
  private length = 0;

  constructor(random: Random) {
    this.random = random;
    this.ctx = this.memory.allocate({ size: CONTEXT_SIZE, kind: 'ctx', name: 'xdp_md' });
    this.packet = this.memory.allocate({ size: HEADROOM + MAX_PACKET, kind: 'packet', name: 'packet' });
    this.map = this.memory.allocate({ size: 8, kind: 'map', name: 'values' });
    this.values = this.memory.allocate({ size: VALUE_SIZE * ENTRIES, kind: 'map-value', name: 'values' });
    this.data = this.memory.allocate({ size: VALUE_SIZE, kind: 'map-value', name: 'data' });
    const entries: (HelperEntry | undefined)[] = [];
    for (const entry of this.entries()) entries[entry.id] = entry;
    this.helpers = { entries, high: 0 };
  }

  /** A random packet, context and map. */
  fill(): void {
    const { random } = this;
    this.length = random.below(MAX_PACKET + 1);
    const { u8, view } = this.memory;
    for (let i = 0; i < HEADROOM + MAX_PACKET; i++) u8[this.packet + i] = interestingByte(random);
    for (let i = 0; i < VALUE_SIZE * ENTRIES; i++) u8[this.values + i] = interestingByte(random);
    for (let i = 0; i < VALUE_SIZE; i++) u8[this.data + i] = interestingByte(random);
    const start = this.packet + HEADROOM;
    const meta = start - 4 * random.below(HEADROOM / 4 + 1);
    [start, start + this.length, meta, random.word(), random.below(64), random.word()].forEach((word, i) => {
      view.setUint32(this.ctx + 4 * i, word, true);
    });
  }

  /** @param maps the maps by the numbers that registers hold */
  regions(maps: ReadonlyMap<number, MapInfo>): Omit<Regions, 'framePointers'> {
    const view = this.memory.view;
    const entries = Array.from({ length: ENTRIES }, (_, i) => this.values + i * VALUE_SIZE);
    return {
      ctx: this.ctx,
      packetMeta: view.getUint32(this.ctx + 8, true),
      packet: view.getUint32(this.ctx, true),
      packetEnd: view.getUint32(this.ctx + 4, true),
      mapAddress: (map) => (maps.get(map) === VALUES ? this.map : undefined),
      mapValues: (map) => (maps.get(map) === VALUES ? entries : [this.data]),
    };
  }

  /** The program with addresses in the place of maps. */
  prepare(insns: readonly RawInsn[]): PreparedProgram {
    const linked = linkFunctionPointers(
      insns.map((insn, i) => {
        if (insn.opcode === LD_IMM64 && insn.src === PSEUDO_MAP_FD) return { ...insn, src: 0, imm: this.map };
        if (insn.opcode === LD_IMM64 && insn.src === PSEUDO_MAP_VALUE)
          return { ...insn, src: 0, imm: this.data + insns[i + 1]!.imm };
        return i > 0 && insns[i - 1]!.opcode === LD_IMM64 && insns[i - 1]!.src === PSEUDO_MAP_VALUE
          ? { ...insn, imm: 0 }
          : insn;
      }),
    );
    const list = decodeProgram(linked);
    const subprogs = subprogStarts(list);
    return { name: 'random', insns: list, subprogs, subprogNames: subprogs.map((slot) => `f${slot}`) };
  }

  private entries(): HelperEntry[] {
    return [
      {
        id: LOOKUP,
        name: 'map_lookup_elem',
        args: ['ptr', 'ptr'],
        returns: 'ptr',
        kind: 'plain',
        call: (_map, key) => {
          const index = this.memory.view.getUint32(key, true);
          return index < ENTRIES ? this.values + index * VALUE_SIZE : 0;
        },
      },
      {
        id: KTIME,
        name: 'ktime_get_ns',
        args: [],
        returns: 'u64',
        kind: 'plain',
        call: () => {
          this.helpers.high = this.random.word() | 0;
          return this.random.word() | 0;
        },
      },
      {
        id: PRANDOM,
        name: 'get_prandom_u32',
        args: [],
        returns: 'u64',
        kind: 'plain',
        call: () => {
          this.helpers.high = 0;
          return this.random.word() | 0;
        },
      },
      {
        id: LOOP,
        name: 'loop',
        args: ['u32', 'ptr', 'ptr', 'u64'],
        returns: 'int',
        kind: 'callback',
        start: (count, callback, context) => loopDriver(count, callback, context),
      },
    ];
  }
}

function loopDriver(count: number, callback: number, context: number): CallbackDriver {
  let index = 0;
  let stopped = false;
  return {
    callback,
    next(args) {
      if (stopped || index >= count) return false;
      args.fill(0);
      args[0] = index++;
      args[2] = context;
      return true;
    },
    returned(lo, hi) {
      stopped = (lo | hi) !== 0;
    },
    result: () => index,
  };
}

/** Bytes at which comparisons and sign extensions tip over come often. */
function interestingByte(random: Random): number {
  return random.oneIn(3) ? random.pick([0, 1, 0x7f, 0x80, 0xff]) : random.below(256);
}
