/**
 * The part of the WebAssembly JavaScript API that the engines use, typed here because the core compiles without the DOM
 * library and Node's types. Reached through globalThis, so that users with the DOM library see no clash of declarations.
 */

/** WebAssembly.Memory: pages of 64 KiB that only grow; a growth replaces `buffer`. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages and returns the old count; throws a RangeError when it cannot. */
  grow(pages: number): number;
}

/** WebAssembly.Table of functions. */
export interface WasmTable {
  readonly length: number;
  grow(count: number): number;
  set(index: number, value: unknown): void;
}

/** WebAssembly.Module: compiled code, which can be instantiated many times. */
export interface WasmModule {
  /** Tells modules from other objects for the type checker only. */
  readonly [isModule]: never;
}
declare const isModule: unique symbol;

interface WasmNamespace {
  readonly Memory: new (options: { initial: number; maximum?: number }) => WasmMemory;
  readonly Table: new (options: { element: 'anyfunc'; initial: number }) => WasmTable;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  readonly RuntimeError: new (message?: string) => Error;
  readonly CompileError: new (message?: string) => Error;
}

/** The platform's WebAssembly object; every supported platform has one. */
export const wasm = (globalThis as unknown as { readonly WebAssembly: WasmNamespace }).WebAssembly;

/** Bytes of one WebAssembly page. */
export const WASM_PAGE = 65536;
