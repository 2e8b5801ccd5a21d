/** Attributes of bpf(2) as objects with the members' names: to bytes, and results back. The table is src/spec/bpf-attr.ts. */
import { UsageError } from '../../base/errors.ts';
import { nearest } from '../../base/suggest.ts';
import { encodeUtf8 } from '../../base/text.ts';
import {
  type AttrField,
  type AttrName,
  BPF_ATTR_BYTES,
  type BPF_COMMANDS,
  type BpfCommand,
  commandSpec,
} from '../../spec/index.ts';
import type { Memory } from '../../vm/index.ts';
import type { UserMemory } from '../machine/user-memory.ts';

/** What a member takes, by its kind in the table. */
interface KindValue {
  readonly number: number | bigint;
  readonly fd: number;
  /** Bytes, or an address in user memory; 0 is NULL. */
  readonly buffer: Uint8Array | number | bigint;
  readonly string: string | Uint8Array | number | bigint;
  readonly name: string | Uint8Array;
}

type FieldOf<C extends BpfCommand, N> = N extends keyof (typeof BPF_COMMANDS)[C]['fields']
  ? (typeof BPF_COMMANDS)[C]['fields'][N]
  : never;

/** The attributes of a command: all members may be left out and are then zero. */
export type BpfAttr<C extends BpfCommand> = {
  [N in AttrName<C>]?: FieldOf<C, N> extends { readonly kind: infer K }
    ? K extends keyof KindValue
      ? KindValue[K]
      : never
    : never;
};

type Value = KindValue[keyof KindValue];

/** Attributes as bytes, and where the caller's buffers lie meanwhile. */
export interface EncodedAttr {
  readonly bytes: Uint8Array;
  readonly buffers: readonly { readonly content: Uint8Array; readonly address: number }[];
}

/** @throws UsageError for members that the command does not have, values of the wrong kind, and names that are too long. */
export function encodeAttr<C extends BpfCommand>(
  user: UserMemory,
  command: C,
  attr: BpfAttr<C>,
): EncodedAttr {
  const spec = commandSpec(command);
  const bytes = new Uint8Array(BPF_ATTR_BYTES);
  const view = new DataView(bytes.buffer);
  const buffers: { content: Uint8Array; address: number }[] = [];
  for (const [name, value] of Object.entries<Value | undefined>(attr)) {
    const field = Object.hasOwn(spec.fields, name) ? spec.fields[name] : undefined;
    if (field === undefined) throw unknownMember(command, name, Object.keys(spec.fields));
    if (value === undefined) continue;
    if (field.kind === 'name') {
      putName(bytes, field, name, value);
    } else {
      const word = wordOf(user, field, name, value);
      if (field.size === 8) view.setBigUint64(field.offset, word, true);
      else view.setUint32(field.offset, Number(BigInt.asUintN(32, word)), true);
      if (value instanceof Uint8Array && field.flow !== 'in')
        buffers.push({ content: value, address: Number(word) });
    }
  }
  return { bytes, buffers };
}

/** Writes what the kernel wrote back to the object and its buffers. */
export function decodeResults<C extends BpfCommand>(
  memory: Memory,
  command: C,
  attr: BpfAttr<C>,
  { bytes, buffers }: EncodedAttr,
): void {
  for (const { content, address } of buffers) content.set(memory.readBytes(address, content.length));
  const view = new DataView(bytes.buffer);
  const target = attr as Record<string, Value>;
  for (const [name, field] of Object.entries(commandSpec(command).fields)) {
    if (field.kind !== 'number' || field.flow === 'in') continue;
    target[name] =
      field.size === 8 ? view.getBigUint64(field.offset, true) : view.getUint32(field.offset, true);
  }
}

function wordOf(user: UserMemory, field: AttrField, name: string, value: Value): bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt.asUintN(64, BigInt(value));
  const takesBytes = field.kind === 'buffer' || field.kind === 'string';
  if (!takesBytes || (typeof value === 'string' && field.kind !== 'string'))
    throw new UsageError('bad-attribute', `'${name}' takes a ${takesBytes ? 'Uint8Array' : 'number'}`);
  return user.place(value);
}

function putName(bytes: Uint8Array, field: AttrField, name: string, value: Value): void {
  const content = typeof value === 'string' ? encodeUtf8(value) : value;
  if (!(content instanceof Uint8Array) || content.length > field.size)
    throw new UsageError('bad-attribute', `'${name}' takes a string of at most ${field.size - 1} bytes`);
  bytes.set(content, field.offset);
}

function unknownMember(command: string, name: string, known: readonly string[]): UsageError {
  const meant = nearest(name, known);
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  return new UsageError('no-such-attribute', `${command} has no attribute '${name}'${hint}`);
}
