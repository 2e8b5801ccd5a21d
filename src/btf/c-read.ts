/**
 * C declarations to BTF: structs, unions, enums, typedefs and functions, laid out as on x86-64. For small sets of types of one's own; what it does
 * not know (expressions, bit fields, attributes, function pointers) is an error with its line.
 */
import { BtfError } from '../base/errors.ts';
import { alignUp } from '../base/int64.ts';
import { BtfBuilder, type BtfTypeSpec } from './build.ts';
import type { BtfMember, BtfParam, IntEncoding } from './types.ts';

/** A type with its place in memory; align 0: it has no size of its own. */
interface Laid {
  readonly id: number;
  readonly size: number;
  readonly align: number;
}

/** Integer types in BTF's spelling: bytes and encoding. */
const INTS: Readonly<Record<string, readonly [size: number, encoding: IntEncoding]>> = {
  // As the kernel is compiled.
  char: [1, 'none'],
  'unsigned char': [1, 'none'],
  _Bool: [1, 'bool'],
  short: [2, 'signed'],
  'unsigned short': [2, 'none'],
  int: [4, 'signed'],
  'unsigned int': [4, 'none'],
  long: [8, 'signed'],
  'unsigned long': [8, 'none'],
  'long long': [8, 'signed'],
  'unsigned long long': [8, 'none'],
};
const INT_WORDS: ReadonlySet<string> = new Set(['unsigned', 'char', 'short', 'int', 'long', '_Bool']);
const POINTER = 8;
const ENUM = 4;

/** Prefix and typedef of what BTF has of a tracepoint: `TRACEPOINT(name, arguments)` stands for it. */
const TRACEPOINT = 'TRACEPOINT';

/**
 * The BTF of these declarations. `TRACEPOINT(sched_switch, bool preempt, …);` declares a tracepoint as the kernel's BTF has it: a
 * typedef `btf_trace_sched_switch` of a pointer to a function that takes `void *__data` and the arguments.
 * @throws BtfError `c-syntax` with the line.
 */
export function readC(text: string): Uint8Array {
  return new Reader(text).read();
}

class Reader {
  private readonly tokens: readonly { readonly text: string; readonly line: number }[];
  private next = 0;
  /** By id - 1. */
  private readonly specs: (BtfTypeSpec | undefined)[] = [];
  private readonly known = new Map<string, Laid>();

  constructor(text: string) {
    this.tokens = text.split('\n').flatMap((line, i) =>
      [...line.replace(/\/\/.*/, '').matchAll(/\w+|\.\.\.|\S/g)].map(([token]) => ({
        text: token,
        line: i + 1,
      })),
    );
  }

  read(): Uint8Array {
    while (this.next < this.tokens.length) this.declaration();
    const builder = new BtfBuilder();
    // Structs that were only mentioned stay without content.
    const names = new Map([...this.known].map(([name, { id }]) => [id, name]));
    for (const [i, spec] of this.specs.entries()) builder.add(spec ?? forward(names.get(i + 1) ?? ''));
    return builder.bytes();
  }

  private declaration(): void {
    const isTagged = this.peek() === 'struct' || this.peek() === 'union';
    if (this.take(TRACEPOINT)) this.tracepoint();
    else if (this.take('typedef')) this.typedef();
    else if (isTagged && this.tokens[this.next + 2]?.text === '{') this.struct();
    else if (this.peek() === 'enum' && this.tokens[this.next + 2]?.text === '{') this.enumeration();
    else this.func();
    this.expect(';');
  }

  private typedef(): void {
    const type = this.type();
    const name = this.word();
    this.known.set(name, { ...type, id: this.add({ kind: 'typedef', name, type: type.id }) });
  }

  private func(): void {
    const returnType = this.type().id;
    const name = this.word();
    this.expect('(');
    const proto = this.add({ kind: 'func_proto', name: '', returnType, params: this.params([]) });
    this.add({ kind: 'func', name, type: proto, linkage: 'static' });
  }

  private tracepoint(): void {
    this.expect('(');
    const name = this.word();
    const params: BtfParam[] = [{ name: '__data', type: this.pointerTo(0).id }];
    if (this.take(',')) this.params(params);
    else this.expect(')');
    const proto = this.add({ kind: 'func_proto', name: '', returnType: 0, params });
    this.add({ kind: 'typedef', name: `btf_trace_${name}`, type: this.pointerTo(proto).id });
  }

  /** Parameters up to the closing parenthesis, which is taken too. */
  private params(params: BtfParam[]): BtfParam[] {
    if (this.take(')')) return params;
    if (this.peek() === 'void' && this.tokens[this.next + 1]?.text === ')') this.next++;
    else
      do {
        const { id } = this.type();
        params.push({ name: this.word(), type: id });
      } while (this.take(','));
    this.expect(')');
    return params;
  }

  private struct(): void {
    const kind = this.word() === 'union' ? 'union' : 'struct';
    const name = this.word();
    const { id } = this.tagged(`${kind} ${name}`);
    this.expect('{');
    const members: BtfMember[] = [];
    let end = 0;
    let align = 1;
    while (!this.take('}')) {
      const type = this.type();
      const member = this.word();
      const laid = this.take('[') ? this.arrayOf(type) : type;
      if (laid.align === 0) throw this.failure(`'${member}' has a type without a size`);
      const offset = kind === 'union' ? 0 : alignUp(end, laid.align);
      members.push({ name: member, type: laid.id, bitOffset: 8 * offset, bitSize: 0 });
      end = Math.max(end, offset + laid.size);
      align = Math.max(align, laid.align);
      this.expect(';');
    }
    const size = alignUp(end, align);
    this.specs[id - 1] = { kind, name, size, members };
    this.known.set(`${kind} ${name}`, { id, size, align });
  }

  /** Values follow each other unless one is given; the size is that of an int. */
  private enumeration(): void {
    this.next++;
    const name = this.word();
    this.expect('{');
    const values: { name: string; value: number }[] = [];
    let value = 0;
    do {
      const enumerator = this.word();
      if (this.take('=')) value = this.number('the value of an enumerator');
      values.push({ name: enumerator, value: value++ });
    } while (this.take(','));
    this.expect('}');
    const id = this.add({ kind: 'enum', name, size: ENUM, signed: false, values });
    this.known.set(`enum ${name}`, { id, size: ENUM, align: ENUM });
  }

  private arrayOf(element: Laid): Laid {
    const count = this.number('the number of elements');
    this.expect(']');
    const indexType = this.integer('unsigned int').id;
    const id = this.add({ kind: 'array', name: '', elementType: element.id, indexType, count });
    return { id, size: count * element.size, align: element.align };
  }

  /** A type with its qualifiers and stars. */
  private type(): Laid {
    const constant = this.take('const');
    let type = this.base();
    if (constant) type = { ...type, id: this.add({ kind: 'const', name: '', type: type.id }) };
    while (this.take('*')) type = this.pointerTo(type.id);
    return type;
  }

  private base(): Laid {
    const words: string[] = [];
    while (INT_WORDS.has(this.peek())) words.push(this.word());
    if (words.length > 0) {
      const name = words.join(' ');
      return this.integer(name === 'unsigned' ? 'unsigned int' : name);
    }
    const word = this.word();
    if (word === 'void') return { id: 0, size: 0, align: 0 };
    if (word === 'struct' || word === 'union') return this.tagged(`${word} ${this.word()}`);
    const known = this.known.get(word === 'enum' ? `enum ${this.word()}` : word);
    if (known !== undefined) return known;
    this.next--;
    throw this.failure(`there is no type '${word}'`);
  }

  private integer(name: string): Laid {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const [size, encoding] = INTS[name] ?? [0, 'none'];
    if (size === 0) throw this.failure(`there is no type '${name}'`);
    const id = this.add({ kind: 'int', name, size, encoding, bits: 8 * size, offset: 0 });
    this.known.set(name, { id, size, align: size });
    return { id, size, align: size };
  }

  /** A struct or union by its name, defined or not. */
  private tagged(name: string): Laid {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const laid = { id: this.specs.push(undefined), size: 0, align: 0 };
    this.known.set(name, laid);
    return laid;
  }

  private pointerTo(type: number): Laid {
    const key = `${type}*`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const laid = { id: this.add({ kind: 'ptr', name: '', type }), size: POINTER, align: POINTER };
    this.known.set(key, laid);
    return laid;
  }

  private add(spec: BtfTypeSpec): number {
    return this.specs.push(spec);
  }

  private peek(): string {
    return this.tokens[this.next]?.text ?? '';
  }

  private take(token: string): boolean {
    if (this.peek() !== token) return false;
    this.next++;
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) throw this.failure(`'${token}' is missing before '${this.peek()}'`);
  }

  /** A name, keyword or number. */
  private word(): string {
    const token = this.peek();
    if (!/^\w+$/.test(token)) throw this.failure(`a name is missing before '${token}'`);
    this.next++;
    return token;
  }

  private number(what: string): number {
    const value = Number(this.word());
    if (Number.isInteger(value)) return value;
    throw this.failure(`${what} must be a number`);
  }

  private failure(message: string): BtfError {
    const { line } = this.tokens[Math.min(this.next, this.tokens.length - 1)] ?? { line: 1 };
    return new BtfError('c-syntax', message, { line });
  }
}

function forward(name: string): BtfTypeSpec {
  const [of = '', tag = ''] = name.split(' ');
  return { kind: 'fwd', name: tag, of: of === 'union' ? 'union' : 'struct' };
}
