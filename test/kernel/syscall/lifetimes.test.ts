/** Who keeps objects alive, and that nothing of them stays: descriptors, pins, links, maps, and the library's objects beside them. */
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../../src/kernel/index.ts';
import { openFixture } from '../../fixtures.ts';
import { code, u32 } from './scenario.ts';

const COUNT_IN_MAP = `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = 0 ll
  call 1
  if r0 == 0 goto out
  r1 = *(u64 *)(r0 + 0)
  r1 += 1
  *(u64 *)(r0 + 0) = r1
out:
  r0 = 0
  exit`;

/** Puts a map's descriptor into the first ld_imm64 of a program. */
function withMap(source: string, fd: number): Uint8Array {
  const bytes = code(source);
  for (let at = 0; at < bytes.length; at += 8) {
    if (bytes[at] !== 0x18) continue;
    bytes[at + 1] = (bytes[at + 1] ?? 0) | 0x10;
    bytes.set(u32(fd), at + 4);
    break;
  }
  return bytes;
}

function load(kernel: Kernel, prog_type: number, insns: Uint8Array): number {
  return kernel.bpf('BPF_PROG_LOAD', { prog_type, insns, insn_cnt: insns.length / 8, license: 'GPL' });
}

function countingMap(kernel: Kernel): number {
  return kernel.bpf('BPF_MAP_CREATE', { map_type: 2, key_size: 4, value_size: 8, max_entries: 1 });
}

function counter(kernel: Kernel, map_fd: number): number {
  const value = new Uint8Array(8);
  kernel.bpf('BPF_MAP_LOOKUP_ELEM', { map_fd, key: u32(0), value });
  return value[0] ?? 0;
}

/** What an object's info has at an offset, as a number of four bytes. */
function infoWord(kernel: Kernel, bpf_fd: number, offset: number): number {
  const info = new Uint8Array(232);
  kernel.bpf('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd, info, info_len: 228 });
  return new DataView(info.buffer).getUint32(offset, true);
}

describe('a link', () => {
  it('runs its program at events until its last descriptor is closed', () => {
    const kernel = new Kernel();
    const map = countingMap(kernel);
    const program = load(kernel, 17, withMap(COUNT_IN_MAP, map));
    const link = kernel.bpf('BPF_RAW_TRACEPOINT_OPEN', { name: 'sys_enter', prog_fd: program });
    kernel.process.close(program);
    kernel.syscall('getpid');
    kernel.syscall('getpid');
    expect(counter(kernel, map)).toBe(2);
    kernel.process.close(link);
    kernel.syscall('getpid');
    expect(counter(kernel, map)).toBe(2);
  });

  it('stays when it is pinned, and goes with the pin', () => {
    const kernel = new Kernel();
    const program = load(kernel, 6, code('r0 = 1\nexit'));
    const link = kernel.bpf('BPF_LINK_CREATE', { prog_fd: program, target_ifindex: 2, attach_type: 37 });
    kernel.bpf('BPF_OBJ_PIN', { bpf_fd: link, pathname: '/sys/fs/bpf/drop' });
    kernel.process.close(link);
    expect(kernel.receive('eth0', new Uint8Array(64)).verdict).toBe('drop');
    kernel.process.remove('/sys/fs/bpf/drop');
    expect(kernel.receive('eth0', new Uint8Array(64)).verdict).toBe('pass');
  });

  it('runs the program that it was updated to', () => {
    const kernel = new Kernel();
    const drop = load(kernel, 6, code('r0 = 1\nexit'));
    const send = load(kernel, 6, code('r0 = 3\nexit'));
    const link_fd = kernel.bpf('BPF_LINK_CREATE', { prog_fd: drop, target_ifindex: 2, attach_type: 37 });
    kernel.bpf('BPF_LINK_UPDATE', { link_fd, new_prog_fd: send });
    expect(kernel.receive('eth0', new Uint8Array(64)).verdict).toBe('tx');
    kernel.bpf('BPF_LINK_DETACH', { link_fd });
    expect(kernel.receive('eth0', new Uint8Array(64)).verdict).toBe('pass');
  });

  it('runs tcx programs in the order of their places', () => {
    const kernel = new Kernel();
    const next = load(kernel, 3, code('r0 = -1\nexit'));
    const drop = load(kernel, 3, code('r0 = 2\nexit'));
    const place = { target_ifindex: 2, attach_type: 46 };
    kernel.bpf('BPF_PROG_ATTACH', { ...place, attach_bpf_fd: drop });
    kernel.bpf('BPF_PROG_ATTACH', { ...place, attach_bpf_fd: next, attach_flags: 8 });
    const { verdict, runs } = kernel.receive('eth0', new Uint8Array(64));
    expect([verdict, ...runs.map(({ retval }) => retval)]).toEqual(['drop', -1, 2]);
  });
});

describe('a prog array', () => {
  it('is emptied with the last reference of user space, and keeps programs till then', () => {
    const kernel = new Kernel();
    const array = kernel.bpf('BPF_MAP_CREATE', { map_type: 3, key_size: 4, value_size: 4, max_entries: 1 });
    const program = load(kernel, 6, code('r0 = 2\nexit'));
    const prog_id = infoWord(kernel, program, 4);
    kernel.bpf('BPF_MAP_UPDATE_ELEM', { map_fd: array, key: u32(0), value: u32(program) });
    kernel.process.close(program);
    kernel.process.close(kernel.bpf('BPF_PROG_GET_FD_BY_ID', { prog_id }));
    kernel.process.close(array);
    expect(() => kernel.bpf('BPF_PROG_GET_FD_BY_ID', { prog_id })).toThrow(/ENOENT/);
  });
});

describe('objects of kernel.load', () => {
  it('have ids, and infos that agree with what the library says', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('xdp/count_protocols'));
    const program = object.programs.count_protocols!.loaded;
    const fd = kernel.bpf('BPF_PROG_GET_FD_BY_ID', { prog_id: program.id });
    expect([infoWord(kernel, fd, 0), infoWord(kernel, fd, 4)]).toEqual([6, program.id]);
    expect(infoWord(kernel, fd, 84), 'gpl_compatible').toBe(1);
    expect(infoWord(kernel, fd, 52), 'maps').toBe(1);
    const run = { prog_fd: fd, data_in: new Uint8Array(64), data_size_in: 64, retval: 9 };
    kernel.bpf('BPF_PROG_TEST_RUN', run);
    expect(run.retval).toBe(object.programs.count_protocols!.testRun().retval);
  });

  it('share their links with bpf(2)', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('xdp/count_protocols'));
    object.programs.count_protocols!.attach();
    const next = { start_id: 0, next_id: 0 };
    kernel.bpf('BPF_LINK_GET_NEXT_ID', next);
    const link = kernel.bpf('BPF_LINK_GET_FD_BY_ID', { link_id: next.next_id });
    expect([infoWord(kernel, link, 0), infoWord(kernel, link, 8)]).toEqual([
      6,
      object.programs.count_protocols!.loaded.id,
    ]);
    kernel.unload(object);
    expect(kernel.attachedHooks()).toEqual([]);
  });

  it('live on while a descriptor holds them', () => {
    const kernel = new Kernel();
    const object = kernel.load(openFixture('xdp/count_protocols'));
    const prog_id = object.programs.count_protocols!.loaded.id;
    const fd = kernel.bpf('BPF_PROG_GET_FD_BY_ID', { prog_id });
    kernel.unload(object);
    const run = { prog_fd: fd, data_in: new Uint8Array(64), data_size_in: 64, retval: 0 };
    kernel.bpf('BPF_PROG_TEST_RUN', run);
    expect(run.retval).toBe(2);
    kernel.process.close(fd);
    expect(() => kernel.bpf('BPF_PROG_GET_FD_BY_ID', { prog_id })).toThrow(/ENOENT/);
  });
});

describe('1,000 rounds of load, attach, run and unload', () => {
  /** What a kernel holds: bytes, descriptors, and the first id of each kind of object. */
  const holdings = (kernel: Kernel): unknown => {
    const first = (
      command:
        | 'BPF_PROG_GET_NEXT_ID'
        | 'BPF_MAP_GET_NEXT_ID'
        | 'BPF_LINK_GET_NEXT_ID'
        | 'BPF_BTF_GET_NEXT_ID',
      start_id = 0,
    ): number | string => {
      const attr = { start_id, next_id: 0 };
      try {
        kernel.bpf(command, attr);
        return attr.next_id;
      } catch {
        return 'none';
      }
    };
    return {
      bytes: kernel.memory.bytesInUse,
      files: kernel.process.openFiles,
      hooks: kernel.attachedHooks(),
      objects: [first('BPF_PROG_GET_NEXT_ID'), first('BPF_MAP_GET_NEXT_ID'), first('BPF_LINK_GET_NEXT_ID')],
      // The first is the kernel's own.
      types: first('BPF_BTF_GET_NEXT_ID', 1),
      regions: kernel.memory.regions().length,
    };
  };

  it('by bpf(2) leave memory and tables as they were', { timeout: 60_000 }, () => {
    const kernel = new Kernel();
    const round = (): void => {
      const map = countingMap(kernel);
      const program = load(kernel, 17, withMap(COUNT_IN_MAP, map));
      const link = kernel.bpf('BPF_RAW_TRACEPOINT_OPEN', { name: 'sys_enter', prog_fd: program });
      kernel.syscall('getpid');
      expect(counter(kernel, map)).toBe(1);
      for (const fd of [map, program, link]) kernel.process.close(fd);
    };
    round();
    const before = holdings(kernel);
    expect(before).toMatchObject({ files: 0, hooks: [], objects: ['none', 'none', 'none'], types: 'none' });
    for (let i = 0; i < 1000; i++) round();
    expect(holdings(kernel)).toEqual(before);
  });

  it('that fail leave nothing either', () => {
    const kernel = new Kernel({ kconfig: {}, ksyms: {} });
    const before = holdings(kernel);
    const object = openFixture('xdp/count_protocols');
    object.maps.packets_by_protocol!.maxEntries = 0xffffffff;
    expect(() => kernel.load(object)).toThrow();
    expect(holdings(kernel)).toEqual(before);
  });

  it('by objects leave memory and tables as they were', { timeout: 60_000 }, () => {
    const kernel = new Kernel();
    const object = openFixture('xdp/count_protocols');
    const round = (): void => {
      kernel.load(object);
      object.programs.count_protocols!.attach();
      kernel.receive('eth0', new Uint8Array(64));
      kernel.unload(object);
    };
    round();
    const before = holdings(kernel);
    expect(before).toMatchObject({ files: 0, hooks: [], objects: ['none', 'none', 'none'], types: 'none' });
    for (let i = 0; i < 1000; i++) round();
    expect(holdings(kernel)).toEqual(before);
  });
});
