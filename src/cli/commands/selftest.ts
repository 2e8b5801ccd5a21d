/** `bpflab selftest [NAME]`: replays kernel selftests on embedded objects, or on one given. */
import type { Command } from 'commander';
import { ExitCode } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';
import { integerOption } from '../options.ts';
import { readPackageFile } from '../package-files.ts';
import { renderTable } from '../render/table.ts';
import { CommandFailed, usageError } from '../report.ts';
import { SELFTESTS, type Selftest, type SelftestCheck } from '../selftests.ts';

interface SelftestOptions {
  readonly cpus: number;
  readonly object?: string;
  readonly json?: boolean;
}

const DEFAULT_CPUS = 4;
const MOST_CPUS = 4096;

export function define(command: Command, io: Io): void {
  command
    .argument('[name]', 'which one; all of them by default')
    .option(
      '--cpus <n>',
      'CPUs of the simulated machine',
      integerOption('--cpus', 1, MOST_CPUS),
      DEFAULT_CPUS,
    )
    .option('--object <file>', "replay this object, such as the kernel's own, instead of the embedded one")
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `\nSelftests:\n${SELFTESTS.map((test) => `  ${test.name}\n    ${test.summary.replace('; ', ';\n    ')}\n`).join('')}
Examples:
  bpflab selftest
  bpflab selftest map_lookup_percpu_elem --cpus 8
`,
    )
    .action((name: string | undefined, options: SelftestOptions) => {
      run(name, options, io);
    });
}

function run(name: string | undefined, options: SelftestOptions, io: Io): void {
  const wanted = SELFTESTS.filter((test) => name === undefined || test.name === name);
  if (wanted.length === 0) {
    throw usageError(
      `there is no selftest '${name ?? ''}'; there is ${SELFTESTS.map((test) => test.name).join(', ')}`,
    );
  }
  const results = wanted.map((test) => ({
    test,
    checks: test.run(objectOf(test, options, io), options.cpus),
  }));
  if (options.json === true) {
    const tests = results.map(({ test, checks }) => ({
      name: test.name,
      cpus: options.cpus,
      ok: checks.every(holds),
      checks,
    }));
    printJson(io, 'selftest', { tests });
  } else {
    for (const { test, checks } of results) report(test, checks, options.cpus, io);
  }
  if (!results.every(({ checks }) => checks.every(holds))) throw new CommandFailed(ExitCode.Failed);
}

function objectOf(test: Selftest, options: SelftestOptions, io: Io): Uint8Array {
  if (options.object !== undefined) return io.read(options.object);
  return readPackageFile(`fixtures/programs/${test.fixture}`);
}

const holds = (check: SelftestCheck): boolean => check.actual === check.expected;

function report(test: Selftest, checks: readonly SelftestCheck[], cpus: number, io: Io): void {
  io.out(`${io.color.bold(test.name)} on ${cpus} CPU${cpus === 1 ? '' : 's'}: ${test.summary}\n\n`);
  const table = renderTable(
    [
      { title: 'MAP' },
      { title: 'SUM', align: 'right' },
      { title: 'EXPECTED', align: 'right' },
      { title: '' },
    ],
    checks.map((check) => [
      check.name,
      `${check.actual}`,
      `${check.expected}`,
      holds(check) ? 'ok' : 'WRONG',
    ]),
    { heading: io.color.dim },
  );
  io.out(table.replace(/\bok$/gm, io.color.green('ok')).replace(/\bWRONG$/gm, io.color.red('WRONG')));
  const failed = checks.filter((check) => !holds(check)).length;
  const verdict =
    failed === 0 ? io.color.green('passed') : io.color.red(`${failed} of ${checks.length} failed`);
  io.out(`\n${verdict}\n`);
}
