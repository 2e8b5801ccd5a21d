/** Iterators over sockets, on a kernel whose types have struct sock. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeUtf8 } from '../../src/base/text.ts';
import { type BpfObject, Kernel, parseBtf, readC, type Socket } from '../../src/index.ts';
import { openFixture, ROOT } from '../fixtures.ts';

/** Other offsets than any kernel has them, which shows that programs read what the types say. */
const SOCKETS = `
struct sock_common {
  u64 hole;
  unsigned short skc_family;
  volatile_state skc_state;
  u32 skc_daddr;
  u32 skc_rcv_saddr;
  unsigned short skc_num;
  unsigned short skc_dport;
  u64 skc_cookie;
};
struct sock { struct sock_common __sk_common; u32 sk_mark; u16 sk_protocol; u16 sk_type; };
struct inet_sock { struct sock sk; };
struct tcp_sock { struct inet_sock inet; u64 more; };
struct udp_sock { struct inet_sock inet; };
struct bpf_iter__tcp { struct bpf_iter_meta *meta; struct sock_common *sk_common; u32 uid; };
struct bpf_iter__udp { struct bpf_iter_meta *meta; struct udp_sock *udp_sk; u32 uid; };
struct bpf_iter__bpf_sk_storage_map { struct bpf_iter_meta *meta; struct bpf_map *map; struct sock *sk; void *value; };
int bpf_iter_tcp(struct bpf_iter_meta *meta, struct sock_common *sk_common, u32 uid);
int bpf_iter_udp(struct bpf_iter_meta *meta, struct udp_sock *udp_sk, u32 uid, int bucket);
int bpf_iter_bpf_sk_storage_map(struct bpf_iter_meta *meta, struct bpf_map *map, struct sock *sk, void *value);
`.replace('volatile_state', 'u8');

const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

let kernel: Kernel;
let object: BpfObject;

beforeEach(() => {
  const header = readFileSync(join(ROOT, 'programs/include/bpflab_kernel.h'), 'utf8');
  kernel = new Kernel({ btf: [parseBtf(readC(header + SOCKETS))] });
  object = kernel.load(openFixture('iter/sockets'));
});

function show(program: string, options = {}): string[] {
  const fd = kernel.process.openIterator(object.programs[program]!.attach(options));
  const text = decodeUtf8(kernel.process.readAll(fd));
  kernel.process.close(fd);
  return text.split('\n').slice(0, -1);
}

describe('iter/tcp', () => {
  it('shows sockets that have an address: those that listen, then connections with both ends', () => {
    const server = kernel.sockets.open();
    server.bind({ address: LOOPBACK, port: 80 });
    const client = kernel.sockets.open();
    kernel.sockets.open();
    kernel.sockets.open({ type: 'dgram' }).bind({ port: 53 });
    server.listen();
    client.connect(server.local);
    const port = client.local.port!;
    expect(show('tcp')).toEqual([
      '0: 127.0.0.1:80 0.0.0.0:0 state 10',
      `1: 127.0.0.1:${port} 127.0.0.1:80 state 1`,
      `2: 127.0.0.1:80 127.0.0.1:${port} state 1`,
    ]);
    client.close();
    expect(show('tcp')).toHaveLength(2);
  });
});

describe('iter/udp', () => {
  it('shows sockets that are bound', () => {
    kernel.sockets.open({ type: 'dgram' });
    kernel.sockets.open({ type: 'dgram' }).bind({ port: 53 });
    expect(show('udp')).toEqual(['port 53 protocol 17']);
  });
});

describe('iter/bpf_sk_storage_map', () => {
  const store = (socket: Socket, value: bigint): void => {
    object.maps.bytes!.update(socket, value);
  };

  it('shows the values of sockets, and can change them', () => {
    const [one, two, three] = [1, 2, 3].map((mark) => kernel.sockets.open({ mark }));
    store(one!, 10n);
    store(three!, 30n);
    expect(show('values', { map: object.maps.bytes })).toEqual(['mark 1: 10', 'mark 3: 30']);
    expect([object.maps.bytes!.lookup(one!), object.maps.bytes!.lookup(two!)]).toEqual([11n, undefined]);
    one!.close();
    expect(show('values', { map: object.maps.bytes })).toEqual(['mark 3: 31']);
  });

  it('wants a map of such values', () => {
    expect(() => show('values')).toThrow(/EBADF/);
  });

  it('gives the memory of what it showed back', () => {
    const round = (): number => {
      const socket = kernel.sockets.open();
      store(socket, 1n);
      show('values', { map: object.maps.bytes });
      socket.close();
      return kernel.memory.bytesInUse;
    };
    const used = [1, 2, 3, 4, 5, 6].map(round);
    expect(used.at(-1), used.join(' ')).toBe(used.at(-2));
  });
});
