/** Perf events as user space opens them to attach programs: on a tracepoint, on a function, or software events for samples. */
import { Errno } from '../../base/errno.ts';
import type { PerfEventRef } from '../../maps/index.ts';
import type { Attachment } from '../attach/hooks.ts';

/** What perf_event_open(2) is asked for. */
export type PerfEventTarget =
  | { readonly kind: 'tracepoint' /** `category/name`. */; readonly name: string }
  | { readonly kind: 'kprobe' | 'kretprobe'; readonly symbol: string; readonly offset?: number }
  | { readonly kind: 'software' };

/** An event of perf_event_open(2). */
export class PerfEvent implements PerfEventRef {
  readonly target: PerfEventTarget;
  readonly cpu: number;
  /** Programs write samples to software events only. */
  readonly isBpfOutput: boolean;
  /** The program that was attached by this event. */
  attached: Attachment | undefined;

  constructor(target: PerfEventTarget, cpu: number) {
    this.target = target;
    this.cpu = cpu;
    this.isBpfOutput = target.kind === 'software';
  }

  /** Where its programs hang; undefined for software events, which nothing fires. */
  get hook(): string | undefined {
    const { target } = this;
    if (target.kind === 'software') return undefined;
    return target.kind === 'tracepoint' ? `tracepoint:${target.name}` : `${target.kind}:${target.symbol}`;
  }

  /** Nothing to count: it has no memory of the kernel's. */
  hold(): void {
    /* see above */
  }

  release(): void {
    /* see above */
  }

  /** Nobody has mapped its buffer, so there is no room. */
  output(): number {
    return -Errno.ENOENT;
  }
}
