/**
 * Global variables of an object by name and type: `object.rodata.my_pid = 42`, `object.bss.sum`. Before load they live in the
 * object's own copy of the section, afterwards in the map that the kernel made of it.
 */
import { UsageError } from '../base/errors.ts';
import { nearest } from '../base/suggest.ts';
import { type Btf, type BtfValue, readAt, writeAt } from '../btf/index.ts';
import type { MapSpec, VariableSpec } from '../loader/index.ts';

/** Where the bytes of a section are at the moment. */
export interface SectionBytes {
  /** A copy of bytes [offset, offset + size). */
  read(offset: number, size: number): Uint8Array;
  write(offset: number, bytes: Uint8Array): void;
}

/** Variables by name; reading gives a value by BTF type, assigning writes it. Structs and arrays are read and written whole. */
export type Globals = Record<string, BtfValue>;

/** A data section with its variables; static ones included, as BTF names them too. */
export class DataSection {
  readonly spec: MapSpec;
  private readonly btf: Btf | undefined;
  private readonly variables: ReadonlyMap<string, VariableSpec>;
  private store: SectionBytes;
  private frozen = false;

  constructor(spec: MapSpec, btf: Btf | undefined) {
    this.spec = spec;
    this.btf = btf;
    this.variables = new Map(spec.variables.map((variable) => [variable.name, variable]));
    this.store = ownBytes((spec.initial ?? new Uint8Array(spec.valueSize)).slice());
  }

  /** Names of the variables in the order of their offsets. */
  names(): string[] {
    return [...this.variables.keys()];
  }

  has(name: string): boolean {
    return this.variables.has(name);
  }

  get(name: string): BtfValue {
    const variable = this.variable(name);
    const bytes = this.store.read(variable.offset, variable.size);
    return this.btf === undefined || variable.btfTypeId === 0
      ? bytes
      : readAt(this.btf, variable.btfTypeId, bytes, 0);
  }

  /**
   * Writes a variable.
   * @throws UsageError for an unknown name, a value that does not fit, or a read-only section after load.
   */
  set(name: string, value: BtfValue): void {
    const variable = this.variable(name);
    if (this.frozen) {
      throw new UsageError(
        'read-only',
        `'${name}' is in ${this.spec.section}, which is frozen once loaded; set it before load`,
      );
    }
    const bytes = this.store.read(variable.offset, variable.size);
    if (this.btf !== undefined && variable.btfTypeId !== 0)
      writeAt(this.btf, variable.btfTypeId, bytes, 0, value);
    else if (value instanceof Uint8Array && value.length === variable.size) bytes.set(value);
    else
      throw new UsageError(
        'untyped',
        `'${name}' has no BTF type: give its ${variable.size} bytes as a Uint8Array`,
      );
    this.store.write(variable.offset, bytes);
  }

  /** The whole section. */
  bytes(): Uint8Array {
    return this.store.read(0, this.spec.valueSize);
  }

  /** Moves the variables to live memory; a frozen section is read-only from then on. */
  goLive(store: SectionBytes, frozen: boolean): void {
    this.store = store;
    this.frozen = frozen;
  }

  /** Keeps the last live content in the object's own copy again, for when its map goes away. */
  comeBack(): void {
    this.store = ownBytes(this.bytes());
    this.frozen = false;
  }

  private variable(name: string): VariableSpec {
    const found = this.variables.get(name);
    if (found) return found;
    throw unknownName('variable', name, this.spec.section, this.names());
  }
}

function ownBytes(bytes: Uint8Array): SectionBytes {
  return {
    read: (offset, size) => bytes.slice(offset, offset + size),
    write: (offset, data) => {
      bytes.set(data, offset);
    },
  };
}

/** The variables of several sections of one kind (`.data`, `.data.x`) as one plain-looking object. */
export function globalsOf(kind: string, sections: readonly DataSection[]): Globals {
  const sectionOf = (name: string | symbol): DataSection => {
    const found = sections.find((section) => typeof name === 'string' && section.has(name));
    if (found) return found;
    throw unknownName(
      'variable',
      String(name),
      kind,
      sections.flatMap((section) => section.names()),
    );
  };
  return new Proxy<Globals>(
    {},
    {
      get: (_, name) =>
        typeof name === 'symbol' || name === 'toJSON' ? undefined : sectionOf(name).get(name),
      set: (_, name, value: BtfValue) => {
        sectionOf(name).set(String(name), value);
        return true;
      },
      has: (_, name) => sections.some((section) => typeof name === 'string' && section.has(name)),
      ownKeys: () => sections.flatMap((section) => section.names()),
      getOwnPropertyDescriptor: (_, name) => {
        const section = sections.find((candidate) => typeof name === 'string' && candidate.has(name));
        if (!section) return undefined;
        return { configurable: true, enumerable: true, writable: true, value: section.get(String(name)) };
      },
    },
  );
}

/** The error for a name that does not exist: what the place has, and which of it was probably meant. */
export function unknownName(what: string, name: string, place: string, names: readonly string[]): UsageError {
  const meant = nearest(name, names);
  const hint = meant === undefined ? `it has ${listNames(names)}` : `did you mean '${meant}'?`;
  return new UsageError(`no-such-${what.replace(' ', '-')}`, `${place} has no ${what} '${name}'; ${hint}`);
}

/** `'a', 'b'` for messages that say what exists; `nothing` for none. */
function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => `'${name}'`);
  if (names.length > shown.length) shown.push(`${names.length - shown.length} more`);
  return shown.length === 0 ? 'nothing' : shown.join(', ');
}
