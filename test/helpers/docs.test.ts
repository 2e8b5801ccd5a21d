/** docs/helpers.md is made from the spec and the table; `BLESS=1 npx vitest run test/helpers/docs.test.ts` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as words from '../../src/spec/helper-types.ts';
import { HELPERS, type HelperProto, type HelperSpec, helperSince } from '../../src/spec/index.ts';
import { FakeRuntime } from './fake-runtime.ts';

const FILE = join(import.meta.dirname, '../../docs/helpers.md');
const { entries } = new FakeRuntime().table;

/** The names of base types and modifiers by number: `ARG_…` or `RET_…`, and the flags. */
function namesOf(prefix: string): ReadonlyMap<number, string> {
  const bases = Object.entries(words).filter(
    ([name, value]) => name.startsWith(prefix) && typeof value === 'number' && words.typeFlags(value) === 0,
  );
  return new Map(bases.map(([name, value]) => [value as number, name.slice(prefix.length).toLowerCase()]));
}

const argNames = namesOf('ARG_');
const retNames = namesOf('RET_');
const flagNames = Object.entries(words).filter(
  ([name, value]) => /^(PTR|MEM|OBJ|DYNPTR)_/.test(name) && typeof value === 'number',
) as [string, number][];

function typeText(type: number, names: ReadonlyMap<number, string>, struct: string | undefined): string {
  const base = names.get(words.baseType(type)) ?? '?';
  const named = struct === undefined || struct === words.BPF_PTR_POISON ? base : `${base}(${struct})`;
  const flags = flagNames.filter(([, bit]) => (type & bit) !== 0).map(([name]) => name.toLowerCase());
  return [named, ...flags].join('+');
}

function signature(proto: HelperProto): string {
  const args = proto.args.map((arg, i) =>
    typeText(arg, argNames, proto.argBtf?.[(i + 1) as words.ArgNumber]),
  );
  return `${typeText(proto.ret, retNames, proto.retBtf)} (${args.join(', ')})`;
}

function notes({ proto }: HelperSpec): string {
  const marks = [
    [proto.gplOnly, 'GPL'],
    [proto.mightSleep, 'sleeps'],
    [proto.pktAccess, 'packet'],
  ] as const;
  return marks
    .filter(([set]) => set)
    .map(([, text]) => text)
    .join(', ');
}

function page(): string {
  const rows = HELPERS.map((spec) => {
    const implemented = entries[spec.id] === undefined ? '' : 'yes';
    const variants = spec.variants.length === 0 ? '' : ` (+${spec.variants.length})`;
    const cells = [spec.id, `\`${spec.name}\``, helperSince(spec.id), implemented, notes(spec)];
    return `| ${cells.join(' | ')} | \`${signature(spec.proto)}\`${variants} |`;
  });
  const count = entries.filter((entry) => entry !== undefined).length;
  return `# Helper functions

All ${HELPERS.length} helpers of Linux 6.12, made from \`src/spec/helpers.ts\` and the table of implementations. ${count} of them run here;
a call of another one is a fault that names it. Notes: *GPL*, the program's licence must be compatible; *sleeps*, sleepable
programs only; *packet*, packet pointers may be given. A number behind a signature says in how many further variants it exists,
by type of the calling program. Types are the kernel's ARG_, RET_ and modifier names in lower case.

| id | name | since | here | notes | signature |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

describe('docs/helpers.md', () => {
  it('says what the spec and the table say', () => {
    const text = page();
    if (process.env.BLESS === '1') writeFileSync(FILE, text);
    expect(readFileSync(FILE, 'utf8')).toBe(text);
  });
});
