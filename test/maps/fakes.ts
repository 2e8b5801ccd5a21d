/** Objects of the kernel for map tests: they count who holds them and can be ended. */
import type { CgroupRef, DeviceRef, Held, ProgRef, SocketRef, StorageOwner } from '../../src/maps/index.ts';

/** Counts how often it is held. */
export class Counted implements Held {
  holders = 0;

  hold(): void {
    this.holders++;
  }

  release(): void {
    this.holders--;
  }
}

/** Something that ends one day. */
export class Mortal extends Counted {
  readonly listeners = new Set<() => void>();

  onEnd(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  end(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

export class FakeProgram extends Counted implements ProgRef {
  readonly id: number;
  readonly type: number;
  readonly expectedAttachType: number;
  readonly xdpHasFrags = false;
  readonly prepared = { name: 'fake', insns: [], subprogs: [0], subprogNames: ['fake'] };

  constructor(id: number, type: number, expectedAttachType = 0) {
    super();
    this.id = id;
    this.type = type;
    this.expectedAttachType = expectedAttachType;
  }
}

export class FakeDevice extends Mortal implements DeviceRef {
  readonly ifindex: number;

  constructor(ifindex: number) {
    super();
    this.ifindex = ifindex;
  }
}

export class FakeOwner extends Mortal implements StorageOwner {
  readonly address: number;

  constructor(address: number) {
    super();
    this.address = address;
  }
}

export class FakeCgroup extends FakeOwner implements CgroupRef {
  readonly id: number;

  constructor(id: number) {
    super(0x1000 + id);
    this.id = id;
  }
}

/** A listening TCP socket unless told otherwise. */
export class FakeSocket extends FakeOwner implements SocketRef {
  cookie = 0;
  family: SocketRef['family'] = 'inet';
  type: SocketRef['type'] = 'stream';
  protocol = 6;
  state: SocketRef['state'] = 'listen';
  hashed = true;
  reuseport = true;
  queue = 0;
  userData: object | undefined;

  constructor(cookie: number, more: Partial<SocketRef> = {}) {
    super(0x2000 + cookie);
    this.cookie = cookie;
    Object.assign(this, more);
  }

  enter(): number {
    return 0;
  }

  leave(): void {
    // Programs of maps are src/kernel/sockets' business.
  }
}
