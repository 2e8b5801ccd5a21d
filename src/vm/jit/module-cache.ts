/**
 * Compiled modules by their bytes, shared by all engines: the same program compiled again for another memory at the same addresses
 * (a test suite's next kernel) costs no second compilation.
 */
import { type WasmModule, wasm } from '../wasm/platform.ts';

interface Cached {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly module: WasmModule;
}

const MAX_MODULES = 64;
const modules = new Map<number, Cached>();

/** The module of these bytes. */
export function moduleOf(bytes: Uint8Array<ArrayBuffer>): WasmModule {
  const digest = digestOf(bytes);
  const found = modules.get(digest);
  if (found !== undefined && equal(found.bytes, bytes)) {
    // Back to the end of the map, whose first entry is the one that was not used for longest.
    modules.delete(digest);
    modules.set(digest, found);
    return found.module;
  }
  const module = new wasm.Module(bytes);
  modules.set(digest, { bytes, module });
  const [oldest] = modules.keys();
  if (modules.size > MAX_MODULES && oldest !== undefined) modules.delete(oldest);
  return module;
}

/** FNV-1a of 32 bits; equal digests are compared byte by byte. */
function digestOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
