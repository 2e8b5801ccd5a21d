/** Source lines in the log: each once, until another came between. Source: verbose_linfo, find_linfo in kernel/bpf/log.c. */
import type { LineInfo } from '../../btf/index.ts';

/** The source lines of one program, and which was printed last. */
export class SourceLines {
  private readonly lines: readonly LineInfo[];
  private previous: LineInfo | undefined;

  constructor(lines: readonly LineInfo[]) {
    this.lines = lines;
  }

  /** A new function begins. */
  reset(): void {
    this.previous = undefined;
  }

  /** The line of an instruction, without line end; undefined if it was shown last. */
  next(insn: number): string | undefined {
    const line = this.find(insn);
    const { previous } = this;
    if (line === undefined || line === previous) return undefined;
    if (previous !== undefined && line.file === previous.file && line.line === previous.line)
      return undefined;
    this.previous = line;
    const name = line.file.slice(line.file.lastIndexOf('/') + 1);
    return `${line.text.trimStart()} @ ${name}:${line.line}`;
  }

  private find(insn: number): LineInfo | undefined {
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lines[middle]!.insn <= insn) low = middle;
      else high = middle - 1;
    }
    return this.lines[low];
  }
}
