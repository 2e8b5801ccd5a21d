/**
 * SK_MSG programs of socket maps: what processes send passes, is dropped, is changed, or goes to another socket. What is expected here, oddities
 * included, is what Linux 6.12 did with the same object and real sockets.
 */
import { describe, expect, it } from 'vitest';
import { type BpfObject, Kernel, type MapHandle, type Socket } from '../../../src/index.ts';
import { openFixture } from '../../fixtures.ts';
import { hear, say } from './helpers.ts';

interface World {
  readonly kernel: Kernel;
  readonly object: BpfObject;
  readonly sockets: MapHandle;
  /** In slot 0, with the program, and the other end. */
  readonly client: Socket;
  readonly server: Socket;
  /** In slot 1, and its other end. */
  readonly other: Socket;
  readonly far: Socket;
}

function world(): World {
  const kernel = new Kernel();
  const object = kernel.load(openFixture('sockets/filter_messages'));
  const sockets = object.maps.sockets!;
  object.programs.decide!.attach({ map: sockets });
  const [client, server] = kernel.sockets.pair();
  const [other, far] = kernel.sockets.pair();
  sockets.update(0, client);
  sockets.update(1, other);
  return { kernel, object, sockets, client, server, other, far };
}

describe('the verdict on a message', () => {
  it('lets it pass, or sends it into or out of another socket', () => {
    const { object, client, server, other, far } = world();
    expect(say(client, 'P-go')).toBe(4);
    expect(object.bss).toMatchObject({ runs: 1, size: 4, reach: 4, local_port: client.local.port });
    say(client, 'Ione');
    say(client, 'Itwo');
    say(client, 'Eone');
    expect([hear(server), hear(other), hear(far)]).toEqual(['P-go', 'IoneItwo', 'Eone']);
  });

  it('drops it with EACCES, and all that comes after it', () => {
    const { object, client, server } = world();
    expect(() => say(client, 'Dropped')).toThrow(/EACCES/);
    expect(() => say(client, 'Pass?')).toThrow(/EACCES/);
    expect([hear(server), object.bss.runs]).toEqual([undefined, 1]);
  });

  it('is EACCES where there is nowhere to send it to', () => {
    const { sockets, client } = world();
    sockets.delete(1);
    expect(() => say(client, 'Into')).toThrow(/EACCES/);
  });

  it('may lead into UDP sockets, not out of them', () => {
    const { kernel, sockets, client } = world();
    const [datagrams] = kernel.sockets.pair({ type: 'dgram' });
    sockets.update(1, datagrams);
    say(client, 'Into');
    expect(hear(datagrams)).toBe('Into');
    expect(() => say(client, 'Out')).toThrow(/EACCES/);
  });

  it('is not asked for about what UDP sockets send', () => {
    const { kernel, object, sockets } = world();
    const [here, there] = kernel.sockets.pair({ type: 'dgram' });
    sockets.update(2, here);
    say(here, 'Dxx');
    expect([hear(there), object.bss.runs]).toEqual(['Dxx', 0]);
  });

  it('tells the process when the other end of where it leads has gone', () => {
    const { client, far, server } = world();
    far.close();
    expect(say(client, 'Exx')).toBe(3);
    expect(() => say(client, 'Exx')).toThrow(/EPIPE/);
    expect(say(client, 'Pxx')).toBe(3);
    expect(hear(server)).toBe('Pxx');
  });
});

describe('bpf_msg_apply_bytes', () => {
  it('asks again behind the bytes that the verdict is for', () => {
    const { object, client, server } = world();
    // The third part is dropped: six bytes were taken.
    expect(say(client, 'PaxPyyDzz')).toBe(6);
    expect([hear(server), object.bss.runs]).toEqual(['PaxPyy', 3]);
  });

  it('holds on across calls of the process', () => {
    const { object, client, server, far } = world();
    say(client, 'Ea');
    say(client, 'xPyy');
    expect([hear(far), hear(server), object.bss.runs]).toEqual(['Eax', 'Pyy', 2]);
  });

  it('redirects the rest of a message, too, once a part was redirected', () => {
    const { object, client, server, other } = world();
    say(client, 'IaxPyy');
    expect([hear(other), hear(server), object.bss.runs]).toEqual(['IaxPyy', undefined, 2]);
  });

  it('counts only dropped bytes as not taken', () => {
    const { object, client } = world();
    expect(say(client, 'DaxPyy')).toBe(3);
    expect(() => say(client, 'Pq')).toThrow(/EACCES/);
    expect(object.bss.runs).toBe(1);
  });
});

describe('bpf_msg_cork_bytes', () => {
  it('holds data back until there is enough, and asks again then', () => {
    const { object, client, server } = world();
    expect([say(client, 'Pcx'), say(client, 'y')]).toEqual([3, 1]);
    expect([hear(server), object.bss.runs]).toEqual([undefined, 1]);
    say(client, 'zwv');
    expect([hear(server), object.bss.runs]).toEqual(['Pcxyzwv', 2]);
    expect(object.bss).toMatchObject({ size: 7, reach: 7 });
  });

  it('goes on doing so for later messages that pass', () => {
    const { client, server } = world();
    say(client, 'Pcx');
    say(client, 'yzwv');
    hear(server);
    say(client, 'Pq');
    expect(hear(server)).toBeUndefined();
    say(client, 'Pqrstuvwx');
    expect(hear(server)).toBe('PqPqrstuvwx');
  });

  it('but not for those that are redirected', () => {
    const { client, other } = world();
    say(client, 'Icx');
    say(client, 'yzwv');
    expect(hear(other)).toBe('Icxyzwv');
    say(client, 'Iq');
    expect(hear(other)).toBe('Iq');
  });
});

describe('changing a message', () => {
  it('bpf_msg_push_data puts bytes in front, or in the middle', () => {
    const { object, client, server } = world();
    expect(say(client, 'Phxyz')).toBe(5);
    expect(hear(server)).toBe('> Phxyz');
    expect(object.bss).toMatchObject({ size: 5, size_after: 7, reach_after: 2, answer: 0 });
    say(client, 'Pbxyz');
    expect(hear(server)).toBe('Pb[]xyz');
  });

  it('bpf_msg_pop_data takes bytes out, which must be there', () => {
    const { object, client, server } = world();
    say(client, 'Pxabcd');
    expect([hear(server), object.bss.reach_after, object.bss.size_after]).toEqual(['Pxcd', 2, 4]);
    say(client, 'Pxab');
    expect(hear(server)).toBe('Px');
    say(client, 'Pxa');
    expect([hear(server), object.bss.answer]).toEqual(['Pxa', -22]);
    say(client, 'Pzab');
    expect([hear(server), object.bss.answer]).toEqual(['Pzab', -22]);
  });

  it('bpf_msg_pull_data brings bytes in reach, which must be there', () => {
    const { object, client, server } = world();
    say(client, 'Plabcd');
    expect(hear(server)).toBe('Plabcd');
    expect(object.bss).toMatchObject({ answer: 0, reach_after: 1, last: 'd'.charCodeAt(0) });
    say(client, 'Pyab');
    expect(object.bss).toMatchObject({ answer: -22, reach_after: 4 });
  });

  it.each(['Dhxyz', 'Dxxyz'])('does not count for what was dropped: %s', (text) => {
    const { client } = world();
    expect(() => say(client, text)).toThrow(/EACCES/);
  });
});

describe('a large message', () => {
  it('is in reach up to the end of its first page frame; the last byte has to be pulled', () => {
    const { object, client, server } = world();
    expect(say(client, `Pl${'x'.repeat(99_997)}!`)).toBe(100_000);
    expect(object.bss).toMatchObject({ runs: 1, size: 100_000, reach: 32_768, last: '!'.charCodeAt(0) });
    expect(hear(server)).toHaveLength(100_000);
  });

  it('is judged in parts of 17 page frames', () => {
    const { object, client, server } = world();
    expect(say(client, 'P'.repeat(600_000))).toBe(600_000);
    expect(object.bss).toMatchObject({ runs: 2, size: 42_944 });
    expect(hear(server)).toHaveLength(600_000);
  });
});

describe('memory', () => {
  it('is given back when messages were sent, dropped or held back', () => {
    const { kernel, client, server, other } = world();
    for (const text of ['Into', 'Phxyz', 'Pcx', 'yzwv', 'Icx']) say(client, text);
    expect(kernel.memory.regions().some(({ name }) => name === 'sk_msg')).toBe(true);
    client.close();
    server.close();
    other.close();
    const left = kernel.memory.regions().filter(({ name }) => /sk_msg/.test(name));
    expect(left.map(({ name }) => name)).toEqual([]);
  });
});
