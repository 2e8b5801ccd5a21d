/** The table as a whole: its entries fit the spec, and calls that no verifier would let pass are faults. */
import { describe, expect, it } from 'vitest';
import { callingConvention, HelperFault } from '../../src/helpers/index.ts';
import { HELPERS, helperByName } from '../../src/spec/index.ts';
import { FakeRuntime } from './fake-runtime.ts';

const convention = (name: string) => callingConvention(helperByName(name)!);

describe('calling conventions', () => {
  it('pass pointers and sizes as one number, what may hold 64 bits as two halves', () => {
    expect(convention('map_update_elem')).toEqual({ args: ['ptr', 'ptr', 'ptr', 'u64'], returns: 'int' });
    expect(convention('probe_read_kernel')).toEqual({ args: ['ptr', 'u32', 'u64'], returns: 'int' });
    expect(convention('ringbuf_reserve')).toEqual({ args: ['ptr', 'u32', 'u64'], returns: 'ptr' });
  });

  it('return what the C function returns', () => {
    expect(convention('ktime_get_ns').returns).toBe('u64');
    expect(convention('get_prandom_u32').returns).toBe('u64');
    expect(convention('spin_lock').returns).toBe('void');
    expect(convention('get_current_task_btf').returns).toBe('ptr');
  });

  it('count the values of bpf_trace_printk that its prototype does not name', () => {
    expect(convention('trace_printk').args).toEqual(['ptr', 'u32', 'u64', 'u64', 'u64']);
  });

  it('serve all program types where prototypes differ', () => {
    expect(convention('get_cgroup_classid').args).toEqual(['ptr']);
    for (const spec of HELPERS) {
      const { args } = callingConvention(spec);
      for (const { proto } of [spec, ...spec.variants])
        expect(args.length, spec.name).toBeGreaterThanOrEqual(proto.args.length);
    }
  });
});

describe('the table', () => {
  const { entries } = new FakeRuntime({ checked: false }).table;

  it('has its entries at the ids of the spec, with the names and conventions of the spec', () => {
    for (const spec of HELPERS) {
      const entry = entries[spec.id];
      if (entry === undefined) continue;
      expect({ id: entry.id, name: entry.name }).toEqual({ id: spec.id, name: spec.name });
      expect({ args: entry.args, returns: entry.returns }).toEqual(callingConvention(spec));
    }
    expect(entries.length).toBe(HELPERS.length + 1);
    expect(entries[0]).toBeUndefined();
  });

  it('has implementations that take no more words than are passed', () => {
    for (const entry of entries) {
      if (entry?.kind !== 'plain') continue;
      const words = entry.args.reduce((sum, pass) => sum + (pass === 'u64' ? 2 : 1), 0);
      expect(entry.call.length, entry.name).toBeLessThanOrEqual(words);
    }
  });

  it('has nothing for helpers that are not implemented', () => {
    expect(entries[helperByName('bpf_rc_keydown')!.id]).toBeUndefined();
  });
});

describe('checked calls', () => {
  const fault = (run: () => unknown): HelperFault => {
    try {
      run();
    } catch (error) {
      if (error instanceof HelperFault) return error;
      throw error;
    }
    throw new Error('nothing was thrown');
  };

  it('fault on memory that is not there, naming argument and region', () => {
    const runtime = new FakeRuntime();
    const buffer = runtime.room(8);
    const error = fault(() => runtime.call('bpf_get_current_comm', buffer, 16));
    expect(error.code).toBe('helper-bad-memory');
    expect(error.message).toMatch(/R1 of bpf_get_current_comm .* 16 writable bytes/);
    expect(error.message).toMatch(/8 bytes past the end of stack 'test' \(8 bytes\)/);
    expect(fault(() => runtime.call('bpf_get_current_comm', 0, 16)).code).toBe('helper-bad-memory');
    expect(fault(() => runtime.call('bpf_get_current_comm', buffer, -1)).code).toBe('helper-bad-memory');
  });

  it('fault on writing what may only be read', () => {
    const runtime = new FakeRuntime();
    const constant = runtime.place(new Uint8Array(16), 'map-value', false);
    expect(fault(() => runtime.call('bpf_get_current_comm', constant, 16)).message).toMatch(/writable/);
    expect(fault(() => runtime.call('bpf_snprintf', constant, 16, runtime.place('x'), 0, 0)).message).toMatch(
      /R1/,
    );
    expect(runtime.call('bpf_trace_printk', runtime.place('x', 'map-value', false), 2)).toBe(1);
  });

  it('know how long keys and values are', () => {
    const runtime = new FakeRuntime();
    const { address } = runtime.map('BPF_MAP_TYPE_HASH', { keySize: 8, valueSize: 16 });
    const [short, key, value] = [runtime.room(7), runtime.room(8), runtime.room(15)];
    expect(fault(() => runtime.call('bpf_map_lookup_elem', address, short)).message).toMatch(
      /R2 .* 8 readable/,
    );
    expect(fault(() => runtime.call('bpf_map_update_elem', address, key, value, 0)).message).toMatch(
      /R3 .* 16 /,
    );
  });

  it('fault on what is no map, or a map of another kind', () => {
    const runtime = new FakeRuntime();
    const key = runtime.room(8);
    expect(fault(() => runtime.call('bpf_map_lookup_elem', key, key)).code).toBe('helper-bad-map');
    const { address } = runtime.map('BPF_MAP_TYPE_HASH');
    expect(fault(() => runtime.call('bpf_ringbuf_reserve', address, 8, 0)).message).toMatch(
      /'map' of type hash/,
    );
    expect(fault(() => runtime.call('bpf_map_push_elem', address, key, 0)).code).toBe(
      'helper-unsupported-map',
    );
    expect(fault(() => runtime.drive('bpf_for_each_map_elem', [1, 0, 0, 0], () => 0n)).code).toBe(
      'helper-bad-map',
    );
  });

  it('fault on strings without an end, and on results that do not fit', () => {
    const runtime = new FakeRuntime();
    const endless = runtime.place(Uint8Array.of(65, 66));
    expect(fault(() => runtime.call('bpf_strncmp', endless, 2, endless)).message).toMatch(/R3 .* 3 readable/);
    expect(fault(() => runtime.call('bpf_strtol', endless, 2, 10, runtime.room(7))).message).toMatch(
      /R4 .* 8 writable/,
    );
  });

  it('let NULL pass where the prototype does', () => {
    const runtime = new FakeRuntime();
    expect(runtime.call('bpf_snprintf', 0, 0, runtime.place('abc'), 0, 0)).toBe(4);
    expect(runtime.call('bpf_csum_diff', 0, 0, 0, 0, 5)).toBe(5);
  });

  it('fault when a program without a packet asks for one', () => {
    const runtime = new FakeRuntime();
    expect(fault(() => runtime.call('bpf_xdp_adjust_head', 0, 1)).code).toBe('helper-no-packet');
    expect(fault(() => runtime.call('bpf_redirect', 1, 0)).message).toMatch(/program 'test' has none/);
    runtime.packetOn('skb', new Uint8Array(64));
    expect(fault(() => runtime.call('bpf_xdp_get_buff_len', 0)).code).toBe('helper-no-packet');
  });
});
