// Gathers what the kernel said of each case: node answers.js CASES.prog FOLDER FILE.json.gz
// Leaves FILE alone and fails unless every case has its answer: a virtual machine that stops half-way still ends without an error.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** @typedef {{ name: string, err: number, map_err: number, insns: number }} Verdict */

const [cases = '', folder = '', file = ''] = process.argv.slice(2);
const verdicts = new Map(readLines(join(folder, 'verdicts.jsonl')).map(verdictOf));
const names = readLines(cases)
  .filter((line) => line.startsWith('name '))
  .map((line) => line.slice('name '.length));
/** @type {Record<string, { errno: number, log: string }>} */
const answers = {};
/** @type {string[]} */
const faults = [];
for (const name of names) {
  const verdict = verdicts.get(nameInAnswers(name));
  const log = readLog(nameInAnswers(name));
  const fault = faultOf(verdict, log);
  if (name in answers) faults.push(`${name}: two cases have this name`);
  else if (fault !== undefined) faults.push(`${name}: ${fault}`);
  else answers[name] = { errno: -(verdict?.err ?? 0), log };
}
if (faults.length > 0) {
  console.error(
    `${faults.slice(0, 10).join('\n')}\n${faults.length} of ${names.length} cases have no good answer`,
  );
  process.exit(1);
}
writeFileSync(file, gzipSync(JSON.stringify(answers), { level: 9 }));
console.log(`${names.length} answers`);

/** @param {string} path */
function readLines(path) {
  return readFileSync(path, 'utf8').trim().split('\n');
}

/**
 * @param {string} line
 * @returns {[string, Verdict]}
 */
function verdictOf(line) {
  /** @type {unknown} */
  const parsed = JSON.parse(line);
  const verdict = /** @type {Verdict} */ (parsed);
  return [verdict.name, verdict];
}

/** As the asking program keeps a name: 255 bytes, without slashes. @param {string} name */
function nameInAnswers(name) {
  return Buffer.from(name).subarray(0, 255).toString().replaceAll('/', '_');
}

/** Empty for a load that fails ahead of the verifier. @param {string} name */
function readLog(name) {
  const path = join(folder, 'logs', basename(cases), `${name}.log`);
  if (!existsSync(path)) return '';
  return readFileSync(path, 'utf8').replaceAll(/verification time \d+ usec/g, 'verification time 0 usec');
}

/**
 * What is wrong with an answer, if anything. The closing numbers are in the verdict and in the log, or in neither.
 * @param {Verdict | undefined} verdict
 * @param {string} log
 */
function faultOf(verdict, log) {
  if (verdict === undefined) return 'no answer';
  if (verdict.map_err !== 0) return `a map could not be made (${-verdict.map_err})`;
  if (verdict.insns >= 0 && !/^processed \d+ insns .*\n$/m.test(log)) return 'its log is cut';
  return undefined;
}
