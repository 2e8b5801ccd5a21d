/**
 * Which function handles the exceptions of a program: a declaration tag on the program names it (`__exception_cb` of
 * bpf_experimental.h). Rules: bpf_prog_assign_exc_cb in tools/lib/bpf/libbpf.c.
 */
import type { Btf } from '../btf/index.ts';
import type { FunctionCode } from './functions.ts';
import type { LinkError } from './object-spec.ts';

const PREFIX = 'exception_callback:';

/** The exception callbacks of an object. */
export class ExceptionCallbacks {
  private readonly byProgram = new Map<string, string[]>();
  private readonly subprograms = new Map<string, FunctionCode>();
  private misplaced = false;

  /** `text` are the functions in .text. */
  constructor(btf: Btf | undefined, text: readonly FunctionCode[]) {
    for (const code of text) if (!this.subprograms.has(code.name)) this.subprograms.set(code.name, code);
    if (btf === undefined) return;
    for (let id = btf.firstId; id < btf.typeCount; id++)
      if (btf.kindOf(id) === 'decl_tag') this.readTag(btf, id);
  }

  /** The callback of a program; undefined without one, and where several are named, which the verifier refuses. */
  of(program: FunctionCode): FunctionCode | LinkError | undefined {
    const place = { section: program.section.name, symbol: program.name };
    const error = (message: string): LinkError => ({ code: 'exception-callback', message, place });
    if (this.misplaced)
      return error('an exception_callback tag stands on something other than a global function');
    const names = this.byProgram.get(program.name);
    const name = names?.[0];
    if (names === undefined || name === undefined) return undefined;
    if (name === '') return error('the exception_callback tag names no function');
    const code = this.subprograms.get(name);
    if (code === undefined) return error(`the exception callback '${name}' does not exist in .text`);
    if (!code.global || code.hidden)
      return error(`the exception callback '${name}' must be a global function that is not hidden`);
    return names.length > 1 ? undefined : code;
  }

  private readTag(btf: Btf, id: number): void {
    const tag = btf.typeOfKind(id, 'decl_tag');
    if (tag.componentIndex !== -1 || !tag.name.startsWith(PREFIX)) return;
    const tagged = btf.typeById(tag.type);
    if (tagged.kind !== 'func' || tagged.linkage !== 'global') {
      this.misplaced = true;
      return;
    }
    const names = this.byProgram.get(tagged.name) ?? [];
    names.push(tag.name.slice(PREFIX.length));
    this.byProgram.set(tagged.name, names);
  }
}
