// Compares the verifier with Linux 6.12: runs it on the kernel's own selftest programs and raw tests, whose verdicts and logs were
// recorded on the reference kernel, and prints how much agrees. Needs the facts (FACTS, default ../shared/kernel-6.12) and the
// oracle's cache (ORACLE_HOME) with the kernel's BTF and the compiled selftests; none of these is part of the project.
//
//   npm run parity -- [--filter TEXT] [--raw | --loads | --objects] [--list CAUSES] [--diff NAME] [--all]
//
// --list prints the programs that differ in `verdict`, `error`, `insns` or `log`; --diff shows where one log leaves the kernel's; --all
// also runs programs that need what the verifier does not support. --objects takes the selftest programs from their object files, as the
// library loads them, instead of the recorded loads, and no raw tests.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CACHE, readLoads, readRawTests, readVerdicts, unpack } from './parity/facts.js';

unpack();
const { compiledElsewhere, inputOfLoad, inputOfObject, inputOfRaw, rawFile, rawMaps, sameProgram } =
  await import('./parity/inputs.js');
const { BpfError, verify } = await import('./parity/library.js');

/** Features that a later version of the verifier will have. */
const LATER = new Set([
  'kfunc',
  'dynptr',
  'kptr',
  'timer',
  'arena',
  'struct_ops',
  'freplace',
  'module_btf',
  'unprivileged',
]);
const MODES = { plain: 0, priv: 1, unpriv: 2 };
/** libbpf poisons what it cannot resolve with calls of helpers that do not exist, and rewrites the kernel's message about them. */
const POISON = /^invalid func unknown#(195896080|2002\d+)$/;
const POISONED = /^failed to resolve CO-RE|^kfunc '.*' is referenced but wasn't resolved/;
/** The marker of a log that was too long. */
const CUT = /^@@@ cut here/;

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string[]} needs
 * @property {string} verdict
 * @property {string} last the error line, '' for none
 * @property {number | undefined} insns
 * @property {string} log path, '' for none
 * @property {() => import('./parity/library.js').VerifierInput} input
 */

const { values: options } = parseArgs({
  options: {
    filter: { type: 'string' },
    raw: { type: 'boolean', default: false },
    loads: { type: 'boolean', default: false },
    objects: { type: 'boolean', default: false },
    list: { type: 'string' },
    diff: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
});

/** @returns {Generator<Case>} */
function* loadCases() {
  let file = '';
  /** @type {import('./parity/facts.js').Load[]} */
  let loads = [];
  for (const fact of readVerdicts()) {
    if (!fact.judged || (!options.all && fact.needs.some((need) => LATER.has(need)))) continue;
    if (file !== fact.file) loads = readLoads(fact.file);
    file = fact.file;
    const load = loads.find(({ prog, mode }) => prog === fact.prog && mode === MODES[fact.mode]);
    if (load === undefined) continue;
    if (options.objects && compiledElsewhere(load)) {
      elsewhere++;
      continue;
    }
    const suffix = fact.mode === 'plain' ? '' : `.${fact.mode}`;
    const last = fact.last ?? '';
    yield {
      name: `${fact.file}:${fact.prog}${suffix}`,
      needs: fact.needs,
      // Without an errno BPF_PROG_LOAD succeeded: what failed was the tool that loaded the object.
      verdict: fact.errno === 0 && last === '' ? 'accept' : fact.verdict,
      last,
      insns: fact.insns,
      log: sameProgram(load) ? join(CACHE, `logs/${fact.file}/${fact.prog}${suffix}.l2.log`) : '',
      input: () => (options.objects ? inputOfObject(fact) : inputOfLoad(load)),
    };
  }
}

/** @returns {Generator<Case>} */
function* rawCases() {
  const maps = rawMaps();
  for (const test of readRawTests()) {
    const fact = test.kernel.p;
    if (fact === undefined || (test.insns === undefined && !existsSync(rawFile(test)))) continue;
    const later =
      test.fixup_kfunc_btf_id.length > 0 || Object.keys(test.fixups).some((kind) => /kptr|timer/.test(kind));
    if (later && !options.all) continue;
    const log = fact.log_l2 === undefined ? '' : join(CACHE, 'raw/logs', fact.log_l2.replace(/^.*\//, ''));
    yield {
      name: `raw:${test.idx} ${test.name}`,
      needs: ['raw'],
      verdict: fact.verdict,
      last: fact.verdict === 'reject' ? errorLine(log) : '',
      insns: fact.processed,
      log,
      input: () => inputOfRaw(test, maps),
    };
  }
}

/** The line ahead of the closing statistics. @param {string} path */
function errorLine(path) {
  if (!existsSync(path)) return '';
  const lines = readFileSync(path, 'utf8').split('\n');
  const end = lines.findIndex((line) => /^(verification time|processed) \d/.test(line));
  return lines[end - 1] ?? '';
}

/** A log as lines, without what differs from run to run: addresses and times. @param {string} log */
function normalize(log) {
  return log
    .replaceAll(/0xff[0-9a-f]{14}/g, 'ADDR')
    .replaceAll(/\(18\) (r\d+) = (?:0x[0-9a-f]+|ADDR)( +;)?/g, (_, /** @type {string} */ reg, state) =>
      state === undefined ? `(18) ${reg} = ADDR` : `(18) ${reg} = ADDR ;`,
    )
    .replaceAll(/verification time \d+ usec/g, 'verification time N usec')
    .split('\n');
}

/** First line at which two logs differ, or -1. @param {string[]} ours @param {string[]} theirs */
function firstDifference(ours, theirs) {
  const cut = theirs.findIndex((line) => CUT.test(line));
  // The line ahead of the marker may be cut too.
  const end = cut >= 0 ? cut - 1 : Math.max(ours.length, theirs.length);
  for (let i = 0; i < end; i++) if (ours[i] !== theirs[i]) return i;
  return -1;
}

const CAUSES = /** @type {const} */ (['verdict', 'error', 'insns', 'log']);
const totals = { verdict: 0, error: 0, insns: 0, log: 0 };
/** @type {Record<'verdict' | 'error' | 'insns' | 'log', string[]>} */
const differing = { verdict: [], error: [], insns: [], log: [] };
let unsupportedCount = 0;
/** Programs that the cached objects hold in another form than what was loaded. */
let elsewhere = 0;
let wronglyAccepted = 0;

/** @param {'verdict' | 'error' | 'insns' | 'log'} cause @param {Case} test @param {boolean} same @param {string} ours */
function count(cause, test, same, ours) {
  totals[cause]++;
  if (same) return;
  const kernel = `kernel: ${test.verdict} ${test.insns ?? '?'} ${test.last}`;
  differing[cause].push(`${test.name} [${test.needs.join(' ')}] ${kernel} | ours: ${ours}`);
}

/** A case's input, or why there is none. @param {Case} test */
function inputOf(test) {
  try {
    return test.input();
  } catch (error) {
    if (error instanceof BpfError) return `${error.code} ${error.describe()}`;
    throw error;
  }
}

/** @param {Case} test */
function compare(test) {
  const hasLog = test.log !== '' && existsSync(test.log) && !POISONED.test(test.last);
  const input = inputOf(test);
  if (typeof input === 'string') {
    count('verdict', test, false, input);
    return;
  }
  const result = verify(input, { logLevel: hasLog ? 6 : 4 });
  const message = result.failure?.message ?? '';
  const unsupported = result.failure?.code === 'unsupported';
  const same = result.verdict === test.verdict && !unsupported;
  if (unsupported) unsupportedCount++;
  if (!same && result.verdict === 'accept') wronglyAccepted++;
  count('verdict', test, same, `${unsupported ? 'unsupported' : result.verdict} ${message}`);
  if (test.verdict === 'reject')
    count(
      'error',
      test,
      message === test.last || (POISON.test(message) && POISONED.test(test.last)),
      message,
    );
  if (test.insns !== undefined)
    count('insns', test, result.stats.insns === test.insns, `${result.stats.insns}`);
  if (hasLog) compareLogs(test, result.log);
}

/** @param {Case} test @param {string} log */
function compareLogs(test, log) {
  const ours = normalize(log);
  const theirs = normalize(readFileSync(test.log, 'utf8'));
  const end = theirs.findIndex((line) => line.startsWith('processed '));
  if (end >= 0) theirs.splice(end + 1, theirs.length, '');
  const at = firstDifference(ours, theirs);
  count('log', test, at < 0, `line ${at + 1}: ${ours[at] ?? ''}   KERNEL: ${theirs[at] ?? ''}`);
  if (options.diff === undefined || at < 0) return;
  for (const line of ours.slice(Math.max(0, at - 12), at)) console.log(`  ${line}`);
  for (const line of theirs.slice(at, at + 8)) console.log(`- ${line}`);
  for (const line of ours.slice(at, at + 8)) console.log(`+ ${line}`);
}

const started = performance.now();
for (const cases of [options.raw ? [] : loadCases(), options.loads || options.objects ? [] : rawCases()])
  for (const test of cases) {
    if (options.filter !== undefined && !test.name.includes(options.filter)) continue;
    if (options.diff === undefined || test.name === options.diff) compare(test);
  }

for (const cause of CAUSES) {
  const total = totals[cause];
  const right = total - differing[cause].length;
  const more =
    cause === 'verdict' ? ` (unsupported ${unsupportedCount}, wrongly accepted ${wronglyAccepted})` : '';
  console.log(
    `${cause.padEnd(8)}${right}/${total} ${((100 * right) / Math.max(1, total)).toFixed(2)}%${more}`,
  );
}
if (elsewhere > 0) console.log(`${elsewhere} left out: the loads that were recorded were compiled elsewhere`);
console.log(`${Math.round(performance.now() - started)} ms`);
for (const cause of CAUSES)
  if (options.list?.split(',').includes(cause)) for (const line of differing[cause]) console.log(line);
