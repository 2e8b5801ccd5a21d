// Gathers what the kernel said of the programs of an object: node calls.js FOLDER OBJECT FILE.json
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {{ obj?: string, prog?: string, err: number }} Verdict */

const [folder = '', object = '', file = ''] = process.argv.slice(2);
/** @type {Record<string, { errno: number, log: string }>} */
const answers = {};
for (const line of readFileSync(join(folder, 'verdicts.jsonl'), 'utf8').trim().split('\n')) {
  /** @type {unknown} */
  const parsed = JSON.parse(line);
  const { obj, prog, err } = /** @type {Verdict} */ (parsed);
  if (obj !== object || prog === undefined) continue;
  const log = readFileSync(join(folder, 'logs', object, `${prog}.log`), 'utf8');
  answers[prog] = {
    errno: -err,
    log: log.replaceAll(/verification time \d+ usec/g, 'verification time 0 usec'),
  };
}
if (Object.keys(answers).length === 0) throw new Error(`the kernel was not asked about ${object}`);
writeFileSync(file, `${JSON.stringify(answers, undefined, 2)}\n`);
