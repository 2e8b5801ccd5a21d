// A value for each task: the map hangs it on the task, and it goes when the task ends.
import { readFileSync } from 'node:fs';
import { Kernel } from 'bpflab';
import { expect, test } from 'vitest';

test('a task storage counts the system calls of each task', () => {
  const kernel = new Kernel();
  const object = kernel.load(readFileSync('fixtures/programs/tracing/task_notes.bpf.o'));
  object.programs.note_call!.attach();
  const { calls } = object.maps;
  const worker = kernel.spawn({ comm: 'worker' });

  kernel.syscall('read', [0]);
  kernel.syscall('write', [1], { pid: worker.pid });
  kernel.syscall('write', [1], { pid: worker.pid });

  expect(calls!.lookup(kernel.currentTask)).toBe(1n);
  expect(calls!.lookup(worker)).toBe(2n);
});
