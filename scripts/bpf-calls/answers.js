// From the lines that calls.c prints to the fixture: the answers of each scenario's steps, by its name.
// node answers.js ANSWERS.txt FIXTURE.json
import { readFileSync, writeFileSync } from 'node:fs';

const [, , from = '', to = ''] = process.argv;
/** @type {Record<string, string[]>} */
const answers = {};
/** @type {string[]} */
let current = [];
for (const line of readFileSync(from, 'utf8').trimEnd().split('\n')) {
  if (line.startsWith('S ')) {
    current = [];
    answers[line.slice(2)] = current;
  } else {
    current.push(line);
  }
}
const entries = Object.entries(answers).map(
  ([name, lines]) => `  ${JSON.stringify(name)}: ${JSON.stringify(lines.join('|'))}`,
);
writeFileSync(to, `{\n${entries.join(',\n')}\n}\n`);
const calls = Object.values(answers).flat().length;
process.stdout.write(`${entries.length} scenarios, ${calls} steps\n`);
