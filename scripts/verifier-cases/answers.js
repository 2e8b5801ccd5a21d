// Gathers what the kernel said of each case: node answers.js FOLDER FILE.json.gz
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [folder = '', file = ''] = process.argv.slice(2);
/** @type {Record<string, { errno: number, log: string }>} */
const answers = {};
for (const line of readFileSync(join(folder, 'verdicts.jsonl'), 'utf8').trim().split('\n')) {
  /** @type {unknown} */
  const parsed = JSON.parse(line);
  const { name, err, map_err } = /** @type {{ name: string, err: number, map_err: number }} */ (parsed);
  if (map_err !== 0) console.error(`${name}: a map could not be made (${-map_err})`);
  const path = join(folder, 'logs/cases.prog', `${name}.log`);
  const log = existsSync(path) ? readFileSync(path, 'utf8') : '';
  answers[name] = {
    errno: -err,
    log: log.replaceAll(/verification time \d+ usec/g, 'verification time 0 usec'),
  };
}
writeFileSync(file, gzipSync(JSON.stringify(answers), { level: 9 }));
console.log(`${Object.keys(answers).length} answers`);
