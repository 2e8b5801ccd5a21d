/**
 * The command line's way in. What a run does not need is not loaded: `exec` on memory alone, which instruction-set suites start
 * hundreds of times, takes neither option parser nor colours.
 */

/**
 * Runs one command line (without `node` and the script).
 * @returns the exit code; nothing is thrown.
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    if (isPlainExec(argv)) {
      const { printResult } = await import('./commands/exec.ts');
      printResult(argv.slice(1));
    } else {
      const [{ runCommand }, { processIo }] = await Promise.all([
        import('./command-line.ts'),
        import('./colors.ts'),
      ]);
      await runCommand(argv, processIo());
    }
    return 0;
  } catch (error) {
    const [{ reportError, reportJsonError }, { processIo }] = await Promise.all([
      import('./report.ts'),
      import('./colors.ts'),
    ]);
    const io = processIo();
    const exitCode = reportError(error, io);
    reportJsonError(argv, error, exitCode, io);
    return exitCode;
  }
}

/** `exec` followed by nothing but hexadecimal memory. */
function isPlainExec(argv: readonly string[]): boolean {
  return argv[0] === 'exec' && argv.slice(1).every((word) => /^[\da-f\s]*$/i.test(word));
}
