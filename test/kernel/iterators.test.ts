/** Iterators that are read: what they show, in what order, and what becomes of buffers that are too small. */
import { describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../src/base/text.ts';
import { type BpfObject, Kernel, type Link } from '../../src/index.ts';
import { openFixture } from '../fixtures.ts';

interface Set {
  readonly kernel: Kernel;
  readonly object: BpfObject;
}

function setUp(options: ConstructorParameters<typeof Kernel>[0] = {}): Set {
  const kernel = new Kernel(options);
  return { kernel, object: kernel.load(openFixture('iter/dump')) };
}

function attach({ object }: Set, program: string, options = {}): Link {
  return object.programs[program]!.attach(options);
}

function text({ kernel }: Set, link: Link): string {
  const fd = kernel.process.openIterator(link);
  const bytes = kernel.process.readAll(fd);
  kernel.process.close(fd);
  return decodeUtf8(bytes);
}

const keys = (text: string): number[] => text.split('\n').flatMap((line) => Number(line.split(':')[0]) || []);

describe('iter/bpf_map', () => {
  it('shows the maps by their ids, and is told how many there were', () => {
    const set = setUp();
    const { counts, slots } = set.object.maps;
    const lines = text(set, attach(set, 'maps')).trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual([`${counts!.identity.id} counts 64`, `${slots!.identity.id} slots 3`]);
    expect(lines.at(-1)).toBe(`${lines.length - 1} maps`);
  });
});

describe('iter/bpf_prog and iter/bpf_link', () => {
  it('show programs with what they attach to, and links with their programs', () => {
    const set = setUp();
    const link = attach(set, 'programs');
    const lines = text(set, link).trimEnd().split('\n');
    expect(lines).toHaveLength(set.object.programList.length);
    expect(lines[0]).toBe(`${set.object.programs.maps!.loaded.id} maps bpf_iter_bpf_map`);

    const links = attach(set, 'links');
    expect(text(set, links)).toBe('1 programs\n2 links\n');
    link.detach();
    expect(text(set, links)).toBe('2 links\n');
  });

  it('give the memory of what they showed back', () => {
    const kernel = new Kernel();
    const round = (): number => {
      const object = kernel.load(openFixture('iter/dump'));
      const set = { kernel, object };
      text(set, attach(set, 'programs'));
      text(set, attach(set, 'links'));
      text(set, attach(set, 'elements', { map: object.maps.counts }));
      kernel.unload(object);
      return kernel.memory.bytesInUse;
    };
    const first = round();
    expect(round()).toBe(first);
  });
});

describe('iter/task', () => {
  const set = setUp({ task: { pid: 7, comm: 'shell' } });
  set.kernel.spawn({ pid: 30, comm: 'server' });
  set.kernel.spawn({ pid: 41, tgid: 30, comm: 'worker' });
  set.kernel.spawn({ pid: 35, tgid: 30, comm: 'helper' });

  it('shows tasks in the order of their numbers', () => {
    expect(text(set, attach(set, 'tasks'))).toBe('7 7 shell\n30 30 server\n35 30 helper\n41 30 worker\n');
  });

  it('shows one thread, or the threads of one process', () => {
    expect(text(set, attach(set, 'tasks', { tid: 41 }))).toBe('41 30 worker\n');
    expect(text(set, attach(set, 'tasks', { pid: 30 }))).toBe('30 30 server\n41 30 worker\n35 30 helper\n');
    expect(text(set, attach(set, 'tasks', { pid: 41 })), 'no process').toBe('');
  });
});

describe('iter/bpf_map_elem', () => {
  it('shows each element once, and can change it', () => {
    const set = setUp();
    const { counts } = set.object.maps;
    for (let key = 1; key <= 40; key++) counts!.update(key, 100n + BigInt(key));
    const shown = text(set, attach(set, 'elements', { map: counts }));
    expect(keys(shown).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(shown).toMatch(/\n\d+: 1\d\d\nend at 39\n$/);
    expect(counts!.lookup(3)).toBe(206n);
  });

  it('shows an empty map by the last call alone', () => {
    const set = setUp();
    expect(text(set, attach(set, 'elements', { map: set.object.maps.counts }))).toBe('end at 0\n');
  });

  it('shows the values of all CPUs, each padded to eight bytes', () => {
    const set = setUp({ cpus: 2 });
    const { slots } = set.object.maps;
    slots!.update(1, [5, 6]);
    const link = attach(set, 'raw_elements', { map: slots });
    const fd = set.kernel.process.openIterator(link);
    const words = new Uint32Array(set.kernel.process.readAll(fd).slice().buffer);
    expect([...words.subarray(5, 10)]).toEqual([1, 5, 0, 6, 0]);
    expect(words).toHaveLength(15);
  });

  it('refuses programs that use more than a value has', () => {
    const set = setUp({ cpus: 1 });
    const { slots } = set.object.maps;
    expect(() => attach(set, 'raw_elements', { map: slots })).toThrow(/EACCES/);
    expect(() => attach(set, 'elements')).toThrow(/EBADF/);
  });

  it('keeps the map as long as the session is open', () => {
    const set = setUp();
    const { counts } = set.object.maps;
    counts!.update(1, 1n);
    const link = attach(set, 'elements', { map: counts });
    const fd = set.kernel.process.openIterator(link);
    set.kernel.unload(set.object);
    expect(decodeUtf8(set.kernel.process.readAll(fd))).toBe('1: 1\nend at 0\n');
    set.kernel.process.close(fd);
  });
});

describe('reading', () => {
  /** A map of so many elements, each shown as a record of so many bytes. */
  function records(count: number, bytes: number): Set & { readonly fd: number } {
    const set = setUp();
    const { counts } = set.object.maps;
    for (let key = 0; key < count; key++) counts!.update(key, 0n);
    set.object.bss.record_bytes = bytes;
    const link = attach(set, 'big_records', { map: counts });
    return { ...set, fd: set.kernel.process.openIterator(link) };
  }

  it('in small pieces gives the same text', () => {
    const set = setUp();
    const { counts } = set.object.maps;
    for (let key = 1; key <= 20; key++) counts!.update(key, 0n);
    const link = attach(set, 'elements', { map: counts });
    const whole = text(set, link);
    const fd = set.kernel.process.openIterator(link);
    let pieces = '';
    for (;;) {
      const piece = set.kernel.process.read(fd, 3);
      expect(piece.length).toBeLessThanOrEqual(3);
      if (piece.length === 0) break;
      pieces += decodeUtf8(piece);
    }
    expect(pieces).toBe(whole);
    expect(set.kernel.process.read(fd, 3), 'the end is told once').toHaveLength(0);
  });

  it('stops at as many bytes as are asked for, but shows an object whole', () => {
    const { kernel, object, fd } = records(4, 10_000);
    expect(kernel.process.read(fd, 5000)).toHaveLength(5000);
    expect(object.bss.shown).toBe(1);
    expect(kernel.process.read(fd, 50_000), 'what is left of it').toHaveLength(5000);
    expect(object.bss.shown).toBe(1);
  });

  it('shows an object that overflows the buffer again at the next read', () => {
    const { kernel, object, fd } = records(4, 10_000);
    expect(kernel.process.read(fd, 50_000)).toHaveLength(30_000);
    expect(object.bss.shown).toBe(4);
    expect(kernel.process.read(fd, 50_000)).toHaveLength(10_000);
    expect(object.bss.shown).toBe(5);
    expect(kernel.process.read(fd, 50_000)).toHaveLength(0);
  });

  it('gives E2BIG for an object that no buffer holds', () => {
    const { kernel, fd } = records(2, 32_768);
    expect(() => kernel.process.read(fd, 4096)).toThrow(/E2BIG/);
    expect(() => kernel.process.read(fd, 4096), 'again and again').toThrow(/E2BIG/);
    const fits = records(1, 32_767);
    expect(fits.kernel.process.read(fits.fd, 65_536)).toHaveLength(32_767);
  });

  it('gives EAGAIN when the program asks to be called again', () => {
    const set = setUp();
    const { counts } = set.object.maps;
    counts!.update(8, 0n);
    set.object.bss.retries = 2;
    const fd = set.kernel.process.openIterator(attach(set, 'again', { map: counts }));
    for (let i = 0; i < 2; i++) expect(() => set.kernel.process.read(fd, 99)).toThrow(/EAGAIN/);
    expect(decodeUtf8(set.kernel.process.readAll(fd))).toBe('8\n');
  });

  it('goes on at the same place when the element it stopped at was deleted', () => {
    const set = setUp();
    const { counts } = set.object.maps;
    for (let key = 1; key <= 10; key++) counts!.update(key, 0n);
    const link = attach(set, 'elements', { map: counts });
    const order = keys(text(set, link));
    const fd = set.kernel.process.openIterator(link);
    const first = decodeUtf8(set.kernel.process.read(fd, 4));
    expect(keys(first)).toEqual(order.slice(0, 1));
    counts!.delete(order[1]!);
    const rest = keys(first + decodeUtf8(set.kernel.process.readAll(fd)));
    expect(new Set(rest)).toEqual(new Set(order.filter((key) => key !== order[1])));
  });

  it('is refused for what is no iterator', () => {
    const { kernel } = setUp();
    expect(() => kernel.process.read(99, 1)).toThrow(/EBADF/);
    expect(() => kernel.process.read(kernel.process.open('/sys/fs/bpf'), 1)).toThrow(/EISDIR/);
  });
});

describe('a pinned iterator', () => {
  it('is a file: each opening is a session of its own', () => {
    const set = setUp();
    const { kernel, object } = set;
    const { counts } = object.maps;
    counts!.update(1, 4n);
    const prog_fd = kernel.process.openProgram(object.programs.elements!);
    const map_fd = kernel.bpf('BPF_MAP_GET_FD_BY_ID', { map_id: counts!.identity.id });
    const iter_info = new Uint8Array(Uint32Array.of(map_fd).buffer);
    const link = kernel.bpf('BPF_LINK_CREATE', { prog_fd, attach_type: 28, iter_info, iter_info_len: 4 });
    kernel.bpf('BPF_OBJ_PIN', { bpf_fd: link, pathname: '/sys/fs/bpf/counts' });
    kernel.bpf('BPF_OBJ_PIN', { bpf_fd: prog_fd, pathname: '/sys/fs/bpf/program' });
    for (const value of [4, 8, 16]) {
      const fd = kernel.process.open('/sys/fs/bpf/counts');
      expect(decodeUtf8(kernel.process.readAll(fd))).toBe(`1: ${value}\nend at 0\n`);
      kernel.process.close(fd);
    }
    expect(() => kernel.process.open('/sys/fs/bpf/program')).toThrow(/EIO/);
    const info = new Uint8Array(64);
    kernel.bpf('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd: link, info, info_len: 64 });
    expect(new DataView(info.buffer).getUint32(28, true), 'id of the map').toBe(counts!.identity.id);
  });
});
