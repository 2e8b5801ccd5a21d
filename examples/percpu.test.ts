import { readFileSync } from 'node:fs';
import { BpfObject, Kernel } from 'bpflab';
import { expect, test } from 'vitest';

test('sums every CPU', () => {
  const kernel = new Kernel({ cpus: 4 });
  const object = BpfObject.open(readFileSync('fixtures/programs/tracing/map_lookup_percpu_elem.bpf.o'));
  object.rodata.my_pid = kernel.currentTask.tgid;
  object.rodata.nr_cpus = kernel.cpus;

  kernel.load(object);
  object.maps.percpu_array_map!.update(0, [0n, 1n, 2n, 3n]);
  object.programs.sysenter_getuid!.attach();
  kernel.syscall('getuid');

  expect(object.bss.percpu_array_elem_sum).toBe(6n);
});
