/**
 * What Linux 6.12.117 on x86-64 answered (fixtures/kernel-6.12/helper-results.json): programs that called helpers with these
 * arguments were run by BPF_PROG_TEST_RUN, return values and written bytes read back from their packets.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../src/base/text.ts';
import { FakeRuntime } from './fake-runtime.ts';

/** Numbers that JSON cannot hold are strings. */
type Numeric = number | string;
/** A value, or a pointer to a string or to bytes. */
type PrintArgument = Numeric | { readonly string: string } | { readonly bytes: string };

interface Results {
  readonly snprintf: readonly {
    format: string;
    args: PrintArgument[];
    size: number;
    result: number;
    written: string;
  }[];
  readonly vprintk: readonly {
    format: string;
    args: PrintArgument[];
    nul?: false;
    datalen?: number;
    result: number;
  }[];
  readonly printk: readonly { format: string; args: PrintArgument[]; size?: number; result: number }[];
  readonly strtol: readonly {
    text: string;
    flags: Numeric;
    length: number;
    signed: [number, string];
    unsigned: [number, string];
  }[];
  readonly strncmp: readonly { left: string; right: string; size: number; result: number }[];
  readonly csumDiff: readonly { from: string; to: string; seed: number; result: number }[];
  readonly probe: readonly {
    helper: string;
    address: Numeric;
    size: number;
    result: number;
    target: string;
  }[];
  readonly probeString: readonly { text: string; size: number; result: number; written: string }[];
  readonly csumReplace: readonly {
    helper: string;
    old: string;
    from: Numeric;
    to: Numeric;
    flags: Numeric;
    offset: number;
    result: number;
    field: string;
  }[];
  readonly skb: readonly ({ op: string; result: number; loaded: string; packet: string } & Record<
    string,
    Numeric
  >)[];
  readonly xdp: readonly ({ op: string; result: number; length: number; start: string; end: string } & Record<
    string,
    Numeric
  >)[];
  readonly loop: readonly { count: Numeric; flags: Numeric; stop: number; result: number; calls: number }[];
  readonly forEach: readonly { map: string; flags: Numeric; stop: number; result: number; calls: number }[];
  readonly ringbuf: readonly { op: string; flags: Numeric; size?: number; result: number }[];
  readonly perf: readonly { flags: Numeric; result: number }[];
}

const results = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/kernel-6.12/helper-results.json'), 'utf8'),
) as Results;

/** One machine for all cases: each places memory of its own. */
const runtime = new FakeRuntime();

const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));
const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const numbered = <T>(list: readonly T[]): (readonly [string, T])[] =>
  list.map((entry) => [JSON.stringify(entry), entry]);

/** Places what pointer arguments point to and gives the values. */
function place(args: readonly PrintArgument[]): bigint[] {
  return args.map((arg) => {
    if (typeof arg !== 'object') return BigInt(arg);
    return BigInt(runtime.place('string' in arg ? arg.string : fromHex(arg.bytes), 'map-value'));
  });
}

/** The content of memory that was filled with 0xee, without what nobody wrote at its end. */
function written(address: number, size: number): string {
  return runtime.hex(address, size).replace(/(ee)+$/, '');
}

describe('formatting is the kernel’s', () => {
  it.each(numbered(results.snprintf))(
    'bpf_snprintf %s',
    (_, { format, args, size, result, written: expected }) => {
      const target = runtime.room(96);
      const values = place(args);
      const list = values.length === 0 ? 0 : runtime.values(...values);
      const given = size === 0 ? 0 : target;
      const got = runtime.call('bpf_snprintf', given, size, runtime.place(format), list, 8 * values.length);
      expect(got).toBe(result);
      expect(written(target, 96)).toBe(expected);
    },
  );

  it.each(numbered(results.vprintk))('bpf_trace_vprintk %s', (_, { format, args, nul, datalen, result }) => {
    const bytes = encodeUtf8(format);
    const values = place(args);
    const list = values.length === 0 ? 0 : runtime.values(...values);
    const address = runtime.place(format);
    const size = nul === false ? bytes.length : bytes.length + 1;
    const got = runtime.call('bpf_trace_vprintk', address, size, list, datalen ?? 8 * values.length);
    expect(got).toBe(result);
  });

  it.each(numbered(results.printk))('bpf_trace_printk %s', (_, { format, args, size, result }) => {
    const given = size ?? encodeUtf8(format).length + 1;
    const got = runtime.call('bpf_trace_printk', runtime.place(format), given, ...place(args));
    expect(got).toBe(result);
  });
});

describe('strings are the kernel’s', () => {
  it.each(numbered(results.strtol))(
    'bpf_strtol, bpf_strtoul %s',
    (_, { text, flags, length, signed, unsigned }) => {
      const address = runtime.place(latin1(`${text}\0`));
      const result = runtime.room(8);
      expect(runtime.call('bpf_strtol', address, length, BigInt(flags), result)).toBe(signed[0]);
      expect(runtime.int64(result)).toBe(BigInt(signed[1]));
      expect(runtime.call('bpf_strtoul', address, length, BigInt(flags), result)).toBe(unsigned[0]);
      expect(BigInt.asUintN(64, runtime.int64(result))).toBe(BigInt(unsigned[1]));
    },
  );

  it.each(numbered(results.strncmp))('bpf_strncmp %s', (_, { left, right, size, result }) => {
    const text = runtime.place(latin1(`${right}\0`));
    expect(runtime.call('bpf_strncmp', runtime.place(fromHex(`${left}00`)), size, text)).toBe(result);
  });

  it.each(numbered(results.probeString))(
    'bpf_probe_read_kernel_str %s',
    (_, { text, size, result, written: bytes }) => {
      const target = runtime.room(40);
      const from = runtime.place(text, 'map-value');
      expect(runtime.call('bpf_probe_read_kernel_str', target, size, from)).toBe(result);
      expect(written(target, 40)).toBe(bytes);
    },
  );
});

describe('reading at addresses that nobody mapped fails as in the kernel', () => {
  // Below 2^32 the simulated kernel has its own memory, where x86-64 has that of processes.
  const elsewhere = results.probe.filter(
    ({ address }) => BigInt(address) >> 32n !== 0n || BigInt(address) < 0x10000n,
  );

  it.each(numbered(elsewhere))('%s', (_, { helper, address, size, result, target }) => {
    const to = runtime.room(8);
    expect(runtime.call(helper, to, size, BigInt(address))).toBe(result);
    expect(runtime.hex(to, 8)).toBe(target);
  });
});

describe('checksums are the kernel’s', () => {
  it.each(numbered(results.csumDiff))('bpf_csum_diff %s', (_, { from, to, seed, result }) => {
    const [a, b] = [from, to].map((hex) => (hex === '' ? 0 : runtime.place(fromHex(hex)))) as [
      number,
      number,
    ];
    const got = runtime.call64('bpf_csum_diff', a, from.length / 2, b, to.length / 2, seed);
    expect(Number(got)).toBe(result);
  });

  it.each(numbered(results.csumReplace))(
    '%s',
    (_, { helper, old, from, to, flags, offset, result, field }) => {
      const data = new Uint8Array(64);
      data.set(fromHex(old), 34);
      const packet = runtime.packetOn('skb', data);
      const args = [offset, BigInt(from), BigInt(to), BigInt(flags)];
      expect(runtime.call(helper, packet.context, ...args)).toBe(result);
      expect(runtime.hex(packet.get('data') + 34, 2)).toBe(field);
    },
  );
});

describe('packets of tc programs', () => {
  const packetBytes = Uint8Array.from({ length: 64 }, (_, i) => (i === 12 || i === 13 ? 0 : i + 1));

  it.each(numbered(results.skb))('%s', (_, entry) => {
    const packet = runtime.packetOn('skb', packetBytes);
    const context = packet.context;
    const target = runtime.room(4);
    const source = runtime.place(Uint8Array.of(0x11, 0x22, 0x33, 0x44));
    const arg = (name: string): bigint => BigInt(entry[name] ?? 0);
    const calls: Record<string, () => number> = {
      load: () => runtime.call('bpf_skb_load_bytes', context, arg('offset'), target, arg('size')),
      loadrel: () =>
        runtime.call(
          'bpf_skb_load_bytes_relative',
          context,
          arg('offset'),
          target,
          arg('size'),
          arg('start'),
        ),
      store: () => runtime.call('bpf_skb_store_bytes', context, arg('offset'), source, 4, arg('flags')),
      pull: () => runtime.call('bpf_skb_pull_data', context, arg('length')),
      csumlevel: () => runtime.call('bpf_csum_level', context, arg('level')),
      csumupdate: () => runtime.call('bpf_csum_update', context, 1),
      redirect: () => runtime.call('bpf_redirect', arg('ifindex'), arg('flags')),
      peer: () => runtime.call('bpf_redirect_peer', arg('ifindex'), arg('flags')),
      clone: () => runtime.call('bpf_clone_redirect', context, arg('ifindex'), arg('flags')),
    };
    expect(calls[entry.op]?.()).toBe(entry.result);
    expect(runtime.hex(target, 4)).toBe(entry.loaded);
    expect(Buffer.from(packet.bytes).toString('hex')).toBe(entry.packet);
  });
});

describe('packets of XDP programs', () => {
  const packetBytes = Uint8Array.from({ length: 64 }, (_, i) => i + 1);

  it.each(numbered(results.xdp))('%s', (_, entry) => {
    const packet = runtime.packetOn('xdp', packetBytes);
    const context = packet.context;
    const target = runtime.room(4);
    const source = runtime.place(Uint8Array.of(0x11, 0x22, 0x33, 0x44));
    const arg = (name: string): bigint => BigInt(entry[name] ?? 0);
    const load = (): number => {
      const result = runtime.call('bpf_xdp_load_bytes', context, arg('offset'), target, arg('size'));
      // The program put what it loaded at the start of its packet.
      if (result === 0) runtime.call('bpf_xdp_store_bytes', context, 0, target, 4);
      return result;
    };
    const calls: Record<string, () => number> = {
      head: () => runtime.call('bpf_xdp_adjust_head', context, arg('delta')),
      tail: () => runtime.call('bpf_xdp_adjust_tail', context, arg('delta')),
      meta: () => runtime.call('bpf_xdp_adjust_meta', context, arg('delta')),
      metahead: () =>
        1000 * runtime.call('bpf_xdp_adjust_meta', context, arg('meta')) +
        runtime.call('bpf_xdp_adjust_head', context, arg('delta')),
      load,
      store: () => runtime.call('bpf_xdp_store_bytes', context, arg('offset'), source, 4),
      len: () => runtime.call('bpf_xdp_get_buff_len', context),
      redirect: () => runtime.call('bpf_redirect', arg('ifindex'), arg('flags')),
    };
    expect(calls[entry.op]?.()).toBe(entry.result);
    // A test run gives the metadata back in front of the packet.
    const [from, to] = [packet.get('dataMeta'), packet.get('dataEnd')];
    expect(to - from).toBe(entry.length);
    expect(runtime.hex(from, Math.min(16, to - from))).toBe(entry.start);
    expect(runtime.hex(to - 4, 4)).toBe(entry.end);
  });
});

describe('loops', () => {
  it.each(numbered(results.loop))('bpf_loop %s', (_, { count, flags, stop, result, calls }) => {
    let called = 0;
    // bpf_helpers.h declares the count as a __u32, so the compiler cut it.
    const args = [BigInt.asUintN(32, BigInt(count)), 0x1000, 0, BigInt(flags)];
    const got = runtime.drive('bpf_loop', args, ([index]) => {
      called++;
      return Number(index) === stop ? 1n : 0n;
    });
    expect([got, called]).toEqual([result, calls]);
  });

  it.each(numbered(results.forEach))(
    'bpf_for_each_map_elem %s',
    (_, { map: kind, flags, stop, result, calls }) => {
      const types = {
        array: 'BPF_MAP_TYPE_ARRAY',
        hash: 'BPF_MAP_TYPE_HASH',
        percpu: 'BPF_MAP_TYPE_PERCPU_ARRAY',
      } as const;
      const map = runtime.map(types[kind as keyof typeof types], { maxEntries: 3 });
      const [key, value] = [runtime.place(Uint8Array.of(1, 0, 0, 0)), runtime.values(2)];
      if (kind === 'hash') {
        runtime.call('bpf_map_update_elem', map.address, key, value, 0);
        runtime.memory.u8[key] = 7;
        runtime.call('bpf_map_update_elem', map.address, key, value, 0);
      }
      let called = 0;
      const got = runtime.drive('bpf_for_each_map_elem', [map.address, 0x1000, 0, BigInt(flags)], () =>
        called++ === stop ? 1n : 0n,
      );
      expect([got, called]).toEqual([result, calls]);
    },
  );
});

describe('output of events', () => {
  it.each(numbered(results.ringbuf))('bpf_ringbuf %s', (_, { op, flags, size = 0, result }) => {
    const { address } = runtime.map('BPF_MAP_TYPE_RINGBUF', { keySize: 0, valueSize: 0, maxEntries: 4096 });
    const data = runtime.room(6000);
    const calls: Record<string, () => number> = {
      output: () => runtime.call('bpf_ringbuf_output', address, data, size, BigInt(flags)),
      reserve: () => (runtime.call('bpf_ringbuf_reserve', address, size, BigInt(flags)) === 0 ? 0 : 1),
      query: () => {
        runtime.call('bpf_ringbuf_output', address, data, 13, 0);
        return Number(runtime.call64('bpf_ringbuf_query', address, BigInt(flags)));
      },
    };
    expect(calls[op]?.()).toBe(result);
  });

  it.each(numbered(results.perf))(
    'bpf_perf_event_output in a tc program, no event open: %s',
    (_, { flags, result }) => {
      const packet = runtime.packetOn('skb', new Uint8Array(64));
      const { address } = runtime.map('BPF_MAP_TYPE_PERF_EVENT_ARRAY', { valueSize: 4, maxEntries: 2 });
      const data = runtime.room(8);
      expect(runtime.call('bpf_perf_event_output', packet.context, address, BigInt(flags), data, 8)).toBe(
        result,
      );
    },
  );
});
