/** Values that hang on sockets, when connections are accepted. */
import { expect, it } from 'vitest';
import { encodeUtf8 } from '../../../src/base/text.ts';
import { Kernel } from '../../../src/kernel/index.ts';
import { BpfMapType } from '../../../src/spec/index.ts';
import { TestBtf } from '../../btf/btf-builder.ts';

const NO_PREALLOC = 1;
const CLONE = 512;
const PORT = 4000;

/** A kernel with a storage of sockets, and how to read and write the value of one. */
function setUp(flags: number) {
  const kernel = new Kernel();
  const types = new TestBtf();
  const btf_key_type_id = types.int('int', 4, 'signed');
  const btf_value_type_id = types.int('unsigned int', 4, 'none');
  const bytes = types.bytes();
  const btf_fd = kernel.bpf('BPF_BTF_LOAD', { btf: bytes, btf_size: bytes.length });
  const map_fd = kernel.bpf('BPF_MAP_CREATE', {
    map_type: BpfMapType.BPF_MAP_TYPE_SK_STORAGE,
    key_size: 4,
    value_size: 4,
    map_flags: flags,
    map_name: encodeUtf8('notes\0'),
    btf_fd,
    btf_key_type_id,
    btf_value_type_id,
  });
  return { kernel, map_fd };
}

it.each([
  ['inherit the value of the listening one with BPF_F_CLONE', CLONE, [7]],
  ['have no value without', 0, []],
])('sockets that are accepted %s', (_, flag, expected) => {
  const { kernel, map_fd } = setUp(NO_PREALLOC | flag);
  const keyOf = (socket: Parameters<typeof kernel.process.openObject>[0]): Uint8Array =>
    Uint8Array.of(kernel.process.openObject(socket), 0, 0, 0);
  const server = kernel.sockets.open();
  server.bind({ port: PORT });
  server.listen();
  kernel.bpf('BPF_MAP_UPDATE_ELEM', { map_fd, key: keyOf(server), value: Uint8Array.of(7, 0, 0, 0) });
  const client = kernel.sockets.open();
  client.connect({ port: PORT });
  const child = server.accept()!;

  const values = [client, child].flatMap((socket) => {
    const value = new Uint8Array(4);
    try {
      kernel.bpf('BPF_MAP_LOOKUP_ELEM', { map_fd, key: keyOf(socket), value });
      return [value[0]];
    } catch {
      return [];
    }
  });
  expect(values).toEqual(expected);
});
