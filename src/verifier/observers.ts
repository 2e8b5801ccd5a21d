/** Several observers as one: each event goes to all of them, in order. */
import type { VerifierObserver } from './observer.ts';

/** Names of all events. */
const EVENTS = [
  'text',
  'source',
  'begin',
  'end',
  'step',
  'pathSafe',
  'branch',
  'push',
  'pop',
  'checkpoint',
  'prune',
  'miss',
  'infiniteLoop',
  'call',
  'return',
  'precisionStretch',
  'precisionStep',
  'precisionParent',
  'precisionAll',
  'precisionForced',
  'precisionPropagated',
  'loopLimit',
  'bound',
] as const satisfies readonly (keyof VerifierObserver)[];

/** One observer that passes everything on; undefined for none. Events that nobody wants stay unset, so that they cost nothing. */
export function combineObservers(observers: readonly VerifierObserver[]): VerifierObserver | undefined {
  if (observers.length < 2) return observers[0];
  const combined: Record<string, (...args: readonly unknown[]) => void> = {};
  for (const event of EVENTS) {
    const listeners = observers.filter((observer) => observer[event] !== undefined);
    if (listeners.length === 0) continue;
    combined[event] = (...args) => {
      for (const listener of listeners) (listener[event] as (...args: readonly unknown[]) => void)(...args);
    };
  }
  return combined;
}
