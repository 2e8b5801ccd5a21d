/**
 * What keeps maps and their types in the kernel, and when they go: the subjects of the kernel's selftests map_btf, map_in_map and
 * btf_map_in_map.
 */
import { describe, expect, it } from 'vitest';
import { TestBtf } from '../btf/btf-builder.ts';
import { MapLab, words } from './map-lab.ts';

/** Types with a lock in the value, loaded: the descriptor and the numbers of key and value. */
function lockedTypes(lab: MapLab) {
  const types = new TestBtf();
  const btf_key_type_id = types.int('unsigned int', 4, 'none');
  const lock = types.struct('bpf_spin_lock', 4, [['val', btf_key_type_id, 0]]);
  const btf_value_type_id = types.struct('guarded', 8, [
    ['lock', lock, 0],
    ['count', btf_key_type_id, 32],
  ]);
  const btf = types.bytes();
  const btf_fd = lab.kernel.bpf('BPF_BTF_LOAD', { btf, btf_size: btf.length });
  return { btf_fd, btf_key_type_id, btf_value_type_id };
}

/** What an info has at an offset. */
function infoWord(lab: MapLab, bpf_fd: number, offset: number): number {
  const info = new Uint8Array(88);
  lab.kernel.bpf('BPF_OBJ_GET_INFO_BY_FD', { bpf_fd, info, info_len: 88 });
  return new DataView(info.buffer).getUint32(offset, true);
}

const mapId = (lab: MapLab, fd: number): number => infoWord(lab, fd, 4);
/** Offset of btf_id in struct bpf_map_info. */
const BTF_ID = 64;

function exists(lab: MapLab, command: 'BPF_MAP_GET_FD_BY_ID' | 'BPF_BTF_GET_FD_BY_ID', id: number): boolean {
  try {
    const attr = command === 'BPF_MAP_GET_FD_BY_ID' ? { map_id: id } : { btf_id: id };
    lab.kernel.process.close(lab.kernel.bpf(command, attr));
    return true;
  } catch {
    return false;
  }
}

describe('the types of a map', () => {
  it('stay as long as the map, though nobody else holds them', () => {
    const lab = new MapLab();
    const types = lockedTypes(lab);
    const map = lab.map('HASH', types);
    lab.kernel.process.close(types.btf_fd);
    const id = infoWord(lab, map, BTF_ID);
    expect(exists(lab, 'BPF_BTF_GET_FD_BY_ID', id)).toBe(true);
    lab.update(map, words(1), words(0, 5), 4);
    expect(lab.lookup(map, words(1))).toEqual(words(0, 5));
    lab.kernel.process.close(map);
    expect(exists(lab, 'BPF_BTF_GET_FD_BY_ID', id)).toBe(false);
  });

  it('stay as long as a map of maps that has them from its template', () => {
    const lab = new MapLab();
    const types = lockedTypes(lab);
    const template = lab.map('HASH', types);
    const outer = lab.map('ARRAY_OF_MAPS', { value_size: 4, inner_map_fd: template });
    lab.kernel.process.close(template);
    const inner = lab.map('HASH', types);
    lab.kernel.process.close(types.btf_fd);
    const plain = lab.map('HASH');
    lab.update(outer, words(0), words(inner));
    expect(() => {
      lab.update(outer, words(1), words(plain));
    }, 'a map without the lock is another kind').toThrow(/EINVAL/);
  });
});

describe('an inner map', () => {
  const setup = () => {
    const lab = new MapLab();
    const template = lab.map('HASH');
    const outer = lab.map('HASH_OF_MAPS', { value_size: 4, inner_map_fd: template });
    const inner = lab.map('HASH');
    const id = mapId(lab, inner);
    lab.update(outer, words(5), words(inner));
    return { lab, outer, inner, id };
  };

  it('is known to user space by its id', () => {
    const { lab, outer, inner, id } = setup();
    const value = new Uint8Array(4);
    lab.kernel.bpf('BPF_MAP_LOOKUP_ELEM', { map_fd: outer, key: words(5), value });
    expect(value).toEqual(words(id));
    lab.kernel.process.close(inner);
    const again = lab.kernel.bpf('BPF_MAP_GET_FD_BY_ID', { map_id: id });
    lab.update(again, words(1), words(9, 0));
    expect(lab.lookup(again, words(1))).toEqual(words(9, 0));
  });

  it.each<[string, (lab: MapLab, outer: number) => void]>([
    [
      'is deleted',
      (lab, map_fd) => {
        lab.kernel.bpf('BPF_MAP_DELETE_ELEM', { map_fd, key: words(5) });
      },
    ],
    [
      'is replaced',
      (lab, outer) => {
        lab.update(outer, words(5), words(lab.map('HASH')));
      },
    ],
    [
      'goes with the outer map',
      (lab, outer) => {
        lab.kernel.process.close(outer);
      },
    ],
  ])('is freed when its entry %s and nobody else holds it', (_, end) => {
    const { lab, outer, inner, id } = setup();
    lab.kernel.process.close(inner);
    expect(exists(lab, 'BPF_MAP_GET_FD_BY_ID', id)).toBe(true);
    end(lab, outer);
    expect(exists(lab, 'BPF_MAP_GET_FD_BY_ID', id)).toBe(false);
  });

  it('stays when its entry goes but a descriptor holds it', () => {
    const { lab, outer, inner, id } = setup();
    lab.kernel.process.close(outer);
    expect(exists(lab, 'BPF_MAP_GET_FD_BY_ID', id)).toBe(true);
    lab.kernel.process.close(inner);
    expect(exists(lab, 'BPF_MAP_GET_FD_BY_ID', id)).toBe(false);
  });

  it('is freed once, though it is in several places', () => {
    const { lab, outer, inner, id } = setup();
    lab.update(outer, words(6), words(inner));
    lab.kernel.process.close(inner);
    lab.kernel.bpf('BPF_MAP_DELETE_ELEM', { map_fd: outer, key: words(5) });
    expect(exists(lab, 'BPF_MAP_GET_FD_BY_ID', id)).toBe(true);
    lab.kernel.bpf('BPF_MAP_DELETE_ELEM', { map_fd: outer, key: words(6) });
    expect(exists(lab, 'BPF_MAP_GET_FD_BY_ID', id)).toBe(false);
  });
});
