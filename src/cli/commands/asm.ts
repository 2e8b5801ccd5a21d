/** `bpflab asm FILE`: text to bytecode. */
import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { assemble, HELPERS, helperByName, type RawInsn, rawToBytes, toHex } from '../../index.ts';
import { inFile } from '../in-file.ts';
import type { Io } from '../io.ts';
import { printJson } from '../json.ts';

interface AsmOptions {
  readonly output?: string;
  readonly json?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .argument('<file>', "assembler text in the syntax of the verifier's log or LLVM's; - for stdin")
    .option('-o, --output <file>', 'write the bytes to a file instead of hexadecimal text to stdout')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  bpflab asm prog.s                    hexadecimal text, an instruction a line
  bpflab asm prog.s -o prog.bin
  bpflab asm prog.s | bpflab exec
`,
    )
    .action((file: string, options: AsmOptions) => {
      run(file, options, io);
    });
}

function run(file: string, options: AsmOptions, io: Io): void {
  const insns = inFile(file, () => assembleText(new TextDecoder().decode(io.read(file))));
  const bytes = rawToBytes(insns, 'little');
  const { output } = options;
  if (output !== undefined)
    inFile(output, () => {
      writeFileSync(output, bytes);
    });
  if (options.json === true) printJson(io, 'asm', { insns: insns.length, bytes });
  else if (output === undefined) io.out(`${toHex(bytes).replace(/.{16}(?=.)/g, '$&\n')}\n`);
}

/** Helpers go by their names. */
function assembleText(text: string): RawInsn[] {
  return assemble(text, {
    resolveCall: (name) => {
      const helper = helperByName(name);
      return helper === undefined ? undefined : { kind: 'call-helper', id: helper.id };
    },
    names: HELPERS.map((helper) => helper.name),
  });
}
