/** The engine that compiles programs to WebAssembly. */
export { JitEngine, type JitEngineOptions } from './engine.ts';
export { TieredEngine } from './tiered.ts';
