// `npm run kernel-types`, after a build: the BTF of programs/include/bpflab_kernel.h as a module, src/kernel/load/kernel-types-data.ts.
// Reading the header itself at each start would take several milliseconds.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
/** @type {unknown} */
const library = await import(join(ROOT, 'dist/index.js'));
const { readC, toHex } = /** @type {typeof import('../src/index.ts')} */ (library);

const text = readFileSync(join(ROOT, 'programs/include/bpflab_kernel.h'), 'utf8');
const lines = toHex(readC(text)).match(/.{1,110}/g) ?? [];
const body = lines.map((line) => `  '${line}'`).join(' +\n');
writeFileSync(
  join(ROOT, 'src/kernel/load/kernel-types-data.ts'),
  `/** The BTF of programs/include/bpflab_kernel.h, in hexadecimal; scripts/kernel-types.js makes it. */\nexport const KERNEL_TYPES =\n${body};\n`,
);
