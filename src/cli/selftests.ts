/** Replays of kernel selftests: what their user-space side does, through the library. */
import { BpfObject, Kernel } from '../index.ts';

/** One comparison that a selftest makes. */
export interface SelftestCheck {
  readonly name: string;
  readonly actual: bigint;
  readonly expected: bigint;
}

/** A selftest that can be replayed. */
export interface Selftest {
  readonly name: string;
  readonly summary: string;
  /** Its object below fixtures/programs. */
  readonly fixture: string;
  run(object: Uint8Array, cpus: number): readonly SelftestCheck[];
}

/** All of them by name. */
export const SELFTESTS: readonly Selftest[] = [
  {
    name: 'map_lookup_percpu_elem',
    summary:
      'every CPU writes its index into three per-CPU maps; a program at getuid() sums each over all CPUs',
    fixture: 'tracing/map_lookup_percpu_elem.bpf.o',
    run: mapLookupPercpuElem,
  },
];

const PERCPU_MAPS = ['percpu_array', 'percpu_hash', 'percpu_lru_hash'] as const;

/** tools/testing/selftests/bpf/prog_tests/map_lookup_percpu_elem.c: same steps, same checks. */
function mapLookupPercpuElem(bytes: Uint8Array, cpus: number): SelftestCheck[] {
  const kernel = new Kernel({ cpus });
  const object = BpfObject.open(bytes, { name: 'test_map_lookup_percpu_elem' });
  object.rodata.my_pid = kernel.currentTask.tgid;
  object.rodata.nr_cpus = cpus;
  kernel.load(object);
  const link = object.programs.sysenter_getuid!.attach();

  const indices = Array.from({ length: cpus }, (_, cpu) => BigInt(cpu));
  for (const map of PERCPU_MAPS) object.maps[`${map}_map`]!.update(0, indices);
  kernel.syscall('getuid');
  link.detach();

  const expected = BigInt((cpus * (cpus - 1)) / 2);
  return PERCPU_MAPS.map((map) => ({
    name: `${map}_map`,
    actual: object.bss[`${map}_elem_sum`] as bigint,
    expected,
  }));
}
