/**
 * A whole BTF as a C header that compiles, as `bpftool btf dump file X format c` writes it (tools/lib/bpf/btf_dump.c,
 * tools/bpf/bpftool/btf.c): definitions in order, forward declarations where needed, kernel functions last.
 */
import { BtfError } from '../base/errors.ts';
import { MAX_BTF_DEPTH } from '../base/limits.ts';
import type { Btf } from './btf.ts';
import { CWriter } from './c-declare.ts';
import { UniqueNames } from './c-names.ts';
import { DefinitionOrder } from './c-order.ts';
import { sortedIds } from './c-sort.ts';
import type { BtfInt, BtfStruct, BtfTypedef } from './types.ts';

/** What `dumpC` writes, and in which order. */
export interface DumpCOptions {
  /** Only these types and what they need; without it, all types and the kernel functions. */
  readonly roots?: readonly number[];
  /** Sorts by kind and name, so that headers of two kernels compare well; else types come in order of their ids. */
  readonly sorted?: boolean;
}

const PROLOGUE = `#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

#ifndef __ksym
#define __ksym __attribute__((section(".ksyms")))
#endif

#ifndef __weak
#define __weak __attribute__((weak))
#endif

`;

const EPILOGUE = `#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
`;

/** Types that GCC builds in for Arm and clang does not know. */
const MISSING_TYPES: ReadonlyMap<string, string> = new Map([
  ['__Poly8_t', 'unsigned char'],
  ['__Poly16_t', 'unsigned short'],
  ['__Poly64_t', 'unsigned long long'],
  ['__Poly128_t', 'unsigned __int128'],
]);

/** The declaration tag of functions that programs may call. */
const KFUNC_TAG = 'bpf_kfunc';

/** Visits for each type that there is, before the graph counts as hostile. */
const VISITS_PER_TYPE = 256;

/**
 * The header as text.
 * @throws BtfError `btf-cycle` when a struct contains itself, `btf-too-large` when types multiply beyond reason.
 */
export function dumpC(btf: Btf, options: DumpCOptions = {}): string {
  const dumper = new HeaderWriter(btf);
  for (const id of options.roots ?? (options.sorted ? sortedIds(btf) : allIds(btf))) dumper.add(id);
  const kfuncs = options.roots ? '' : dumper.kernelFunctions();
  return `${PROLOGUE}${dumper.text()}${kfuncs}${EPILOGUE}`;
}

function* allIds(btf: Btf): Generator<number> {
  for (let id = 1; id < btf.typeCount; id++) yield id;
}

/** How far a type has come. `Emitting`: its definition is being prepared, so others can only be told that it will come. */
const State = { None: 0, Emitting: 1, Emitted: 2 } as const;

class HeaderWriter {
  private readonly btf: Btf;
  private readonly writer: CWriter;
  private readonly order: DefinitionOrder;
  private readonly states: Uint8Array;
  private readonly announced: Uint8Array;
  private readonly out: string[] = [];
  private visits: number;

  constructor(btf: Btf) {
    this.btf = btf;
    this.writer = new CWriter(btf, new UniqueNames());
    this.order = new DefinitionOrder(btf);
    this.states = new Uint8Array(btf.typeCount);
    this.announced = new Uint8Array(btf.typeCount);
    this.states[0] = State.Emitted;
    this.visits = VISITS_PER_TYPE * btf.typeCount;
  }

  /** Writes what the type needs and was not written yet, then the type. */
  add(root: number): void {
    for (const id of this.order.definitionsFor(root)) this.emit(id, 0, 0);
  }

  text(): string {
    return this.out.join('');
  }

  kernelFunctions(): string {
    const lines: string[] = [];
    for (let id = 1; id < this.btf.typeCount; id++) {
      if (this.btf.kindOf(id) !== 'decl_tag') continue;
      const tag = this.btf.typeOfKind(id, 'decl_tag');
      if (tag.name !== KFUNC_TAG || tag.componentIndex !== -1) continue;
      const func = this.btf.typeById(tag.type);
      if (func.kind === 'func')
        lines.push(`extern ${this.writer.declare(func.type, func.name)} __weak __ksym;\n`);
    }
    return `\n/* BPF kfuncs */\n#ifndef BPF_NO_KFUNC_PROTOTYPES\n${lines.join('')}#endif\n\n`;
  }

  /**
   * Writes whatever must stand before a definition that mentions the type, and at the top level the definition itself.
   * @param container The definition that mentions it; 0 at the top level.
   */
  private emit(id: number, container: number, depth: number): void {
    if (this.states[id] === State.Emitted) return;
    if (depth > MAX_BTF_DEPTH || --this.visits < 0) {
      throw new BtfError('btf-cycle', `type [${id}] is nested too deeply for C`, { typeId: id });
    }
    const type = this.btf.typeById(id);
    const next = (to: number): void => {
      this.emit(to, container, depth + 1);
    };

    switch (type.kind) {
      case 'int':
        this.defineMissing(type);
        this.states[id] = State.Emitted;
        return;
      case 'enum':
      case 'enum64':
        if (container === 0) this.put(this.writer.enumBody(type));
        this.states[id] = State.Emitted;
        return;
      case 'fwd':
        this.put(this.writer.declare(id, ''));
        this.states[id] = State.Emitted;
        return;
      case 'ptr':
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        next(type.type);
        return;
      case 'array':
        next(type.elementType);
        return;
      case 'func_proto':
        next(type.returnType);
        for (const param of type.params) next(param.type);
        return;
      case 'typedef':
        this.emitTypedef(type, depth);
        return;
      case 'struct':
      case 'union':
        this.emitStruct(type, container, depth);
        return;
      case 'void':
      case 'float':
      case 'func':
      case 'var':
      case 'datasec':
      case 'decl_tag':
        return;
    }
  }

  private emitTypedef(type: BtfTypedef, depth: number): void {
    // A typedef of a pointer to what is just being defined: it can come first, whatever it names.
    if (this.states[type.id] === State.Emitting) {
      this.defineTypedef(type);
      return;
    }
    this.states[type.id] = State.Emitting;
    this.emit(type.type, type.id, depth + 1);
    this.defineTypedef(type);
    this.states[type.id] = State.Emitted;
  }

  private defineTypedef(type: BtfTypedef): void {
    if (this.announced[type.id] === 1) return;
    this.announced[type.id] = 1;
    // Every compiler has this one built in.
    if (type.name !== '__builtin_va_list') this.put(this.writer.typedef(type));
  }

  private emitStruct(type: BtfStruct, container: number, depth: number): void {
    const { id } = type;
    if (this.states[id] === State.Emitting) {
      if (type.name !== '') this.announceStruct(type, container);
      return;
    }
    this.states[id] = State.Emitting;
    const inlined = type.name === '';
    if (container === 0 || inlined) {
      for (const member of type.members) this.emit(member.type, inlined ? container : id, depth + 1);
    } else {
      this.announceStruct(type, container);
    }
    if (container === 0) this.put(this.writer.structBody(type));
    this.states[id] = container === 0 ? State.Emitted : State.None;
  }

  private announceStruct(type: BtfStruct, container: number): void {
    // Inside its own definition a struct is known already.
    if (type.id === container || this.announced[type.id] === 1) return;
    this.announced[type.id] = 1;
    this.put(this.writer.declare(type.id, ''));
  }

  private defineMissing(type: BtfInt): void {
    const meaning = MISSING_TYPES.get(type.name);
    if (meaning !== undefined) this.put(`typedef ${meaning} ${type.name}`);
  }

  private put(declaration: string): void {
    this.out.push(declaration, ';\n\n');
  }
}
