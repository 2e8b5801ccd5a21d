/**
 * Puts a WebAssembly module together: types, imports, functions, exports, a table of all functions, and a name section, so that profilers
 * and stack traces show the names of BPF functions. Format: WebAssembly specification, section 5.5.
 */
import { ByteWriter } from './bytes.ts';
import { Type, W } from './opcodes.ts';

/** Parameters and result of a function, as value types; no result is undefined. */
export interface Signature {
  readonly params: readonly number[];
  readonly result: number | undefined;
}

/** A function with its code: local declarations and instructions, without the size in front. */
export interface FunctionBody {
  readonly name: string;
  readonly signature: Signature;
  readonly code: Uint8Array;
  /** The name under which JavaScript sees it. */
  readonly exportAs?: string;
}

interface FunctionImport {
  readonly name: string;
  readonly signature: Signature;
}

/** The table of programs that tail calls go through, if the module imports it: shared by all modules of an engine. */
export const SHARED_TABLE = 0;

/** One module in the making. */
export class ModuleWriter {
  /**
   * Whether the table of tail calls is imported. Only modules that make tail calls do: V8 keeps a module for as long as any table that it
   * imports.
   */
  readonly hasSharedTable: boolean;
  private readonly types: Signature[] = [];
  private readonly typeIndex = new Map<string, number>();
  private readonly imports: FunctionImport[] = [];
  private readonly importIndex = new Map<string, number>();
  private readonly bodies: FunctionBody[] = [];
  private readonly starts: number[] = [];

  constructor(hasSharedTable: boolean) {
    this.hasSharedTable = hasSharedTable;
  }

  /** Index of a signature in the type section. */
  type(signature: Signature): number {
    const key = `${signature.params.join()}:${signature.result ?? ''}`;
    let index = this.typeIndex.get(key);
    if (index === undefined) {
      index = this.types.push(signature) - 1;
      this.typeIndex.set(key, index);
    }
    return index;
  }

  /** Index of an imported function. All imports must be made before the first body is added. */
  importFunction(name: string, signature: Signature): number {
    let index = this.importIndex.get(name);
    if (index === undefined) {
      index = this.imports.push({ name, signature }) - 1;
      this.importIndex.set(name, index);
    }
    return index;
  }

  /** The table of the module's own functions, in the order in which they were added. */
  get ownTable(): number {
    return this.hasSharedTable ? 1 : 0;
  }

  get importCount(): number {
    return this.imports.length;
  }

  addFunction(body: FunctionBody): void {
    this.type(body.signature);
    this.bodies.push(body);
  }

  /** Offset in the finished module of the first byte of each body's code. */
  get codeStarts(): readonly number[] {
    return this.starts;
  }

  /** FNV-1a, 32 bits, of the code of all functions. */
  get codeDigest(): number {
    let hash = 0x811c9dc5;
    for (const { code } of this.bodies) for (const byte of code) hash = Math.imul(hash ^ byte, 0x01000193);
    return hash >>> 0;
  }

  /** The bytes of the module, with the name that profilers and stack traces show. */
  finish(name: string): Uint8Array<ArrayBuffer> {
    const types = this.bodies.map((body) => this.type(body.signature));
    const importTypes = this.imports.map((one) => this.type(one.signature));
    const out = new ByteWriter(1024);
    out.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    section(out, 1, (w) => {
      this.writeTypes(w);
    });
    section(out, 2, (w) => {
      this.writeImports(w, importTypes);
    });
    section(out, 3, (w) => {
      list(w, types, (type) => {
        w.u32(type);
      });
    });
    section(out, 4, (w) => {
      w.raw(Uint8Array.of(1, Type.FUNCREF, 0));
      w.u32(this.bodies.length);
    });
    section(out, 7, (w) => {
      this.writeExports(w);
    });
    section(out, 9, (w) => {
      this.writeElements(w);
    });
    const codeEnds = section(out, 10, (w) => this.writeCode(w));
    this.starts.push(...codeEnds.value.map((start) => start + codeEnds.at));
    section(out, 0, (w) => {
      this.writeNames(w, name);
    });
    return out.written().slice();
  }

  private writeTypes(w: ByteWriter): void {
    list(w, this.types, ({ params, result }) => {
      w.u8(Type.FUNC);
      w.sized(Uint8Array.from(params));
      w.sized(Uint8Array.from(result === undefined ? [] : [result]));
    });
  }

  private writeImports(w: ByteWriter, types: readonly number[]): void {
    w.u32(this.imports.length + (this.hasSharedTable ? 2 : 1));
    this.imports.forEach(({ name }, index) => {
      w.name('f');
      w.name(name);
      w.u8(0);
      w.u32(types[index]!);
    });
    if (this.hasSharedTable) {
      w.name('e');
      w.name('table');
      w.raw(Uint8Array.of(1, Type.FUNCREF, 0, 0));
    }
    w.name('e');
    w.name('memory');
    w.raw(Uint8Array.of(2, 0, 1));
  }

  private writeExports(w: ByteWriter): void {
    const exported = this.bodies.flatMap(({ exportAs }, index) =>
      exportAs === undefined ? [] : [{ exportAs, index }],
    );
    list(w, exported, ({ exportAs, index }) => {
      w.name(exportAs);
      w.u8(0);
      w.u32(this.imports.length + index);
    });
  }

  /** All functions of the module in its own table, from 0. */
  private writeElements(w: ByteWriter): void {
    // One active segment for a numbered table: offset (i32.const 0), then function indices.
    w.raw(Uint8Array.of(1, 2, this.ownTable, W.I32_CONST, 0, W.END, 0));
    list(w, this.bodies, (_, index) => {
      w.u32(this.imports.length + index);
    });
  }

  /** Offsets of the bodies' code inside the section. */
  private writeCode(w: ByteWriter): number[] {
    w.u32(this.bodies.length);
    return this.bodies.map(({ code }) => {
      w.u32(code.length);
      const at = w.length;
      w.raw(code);
      return at;
    });
  }

  private writeNames(w: ByteWriter, name: string): void {
    w.name('name');
    section(w, 0, (part) => {
      part.name(name);
    });
    section(w, 1, (part) => {
      list(part, this.bodies, (body, index) => {
        part.u32(this.imports.length + index);
        part.name(body.name);
      });
    });
  }
}

/** Writes a section: its number, its size, what `write` writes. Gives where its contents begin, and the result of `write`. */
function section<T>(out: ByteWriter, id: number, write: (w: ByteWriter) => T): { at: number; value: T } {
  const contents = new ByteWriter();
  const value = write(contents);
  out.u8(id);
  out.u32(contents.length);
  const at = out.length;
  out.raw(contents.written());
  return { at, value };
}

function list<T>(w: ByteWriter, items: readonly T[], write: (item: T, index: number) => void): void {
  w.u32(items.length);
  items.forEach(write);
}
