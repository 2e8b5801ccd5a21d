/**
 * `npm run bench:startup [-- ROUNDS]`: the CPU time (user and system) of whole runs of the command line, over that of `node -e 0`.
 * The commands take turns, so that whatever else the machine does falls on all of them; medians.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';

const ROOT = dirname(import.meta.dirname);
const ROUNDS = Number(process.argv[2] ?? 20);
const OBJECT = join(ROOT, 'fixtures/programs/xdp/count_protocols.bpf.o');

/** @type {Record<string, string[]>} */
const COMMANDS = {
  'node -e 0': ['-e', '0'],
  'bpflab exec': [join(ROOT, 'bin/bpflab.js'), 'exec'],
  'bpflab run count_protocols.bpf.o': [join(ROOT, 'bin/bpflab.js'), 'run', OBJECT],
  'bpflab verify count_protocols.bpf.o': [join(ROOT, 'bin/bpflab.js'), 'verify', OBJECT],
};

/**
 * Milliseconds of CPU time of one run. The process itself says them last of all, on a pipe of its own: Node.js has no call that gives
 * those of a child.
 * @param {string[]} args
 */
function cpuTime(args) {
  const { output, status, stderr } = spawnSync(
    process.execPath,
    ['--require', join(ROOT, 'bench/cpu-time.cjs'), ...args],
    { encoding: 'utf8', input: 'b700000001000000 9500000000000000', stdio: ['pipe', 'pipe', 'pipe', 'pipe'] },
  );
  if (status !== 0) throw new Error(stderr);
  return Number(output[3]);
}

/** @param {number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** @type {Map<string, number[]>} */
const times = new Map(Object.keys(COMMANDS).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++)
  for (const [name, args] of Object.entries(COMMANDS)) times.get(name)?.push(cpuTime(args));

const [bare = 0] = [...times.values()].map(median);
console.log(`CPU time in ms, medians of ${ROUNDS} runs`);
for (const [name, values] of times) {
  const own = median(values);
  const over = own === bare ? '' : `  +${(own - bare).toFixed(1)}  ${(own / bare).toFixed(2)}x`;
  console.log(`${name.padEnd(36)} ${own.toFixed(1).padStart(6)}${over}`);
}
