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

interface WasmNamespace {
  readonly Memory: new (options: { initial: number; maximum?: number }) => WasmMemory;
}

/** The platform's WebAssembly object; every supported platform has one. */
export const wasm = (globalThis as unknown as { readonly WebAssembly: WasmNamespace }).WebAssembly;

/** Bytes of one WebAssembly page. */
export const WASM_PAGE = 65536;
