/**
 * Makes V8 compile programs with its optimizing compiler at once. By default it starts with code that runs at half the speed and swaps
 * functions only when they are entered again, which a program whose first run is long never profits from. Node.js only.
 */

/** Above this the optimizing compiler takes too long (about 10 microseconds an instruction) to wait for it before the first run. */
const MAX_SLOTS = 10_000;

/** For `beforeCompile` of the engines. Functions are compiled at their first call, which follows at once. */
export function optimizeAtOnce(slots: number): void {
  // Loaded only now: most runs compile nothing.
  process.getBuiltinModule('node:v8').setFlagsFromString(slots <= MAX_SLOTS ? '--no-liftoff' : '--liftoff');
}
