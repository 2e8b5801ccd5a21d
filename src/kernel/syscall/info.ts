/**
 * BPF_OBJ_GET_INFO_BY_FD: the structs by which the kernel describes its objects, as far as the caller knows them (bpf_prog_get_info_by_fd
 * and its kin in kernel/bpf/syscall.c, btf_get_info_by_fd in kernel/bpf/btf.c). Layouts: include/uapi/linux/bpf.h.
 */
import { Errno } from '../../base/errno.ts';
import { encodeUtf8 } from '../../base/text.ts';
import { permanentFlags } from '../../maps/index.ts';
import type { LiveBtf } from '../objects/live-btf.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { Attributes } from './attributes.ts';
import type { SyscallContext } from './context.ts';
import { fail } from './failure.ts';
import { putName, putString, readInfo, writeInfo } from './info-struct.ts';
import { linkInfo } from './link-info.ts';
import { programInfo } from './program-info.ts';

type InfoAttributes = Attributes<'BPF_OBJ_GET_INFO_BY_FD'>;

/** BPF_OBJ_GET_INFO_BY_FD (bpf_obj_get_info_by_fd). */
export function objectInfo(sys: SyscallContext, attr: InfoAttributes): number {
  attr.checkUnused();
  const file = sys.fds.get(attr.s32('bpf_fd'));
  if (file === undefined) fail(Errno.EBADFD, `descriptor ${attr.s32('bpf_fd')} is not open`);
  switch (file.kind) {
    case 'program':
      return programInfo(sys, attr, file.program);
    case 'map':
      return mapInfo(sys, attr, file.map);
    case 'btf':
      return btfInfo(sys, attr, file.btf);
    case 'link':
      return linkInfo(sys, attr, file.link);
    default:
      return fail(Errno.EINVAL, `a ${file.kind} has no description`);
  }
}

const MAP_INFO_BYTES = 88;

function mapInfo(sys: SyscallContext, attr: InfoAttributes, live: LiveMap): number {
  const length = attr.u32('info_len');
  sys.user.readKnown(attr.word('info'), length, MAP_INFO_BYTES);
  const view = new DataView(new ArrayBuffer(MAP_INFO_BYTES));
  const { attr: map } = live.map;
  const words = [map.type, live.id, map.keySize, map.valueSize, map.maxEntries, permanentFlags(map.flags)];
  words.forEach((word, i) => {
    view.setUint32(4 * i, word, true);
  });
  putName(view, 24, map.name);
  if (live.btf !== undefined) {
    view.setUint32(64, live.btf.id, true);
    view.setUint32(68, map.btfKeyTypeId ?? 0, true);
    view.setUint32(72, map.btfValueTypeId ?? 0, true);
  }
  view.setBigUint64(80, map.mapExtra ?? 0n, true);
  return writeInfo(sys, attr, { view, known: Math.min(length, MAP_INFO_BYTES) });
}

const BTF_INFO_BYTES = 32;

function btfInfo(sys: SyscallContext, attr: InfoAttributes, live: LiveBtf): number {
  const info = readInfo(sys, attr, BTF_INFO_BYTES);
  const { view } = info;
  const { bytes } = live.btf;
  const wanted = Math.min(bytes.length, view.getUint32(8, true));
  sys.user.write(Number(view.getBigUint64(0, true)), bytes.subarray(0, wanted));
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, live.id, true);
  view.setUint32(28, live.isKernel ? 1 : 0, true);
  const room = view.getUint32(24, true);
  const address = Number(view.getBigUint64(16, true));
  if ((address === 0) !== (room === 0))
    fail(Errno.EINVAL, 'a buffer for the name and its length go together');
  view.setUint32(24, encodeUtf8(live.name).length, true);
  const cut = address !== 0 && putString(sys, address, room, live.name);
  writeInfo(sys, attr, info);
  return cut ? fail(Errno.ENOSPC, 'the name does not fit its buffer') : 0;
}
