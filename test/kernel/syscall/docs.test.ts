/**
 * docs/bpf-syscall.md is made from the table of attributes, from the kernel's recorded answers, and from an introduction;
 * `BLESS=1 npx vitest run test/kernel/syscall/docs.test.ts` writes it anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errnoName } from '../../../src/base/errno.ts';
import {
  type AttrField,
  BPF_ATTR_BYTES,
  BPF_COMMANDS,
  type BpfCommand,
  bytesUsed,
  type CommandSpec,
  commandSpec,
} from '../../../src/spec/index.ts';
import { recordedAnswers } from './answers.ts';
import { SCENARIOS } from './scenarios/index.ts';

const FILE = join(import.meta.dirname, '../../../docs/bpf-syscall.md');
const INTRODUCTION = join(import.meta.dirname, 'introduction.md');

const commands = Object.keys(BPF_COMMANDS) as BpfCommand[];

/** The errno values that the reference kernel gave for a command, and how often it was called. */
function seen(number: number): { errors: string; calls: number } {
  const errors = new Map<number, string>();
  let calls = 0;
  for (const { name, steps } of SCENARIOS) {
    const answers = recordedAnswers(name);
    steps.forEach((step, i) => {
      const [kind, , command] = step.split(' ');
      if (kind !== 'C' || Number(command) !== number) return;
      calls++;
      const result = Number.parseInt(answers[i] ?? '', 10);
      if (result < 0) errors.set(-result, errnoName(result));
    });
  }
  const names = [...errors].sort(([a], [b]) => a - b).map(([, name]) => name);
  return { errors: names.join(', '), calls };
}

function attribute([name, { offset, size, kind, flow }]: readonly [string, AttrField]): string {
  const way = { in: '', out: ' out', inout: ' in, out' }[flow];
  return `\`${name}\` ${offset}:${size}${kind === 'number' ? '' : ` ${kind}`}${way}`;
}

function section(command: BpfCommand): string {
  const spec: CommandSpec = commandSpec(command);
  const { errors, calls } = seen(spec.number);
  const fields = Object.entries(spec.fields).map(attribute).join('; ');
  return `### ${command}

${spec.what} Command ${spec.number}, since ${spec.since}; returns ${spec.returns === 'fd' ? 'a descriptor' : '0'}. Bytes from
${bytesUsed(spec)} on must be zero. ${calls} recorded calls${errors === '' ? '' : `, which failed with ${errors}`}.

Attributes: ${fields}.
`;
}

function page(): string {
  const introduction = readFileSync(INTRODUCTION, 'utf8')
    .replace('{commands}', String(commands.length))
    .replace('{bytes}', String(BPF_ATTR_BYTES))
    .replace(
      '{calls}',
      String(SCENARIOS.flatMap(({ steps }) => steps).filter((s) => s.startsWith('C ')).length),
    );
  return `${introduction}\n${commands.map(section).join('\n')}`;
}

describe('docs/bpf-syscall.md', () => {
  it('says what the table, the recorded answers and the introduction say', () => {
    const text = page();
    if (process.env.BLESS === '1') writeFileSync(FILE, text);
    expect(readFileSync(FILE, 'utf8')).toBe(text);
  });
});
