/** The engine that compiles programs to WebAssembly. */
export { compile } from './compile.ts';
export { JitEngine, type JitEngineOptions } from './engine.ts';
export { TieredEngine } from './tiered.ts';
