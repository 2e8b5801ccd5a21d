/**
 * What bpf_trace_printk and bpf_trace_vprintk write, kept as entries and shown as lines of /sys/kernel/tracing/trace_pipe
 * (kernel/trace/trace_output.c, trace_print_context).
 */

/** One message with its circumstances. */
export interface TraceEntry {
  readonly comm: string;
  readonly pid: number;
  readonly cpu: number;
  /** Monotonic time in nanoseconds. */
  readonly time: bigint;
  readonly text: string;
}

/** The line that `cat trace_pipe` shows; context flags are those of a task with interrupts on. */
export function formatTraceEntry(entry: TraceEntry): string {
  const task = `${entry.comm.padStart(16)}-${String(entry.pid).padEnd(7)}`;
  const microseconds = entry.time / 1000n;
  const fraction = String(microseconds % 1_000_000n).padStart(6, '0');
  const time = `${String(microseconds / 1_000_000n).padStart(5)}.${fraction}`;
  return `${task} [${String(entry.cpu).padStart(3, '0')}] ..... ${time}: bpf_trace_printk: ${entry.text}`;
}

/** Keeps entries until they are read, and hands them to listeners as they come. */
export class TracePipe {
  private unread: TraceEntry[] = [];
  private readonly listeners = new Set<(entry: TraceEntry) => void>();

  /** Called by the helpers. */
  write(entry: TraceEntry): void {
    this.unread.push(entry);
    for (const listener of this.listeners) listener(entry);
  }

  /** The entries since the last read; as the kernel's pipe, reading consumes them. */
  read(): TraceEntry[] {
    const entries = this.unread;
    this.unread = [];
    return entries;
  }

  /** The unread entries as lines of the pipe; reading consumes them. */
  lines(): string[] {
    return this.read().map(formatTraceEntry);
  }

  /** Calls `listener` for every later entry until the returned function is called. */
  listen(listener: (entry: TraceEntry) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
