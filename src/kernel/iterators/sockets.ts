/**
 * Walks over sockets: those of TCP and UDP that have an address, and those that have a value in a map (bpf_iter_tcp_seq_* in
 * net/ipv4/tcp_ipv4.c, bpf_iter_udp_seq_* in net/ipv4/udp.c, bpf_sk_storage_map_seq_* in net/core/bpf_sk_storage.c). Linux walks hash
 * tables; here sockets come in the order in which they were opened, listening ones first.
 */

import type { Machine } from '../machine/machine.ts';
import type { LiveMap } from '../objects/live-map.ts';
import type { Socket } from '../sockets/socket.ts';
import type { Walk } from './walk.ts';

/** Who opened a socket is not known: its user is root. */
const UID = 0;

/** Walks over TCP sockets that have an address. */
export function tcpWalk(machine: Machine): Walk<Socket> {
  const { images, objects } = machine;
  const all = (): Socket[] => {
    const sockets = [...objects.sockets.all()].filter((socket) => socket.isTcp && socket.hashed);
    const listening = sockets.filter(({ state }) => state === 'listen');
    return [...listening, ...sockets.filter(({ state }) => state !== 'listen')];
  };
  return new SetWalk(all, (socket) => [socket === undefined ? 0 : images.ofSocket(socket), UID]);
}

/** Walks over UDP sockets that are bound. */
export function udpWalk(machine: Machine): Walk<Socket> {
  const { images, objects } = machine;
  const all = (): Socket[] =>
    [...objects.sockets.all()].filter((socket) => socket.isUdp && socket.local.port !== undefined);
  // The bucket of UDP's hash table by port, which has a number of its own on each machine.
  return new SetWalk(all, (socket) => [socket === undefined ? 0 : images.ofSocket(socket), UID, 0]);
}

/** Sockets with a value in a map of BPF_MAP_TYPE_SK_STORAGE, which the walk holds. */
export function storageWalk(machine: Machine, live: LiveMap): Walk<Socket> {
  const { images, objects } = machine;
  const { map } = live;
  const entries = (): (readonly [Socket, number])[] =>
    [...(map.storage?.values() ?? [])].flatMap(([owner, value]) => {
      const socket = objects.sockets.at(owner.address);
      return socket === undefined ? [] : [[socket, value] as const];
    });
  live.holdUser();
  return new SetWalk(
    () => entries().map(([socket]) => socket),
    (socket) => {
      const value = entries().find(([owner]) => owner === socket)?.[1] ?? 0;
      return [map.address, socket === undefined ? 0 : images.ofSocket(socket), value];
    },
    () => {
      live.releaseUser();
    },
  );
}

/** Objects of a set that may change between reads: each is shown once. */
class SetWalk<T> implements Walk<T> {
  private readonly all: () => readonly T[];
  private readonly wordsOf: (object: T | undefined) => readonly number[];
  private readonly onClose: () => void;
  private readonly passed = new Set<T>();

  constructor(
    all: () => readonly T[],
    words: (object: T | undefined) => readonly number[],
    onClose: () => void = () => undefined,
  ) {
    this.all = all;
    this.wordsOf = words;
    this.onClose = onClose;
  }

  start(): T | undefined {
    return this.all().find((object) => !this.passed.has(object));
  }

  next(object: T): T | undefined {
    this.passed.add(object);
    return this.start();
  }

  words(object: T | undefined): readonly number[] {
    return this.wordsOf(object);
  }

  close(): void {
    this.onClose();
  }
}
