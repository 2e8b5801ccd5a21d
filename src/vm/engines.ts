/** The engines by name. Apart from index.ts, so that who interprets only does not load the compiler. */
import { UsageError } from '../base/errors.ts';
import type { HelperTable } from './abi.ts';
import type { Engine } from './engine.ts';
import { InterpreterEngine } from './interpreter-engine.ts';
import { JitEngine, type JitEngineOptions, TieredEngine } from './jit/index.ts';
import type { Memory } from './memory.ts';

/** `interp`: the interpreter; `jit`: compiled WebAssembly; `auto`: what suits each program. */
export type EngineName = 'interp' | 'jit' | 'auto';

/** All names, for options and messages. */
export const ENGINE_NAMES: readonly EngineName[] = ['interp', 'jit', 'auto'];

/** An engine, of which some can run a program several times without leaving it in between. */
export type RepeatingEngine = Engine & {
  readonly repeat?: JitEngine['repeat'];
  readonly runEach?: JitEngine['runEach'];
  readonly runBatch?: JitEngine['runBatch'];
  readonly stopBatch?: JitEngine['stopBatch'];
};

/**
 * Makes an engine. The interpreter always checks every access; `checked` makes the others do it too.
 * @throws UsageError for a name that is none.
 */
export function makeEngine(
  name: string,
  memory: Memory,
  helpers: HelperTable,
  options: JitEngineOptions = {},
): RepeatingEngine {
  switch (name) {
    case 'interp':
      return new InterpreterEngine(
        memory,
        helpers,
        options.budget === undefined ? {} : { budget: options.budget },
      );
    case 'jit':
      return new JitEngine(memory, helpers, options);
    case 'auto':
      return new TieredEngine(memory, helpers, options);
    default:
      throw new UsageError(
        'unknown-engine',
        `there is no engine '${name}'; there are ${ENGINE_NAMES.join(', ')}`,
      );
  }
}
