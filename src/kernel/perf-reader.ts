/** The user-space end of a perf event array: a buffer on every CPU, as libbpf's perf_buffer. */
import { SyscallError } from '../base/errno.ts';
import type { Btf, BtfValue } from '../btf/index.ts';
import type { BpfMap, PerfEventRef } from '../maps/index.ts';
import type { Memory } from '../vm/index.ts';
import type { Machine } from './machine/machine.ts';
import { updateByFd } from './objects/fds.ts';
import { perfEventFile } from './objects/files.ts';
import { type RecordOptions, RecordQueue, recordDecoder } from './record-queue.ts';

/** One sample and where it was taken. */
export interface PerfSample {
  readonly cpu: number;
  readonly data: BtfValue;
}

/** Reads samples: all at once with `read()`, as they come with `onRecord()`, or with `for await`. */
export class PerfReader implements AsyncIterable<PerfSample> {
  private readonly queue = new RecordQueue<PerfSample>();

  /**
   * Puts a perf event into every CPU's slot of the map.
   * @throws SyscallError when the map takes none; UsageError when the sample type is not known.
   */
  constructor(map: BpfMap, machine: Machine, btf: Btf | undefined, options: RecordOptions) {
    const decode = recordDecoder(btf, options);
    for (let cpu = 0; cpu < Math.min(machine.cpuCount, map.attr.maxEntries); cpu++) {
      this.open(
        map,
        machine,
        new CpuBuffer(cpu, machine.memory, (bytes) => {
          this.queue.push({ cpu, data: decode(bytes) });
        }),
      );
    }
  }

  /** All samples since the last read. */
  read(): PerfSample[] {
    return this.queue.take();
  }

  /** Calls `listener` with every sample as it comes, until the returned function is called. */
  onRecord(listener: (sample: PerfSample) => void): () => void {
    return this.queue.listen(listener);
  }

  /** Ends all iterations. */
  close(): void {
    this.queue.close();
  }

  [Symbol.asyncIterator](): AsyncIterator<PerfSample> {
    return this.queue[Symbol.asyncIterator]();
  }

  private open(map: BpfMap, machine: Machine, buffer: CpuBuffer): void {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, buffer.cpu, true);
    const error = updateByFd(machine.fds, perfEventFile(buffer), map, key);
    if (error < 0)
      throw new SyscallError(-error, `no perf buffer on CPU ${buffer.cpu}`, { map: map.attr.name });
  }
}

/** The perf event of one CPU; its buffer is the reader's queue and never full. */
class CpuBuffer implements PerfEventRef {
  readonly cpu: number;
  readonly isBpfOutput = true;
  private readonly memory: Memory;
  private readonly take: (bytes: Uint8Array) => void;

  constructor(cpu: number, memory: Memory, take: (bytes: Uint8Array) => void) {
    this.cpu = cpu;
    this.memory = memory;
    this.take = take;
  }

  /** Nothing to count: the collector frees it with the last slot that holds it. */
  hold(): void {
    /* see above */
  }

  release(): void {
    /* see above */
  }

  output(data: number, size: number, extra: number, extraSize: number): number {
    const sample = new Uint8Array(size + extraSize);
    sample.set(this.memory.readBytes(data, size));
    sample.set(this.memory.readBytes(extra, extraSize), size);
    this.take(sample);
    return 0;
  }
}
