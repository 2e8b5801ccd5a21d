/**
 * Compiled modules by their name, which has a digest of their code, shared by all engines: the same program compiled again for another
 * memory at the same addresses (a test suite's next kernel) costs no second compilation.
 */
import { type WasmModule, wasm } from '../wasm/platform.ts';
import type { CompiledCode } from './compile.ts';

interface Cached {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly module: WasmModule;
}

const MAX_MODULES = 64;
const modules = new Map<string, Cached>();

/** The module of compiled code. */
export function moduleOf({ bytes, name }: Pick<CompiledCode, 'bytes' | 'name'>): WasmModule {
  const found = modules.get(name);
  if (found !== undefined && equal(found.bytes, bytes)) {
    // Back to the end of the map, whose first entry is the one that was not used for longest.
    modules.delete(name);
    modules.set(name, found);
    return found.module;
  }
  const module = new wasm.Module(bytes);
  modules.set(name, { bytes, module });
  const [oldest] = modules.keys();
  if (modules.size > MAX_MODULES && oldest !== undefined) modules.delete(oldest);
  return module;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
