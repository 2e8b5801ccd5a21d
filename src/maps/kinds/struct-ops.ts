/**
 * BPF_MAP_TYPE_STRUCT_OPS: one value, a struct of functions, which an update fills with programs and gives to its subsystem; a deletion takes it
 * back. With BPF_F_LINK the update only makes it ready for a link (kernel/bpf/bpf_struct_ops.c).
 */
import { Errno } from '../../base/errno.ts';
import { MapFlag } from '../flags.ts';
import type { BpfMap } from '../map.ts';
import { MapBase } from '../map-base.ts';
import type { MapContext } from '../map-context.ts';
import type { MapCounts, ProgRef } from '../ports.ts';
import { creationError } from '../rules.ts';
import { BUILTIN_OPERATIONS, findOpsType, type OpsMember, type OpsType } from '../struct-ops-type.ts';
import { userWord } from '../values/copy.ts';

const { BPF_F_LINK, BPF_F_VTYPE_BTF_OBJ_FD } = MapFlag;
const KEY_BYTES = 4;
const STRUCT_OPS_PROGRAM = 27;

/** Offsets in struct bpf_struct_ops_common_value. */
const REFERENCES = 0;
const STATE = 4;

/** enum bpf_struct_ops_state. */
const State = { init: 0, inUse: 1, toBeFreed: 2, ready: 3 } as const;

/** One struct of operations and its state. */
export class StructOpsMap extends MapBase implements BpfMap {
  readonly userValueSize: number;
  private readonly type: OpsType;
  /** What user space reads: program ids in the place of descriptors. */
  private readonly shown: Uint8Array;
  private state: (typeof State)[keyof typeof State] = State.init;
  private programs: ProgRef[] = [];
  private counts: MapCounts | undefined;

  private constructor(context: MapContext, type: OpsType) {
    super(context);
    const { attr } = context;
    this.type = type;
    this.userValueSize = attr.valueSize;
    this.shown = new Uint8Array(attr.valueSize);
  }

  /** @throws SyscallError ENOTSUPP for types that no subsystem takes, EINVAL for another size, ENOMEM. */
  static create(context: MapContext): StructOpsMap {
    const { attr, env } = context;
    const isModules = (attr.flags & BPF_F_VTYPE_BTF_OBJ_FD) !== 0;
    const btf = isModules ? undefined : env.kernelBtf;
    const type = btf === undefined ? undefined : findOpsType(btf, attr.btfVmlinuxValueTypeId ?? 0);
    if (type === undefined)
      throw creationError(Errno.ENOTSUPP, attr, 'the simulated kernel has no such operations to replace');
    if (attr.valueSize !== type.valueSize)
      throw creationError(
        Errno.EINVAL,
        attr,
        `value_size must be ${type.valueSize}, that of the kernel's type`,
      );
    return new StructOpsMap(context, type);
  }

  /** An update has filled it, and a link may register it (bpf_struct_ops_valid_to_reg). */
  get isReady(): boolean {
    return this.state === State.ready;
  }

  /** Programs cannot use such maps. */
  lookup(): number {
    return -Errno.EINVAL;
  }

  update(): number {
    return -Errno.EINVAL;
  }

  delete(): number {
    return -Errno.EINVAL;
  }

  setCounts(counts: MapCounts): void {
    this.counts = counts;
  }

  readUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (key.length < KEY_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    if (userWord(key, 0) !== 0) return -Errno.ENOENT;
    value.fill(0, 0, this.userValueSize);
    if (this.state === State.init) return 0;
    value.set(this.shown);
    const view = new DataView(value.buffer, value.byteOffset);
    view.setUint32(STATE, this.state, true);
    view.setUint32(REFERENCES, this.counts?.kernelReferences ?? 0, true);
    return 0;
  }

  updateUser(key: Uint8Array, value: Uint8Array, flags: number): number {
    const { type } = this;
    if (key.length < KEY_BYTES || value.length < this.userValueSize) return -Errno.EFAULT;
    if (flags !== 0) return -Errno.EINVAL;
    if (userWord(key, 0) !== 0) return -Errno.E2BIG;
    if (type.holes.some(([offset, size]) => !isZero(value, offset, size))) return -Errno.EINVAL;
    if (!isZero(value, 0, STATE + 4)) return -Errno.EINVAL;
    if (this.state !== State.init) return -Errno.EBUSY;
    this.shown.set(value.subarray(0, this.userValueSize));
    const error = this.takeMembers() ?? this.register();
    if (error !== 0) this.reset();
    return error;
  }

  deleteUser(key: Uint8Array): number {
    if (key.length < KEY_BYTES) return -Errno.EFAULT;
    if ((this.attr.flags & BPF_F_LINK) !== 0) return -Errno.EOPNOTSUPP;
    if (this.state === State.toBeFreed) return -Errno.EINPROGRESS;
    if (this.state !== State.inUse) return -Errno.ENOENT;
    this.env.operations?.delete(this.name);
    this.state = State.toBeFreed;
    this.counts?.release();
    return 0;
  }

  nextKey(key: Uint8Array | undefined, next: Uint8Array): number {
    if (next.length < KEY_BYTES || (key !== undefined && key.length < KEY_BYTES)) return -Errno.EFAULT;
    if (key !== undefined && userWord(key, 0) === 0) return -Errno.ENOENT;
    next.fill(0, 0, KEY_BYTES);
    return 0;
  }

  free(): void {
    this.reset();
    this.owner.freeAll();
  }

  /** The struct in the value. */
  private get data(): Uint8Array {
    return this.shown.subarray(this.type.dataOffset);
  }

  private get name(): string {
    return this.type.kind.nameOf?.(this.type, this.data) ?? '';
  }

  /** Takes each member; undefined, or the answer when one is not taken. */
  private takeMembers(): number | undefined {
    // What the last member gave counts, as in the kernel, when the pointer to the module is not NULL.
    let last = 0;
    for (const [index, member] of this.type.members.entries()) {
      const bytes = this.data.subarray(member.offset, member.offset + member.size);
      if (member.kind === 'module') {
        if (!isZero(bytes, 0, bytes.length)) return last;
        continue;
      }
      last = this.type.kind.initMember(member, bytes);
      if (last < 0) return last;
      if (last > 0) continue;
      if (member.kind === 'function') last = this.takeProgram(index, bytes);
      else if (!isZero(bytes, 0, bytes.length)) last = -Errno.EINVAL;
      if (last < 0) return last;
    }
    return undefined;
  }

  /** Puts the program behind a descriptor in a function's place: 0 or a negative errno. */
  private takeProgram(index: number, bytes: Uint8Array): number {
    const fd = userWord(bytes, 0) | 0;
    if (fd === 0) return 0;
    const program = this.env.programByFd?.(fd) ?? -Errno.EBADF;
    if (typeof program === 'number') return program;
    const fits =
      program.type === STRUCT_OPS_PROGRAM &&
      program.attachBtfId === this.type.structId &&
      program.expectedAttachType === index;
    if (!fits) return -Errno.EINVAL;
    program.hold();
    this.programs.push(program);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, program.id, true);
    view.setUint32(4, 0, true);
    return 0;
  }

  /** Gives the whole to its subsystem, or makes it ready for a link: 0 or a negative errno. */
  private register(): number {
    const { kind, members } = this.type;
    const isSet = ({ offset, size }: OpsMember): boolean => !isZero(this.data, offset, size);
    const error = kind.validate((name) => members.some((member) => member.name === name && isSet(member)));
    if (error !== 0) return error;
    if ((this.attr.flags & BPF_F_LINK) !== 0) {
      this.state = State.ready;
      return 0;
    }
    if (kind.nameOf === undefined) return -Errno.EOPNOTSUPP;
    const { name } = this;
    if (BUILTIN_OPERATIONS.includes(name) || this.env.operations?.has(name) === true) return -Errno.EEXIST;
    this.env.operations?.add(name);
    this.counts?.hold();
    this.state = State.inUse;
    return 0;
  }

  private reset(): void {
    for (const program of this.programs) program.release();
    this.programs = [];
    this.shown.fill(0);
    this.state = State.init;
  }
}

function isZero(bytes: Uint8Array, offset: number, size: number): boolean {
  for (let i = offset; i < offset + size; i++) if (bytes[i] !== 0) return false;
  return true;
}
