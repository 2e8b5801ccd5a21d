/**
 * What the instructions of each function refer to, from its relocations: functions, maps, data, externs. Rules:
 * bpf_object__collect_prog_relos and bpf_program__record_reloc in tools/lib/bpf/libbpf.c; like it, this goes by the
 * instruction and the symbol, not by the relocation's number: LLVM has changed its numbers.
 */
import { LoadError, type Place } from '../base/errors.ts';
import {
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  STB_GLOBAL,
  STB_LOCAL,
  STB_WEAK,
  STT_FUNC,
  STT_SECTION,
} from '../elf/index.ts';
import { BPF_CALL, BPF_JMP, BPF_PSEUDO_CALL, LD_IMM64_OPCODE, SLOT_BYTES } from '../isa/index.ts';
import { BpfMapType } from '../spec/index.ts';
import type { OpenFile } from './context.ts';
import { type Extern, isExtern } from './externs.ts';
import type { FunctionCode, Functions } from './functions.ts';
import type { MapDraft } from './map-draft.ts';

/** Opcode of calls. */
export const CALL_OPCODE = BPF_JMP | BPF_CALL;

/** A call of a function of the file, or a load of its address. The immediate is added to the symbol's offset. */
export interface FunctionReference {
  readonly kind: 'call' | 'func';
  readonly symbolOffset: number;
}

/** Something that only a kernel has. Of data, the immediate is added to the symbol's offset. */
export type KernelReference =
  | { readonly kind: 'map'; readonly map: number }
  | { readonly kind: 'data'; readonly map: number; readonly symbolOffset: number }
  | { readonly kind: 'extern'; readonly extern: Extern };

/** What an instruction refers to; maps by their index. */
export type CodeReference = FunctionReference | KernelReference;

/** References by slot, counted from the start of the section, of each section with code. */
export type CodeReferences = ReadonlyMap<number, ReadonlyMap<number, CodeReference>>;

/** Finds out what relocations of code refer to. */
export class CodeRelocator {
  private readonly file: OpenFile;
  private readonly functions: Functions;
  private readonly externs: ReadonlyMap<number, Extern>;
  private readonly text: number;
  /** Index of the map at a place, as `section:offset`, for maps that programs define. */
  private readonly definedMaps = new Map<string, number>();
  /** Index of the map of a data section. */
  private readonly dataMaps = new Map<number, number>();
  private readonly references = new Map<number, Map<number, CodeReference>>();

  constructor(file: OpenFile, functions: Functions, maps: readonly MapDraft[], externs: readonly Extern[]) {
    this.file = file;
    this.functions = functions;
    this.externs = new Map(externs.map((extern) => [extern.symbol, extern]));
    this.text = file.roles.text?.index ?? 0;
    for (const [index, { spec, section, offset }] of maps.entries()) {
      if (section === undefined || spec.origin === 'struct_ops') continue;
      if (spec.origin === 'btf' || spec.origin === 'legacy') {
        const place = `${section}:${offset}`;
        if (!this.definedMaps.has(place)) this.definedMaps.set(place, index);
        if (spec.type === BpfMapType.BPF_MAP_TYPE_ARENA && file.roles.arena !== undefined)
          this.dataMaps.set(file.roles.arena.index, index);
      } else this.dataMaps.set(section, index);
    }
  }

  /** What has been found. */
  get found(): CodeReferences {
    return this.references;
  }

  /** Notes what the instruction refers to that a relocation of `section` patches. */
  collect(section: ElfSection, relocation: ElfRelocation, symbol: ElfSymbol): void {
    const place: Place = {
      section: section.name,
      symbol: symbol.name,
      offset: section.offset + relocation.offset,
    };
    const slot = relocation.offset / SLOT_BYTES;
    if (!Number.isInteger(slot) || relocation.offset >= section.size)
      throw new LoadError(
        'relocation-offset',
        `byte ${relocation.offset} is no instruction of the section`,
        place,
      );
    if (symbol.section >= this.file.elf.sections.length)
      throw new LoadError(
        'relocation-symbol',
        `'${symbol.name}' lies in no section (0x${symbol.section.toString(16)}); is it a variable without a value, compiled with -fcommon?`,
        place,
      );
    const code = this.functions.at(section.index, slot);
    // Linkers leave the relocations of weak functions that another object's have replaced.
    if (code === undefined) return;
    const where: Place = { ...place, program: code.name, insn: slot - code.start };
    const found = this.references.get(section.index) ?? new Map<number, CodeReference>();
    if (found.has(slot))
      throw new LoadError('relocation-twice', 'two relocations patch this instruction', where);
    this.references.set(section.index, found.set(slot, this.classify(code, slot, symbol, where)));
  }

  private classify(code: FunctionCode, slot: number, symbol: ElfSymbol, place: Place): CodeReference {
    const insn = code.sectionInsns[slot];
    const isCall = insn?.opcode === CALL_OPCODE;
    if (insn === undefined || (!isCall && insn.opcode !== LD_IMM64_OPCODE))
      throw new LoadError(
        'relocation-insn',
        `a relocation against '${symbol.name}' patches an instruction of opcode 0x${(insn?.opcode ?? 0).toString(16)}; only calls and 64-bit loads can refer to something`,
        place,
      );
    if (!isCall && slot + 1 >= code.start + code.count)
      throw new LoadError('truncated-ld-imm64', 'the second half of a 64-bit load is missing', place);
    if (isExtern(symbol)) return { kind: 'extern', extern: this.externOf(symbol, place) };
    if (isCall) return this.classifyCall(insn.src, symbol, place);
    if (symbol.section === 0)
      throw new LoadError('relocation-symbol', `'${symbol.name}' is not defined in the file`, place);
    if (this.isSubprogram(symbol)) {
      if (symbol.value % SLOT_BYTES !== 0 || insn.imm % SLOT_BYTES !== 0)
        throw new LoadError(
          'relocation-symbol',
          `'${symbol.name}' at byte ${symbol.value} + ${insn.imm} of .text is no function`,
          place,
        );
      return { kind: 'func', symbolOffset: symbol.value };
    }
    return this.classifyData(symbol, place);
  }

  private externOf(symbol: ElfSymbol, place: Place): Extern {
    const extern = this.externs.get(symbol.index);
    if (extern !== undefined) return extern;
    throw new LoadError('relocation-symbol', `the extern '${symbol.name}' is not declared in BTF`, place);
  }

  private classifyCall(src: number, symbol: ElfSymbol, place: Place): CodeReference {
    if (src !== BPF_PSEUDO_CALL)
      throw new LoadError(
        'bad-call',
        `a call of '${symbol.name}' is marked as a helper call; is the function declared but not defined?`,
        place,
      );
    if (symbol.section === 0 || symbol.section !== this.text)
      throw new LoadError(
        'bad-call',
        `'${symbol.name}' lies in section '${this.sectionName(symbol)}'; functions that are called must lie in .text`,
        place,
      );
    if (symbol.value % SLOT_BYTES !== 0)
      throw new LoadError(
        'bad-call',
        `'${symbol.name}' at byte ${symbol.value} of .text is no function`,
        place,
      );
    return { kind: 'call', symbolOffset: symbol.value };
  }

  private classifyData(symbol: ElfSymbol, place: Place): CodeReference {
    const data = this.dataMaps.get(symbol.section);
    if (data !== undefined) return { kind: 'data', map: data, symbolOffset: symbol.value };
    const map = this.definedMaps.get(`${symbol.section}:${symbol.value}`);
    if (map !== undefined) return { kind: 'map', map };
    const name = this.sectionName(symbol);
    if (name === '.maps' || name === 'maps')
      throw new LoadError(
        'relocation-without-map',
        `no map is defined at byte ${symbol.value} of '${name}'`,
        place,
      );
    throw new LoadError(
      'relocation-target',
      `'${symbol.name}' lies in section '${name}', which holds neither maps nor data that programs can use`,
      place,
    );
  }

  /** A function of .text: a global one by its own symbol, a static one by the section's. */
  private isSubprogram(symbol: ElfSymbol): boolean {
    if (symbol.section !== this.text) return false;
    if (symbol.binding === STB_LOCAL) return symbol.type === STT_SECTION;
    return (symbol.binding === STB_GLOBAL || symbol.binding === STB_WEAK) && symbol.type === STT_FUNC;
  }

  private sectionName(symbol: ElfSymbol): string {
    return this.file.elf.sections[symbol.section]?.name ?? '';
  }
}
