/** The way from an object file to a result, in a page (`npm run test:browser`) and in Node.js (`npm test`). */
import { describe, expect, it } from 'vitest';
import {
  assembleProgram,
  BpfObject,
  decodeProgram,
  disassembleInsn,
  ElfError,
  ethernet,
  InterpreterEngine,
  ipv4,
  Kernel,
  Memory,
  packet,
  tcp,
  udp,
  VmFault,
} from '../../src/index.ts';
import { fixture } from './fixture.ts';

const open = async (name: string): Promise<BpfObject> => BpfObject.open(await fixture(name));

describe('opening', () => {
  it('reads sections, programs and maps, in both byte orders', async () => {
    for (const name of ['tracing/count_clone', 'tracing/count_clone.be']) {
      const { spec } = await open(name);
      expect(spec.programs.map((program) => program.name)).toEqual(['count_clone']);
      expect(spec.maps.map((map) => [map.name, map.maxEntries])).toContainEqual(['clone_counts', 1]);
      expect(spec.license).toBe('GPL');
    }
  });

  it('refuses what is no object', () => {
    expect(() => BpfObject.open(new TextEncoder().encode('no object'))).toThrow(ElfError);
  });
});

describe('map_lookup_percpu_elem', () => {
  it.each([1, 2, 8, 64])('sums the indices of %i CPUs in each of its three maps', async (cpus) => {
    const kernel = new Kernel({ cpus });
    const object = await open('tracing/map_lookup_percpu_elem');
    object.rodata.my_pid = kernel.currentTask.tgid;
    object.rodata.nr_cpus = cpus;
    kernel.load(object);
    const indices = Array.from({ length: cpus }, (_, cpu) => BigInt(cpu));
    for (const map of ['percpu_array_map', 'percpu_hash_map', 'percpu_lru_hash_map'])
      object.maps[map]!.update(0, indices);
    object.programs.sysenter_getuid!.attach();
    kernel.syscall('getuid');

    const sum = BigInt((cpus * (cpus - 1)) / 2);
    expect(object.bss.percpu_array_elem_sum).toBe(sum);
    expect(object.bss.percpu_hash_elem_sum).toBe(sum);
    expect(object.bss.percpu_lru_hash_elem_sum).toBe(sum);
  });
});

describe('count_protocols', () => {
  it('counts the packets of a device by protocol and CPU', async () => {
    const kernel = new Kernel({ cpus: 2 });
    const object = kernel.load(await open('xdp/count_protocols'));
    object.programs.count_protocols!.attach({ device: 'eth0' });
    const dns = packet(ethernet(), ipv4({ dst: '192.0.2.53' }), udp({ dport: 53 }), 'query');
    kernel.receive('eth0', dns, { cpu: 0 });
    kernel.receive('eth0', dns, { cpu: 1 });
    const syn = packet(ethernet(), ipv4(), tcp({ flags: ['syn'] }));
    expect(kernel.receive('eth0', syn, { cpu: 1 }).verdict).toBe('pass');

    const counts = object.maps.packets_by_protocol!;
    expect(counts.lookup(17)).toEqual([1n, 1n]);
    expect(counts.lookup(6)).toEqual([0n, 1n]);
  });
});

describe('what programs send', () => {
  it('arrives as text in the trace pipe and as records in a ring buffer', async () => {
    const kernel = new Kernel({ task: { pid: 7, comm: 'cat', uid: 1000 } });
    const printing = kernel.load(await open('tracing/count_clone'));
    printing.programs.count_clone!.attach();
    kernel.syscall('clone');
    expect(kernel.tracePipe.lines()).toEqual([expect.stringMatching(/cat-7 .*: sys_clone called 1 times$/)]);

    const object = kernel.load(await open('tracing/ringbuf_events'));
    const heard: unknown[] = [];
    object.maps.events!.ringBuffer({ type: 'event' }).onRecord((record) => heard.push(record));
    object.programs.report_open!.attach();
    kernel.syscall('openat', [-100, '/etc/passwd', 0]);
    expect(heard).toEqual([{ pid: 7, uid: 1000, comm: 'cat', file: '/etc/passwd' }]);
  });
});

describe('a program as text', () => {
  /** Runs a program on a context of 8 bytes, r2 = 8; gives the low half of r0. */
  function run(text: string): number {
    const insns = decodeProgram(assembleProgram(text).raws);
    const memory = new Memory();
    const address = memory.allocate({ size: 8, kind: 'ctx', name: 'packet' });
    memory.writeBytes(address, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const engine = new InterpreterEngine(memory, { entries: [], high: 0 });
    return engine.execute({ name: 'text', insns, subprogs: [0], subprogNames: ['text'] }, address, 8);
  }

  it('is assembled, run, and printed back', () => {
    const text = 'r0 = *(u16 *)(r1 +2)\nr0 += r2\nexit';
    expect(run(text)).toBe(0x0403 + 8);
    const { raws } = assembleProgram(text);
    const lines = raws.map((_, slot) => disassembleInsn(raws, slot));
    expect(lines).toEqual(['(69) r0 = *(u16 *)(r1 +2)', '(0f) r0 += r2', '(95) exit']);
  });

  it('faults with what it missed', () => {
    const wild = () => run('r0 = *(u32 *)(r1 + 6)\nexit');
    expect(wild).toThrow(VmFault);
    expect(wild).toThrow(/2 bytes past the end of context 'packet'/);
  });
});
