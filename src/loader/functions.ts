/**
 * The functions of an object: what every STT_FUNC symbol in a code section says. Entry programs lie in sections of their
 * own, subprograms in `.text`. Rules: bpf_object__add_programs and find_prog_by_sec_insn in tools/lib/bpf/libbpf.c.
 */
import { LoadError, type Place } from '../base/errors.ts';
import {
  type ElfSection,
  type ElfSymbol,
  STB_LOCAL,
  STT_FUNC,
  STV_HIDDEN,
  STV_INTERNAL,
} from '../elf/index.ts';
import { type RawInsn, rawFromBytes, SLOT_BYTES } from '../isa/index.ts';
import type { OpenFile } from './context.ts';

/** A function as it stands in its section, before linking. */
export interface FunctionCode {
  readonly name: string;
  readonly section: ElfSection;
  /** First slot in the section, and number of slots. */
  readonly start: number;
  readonly count: number;
  /** The whole section's instructions; this function's are [start, start + count). */
  readonly sectionInsns: readonly RawInsn[];
  /** Its symbol can be seen from other files. */
  readonly global: boolean;
  /**
   * Its symbol is global but hidden: for the verifier it is a static function, checked at each call
   * (__attribute__((visibility("hidden")))).
   */
  readonly hidden: boolean;
}

/** All functions of an object, by section and slot. */
export class Functions {
  /** In order of section and slot. */
  readonly all: readonly FunctionCode[];
  private readonly bySection = new Map<number, FunctionCode[]>();

  constructor(all: readonly FunctionCode[]) {
    this.all = all;
    for (const code of all) {
      const list = this.bySection.get(code.section.index) ?? [];
      list.push(code);
      this.bySection.set(code.section.index, list);
    }
  }

  /** The functions of a section in order of their slots. */
  inSection(section: number): readonly FunctionCode[] {
    return this.bySection.get(section) ?? [];
  }

  /** The function that holds a slot of a section. */
  at(section: number, slot: number): FunctionCode | undefined {
    const list = this.inSection(section);
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((list[middle]?.start ?? 0) <= slot) low = middle + 1;
      else high = middle;
    }
    const code = list[low - 1];
    return code !== undefined && slot < code.start + code.count ? code : undefined;
  }
}

/**
 * Reads the functions of the code sections.
 * @throws LoadError for symbols that lie outside their section or between instructions, and for static functions
 *   outside `.text`.
 */
export function readFunctions(file: OpenFile): Functions {
  const all: FunctionCode[] = [];
  for (const section of file.roles.code) {
    const symbols = (file.symbols.get(section.index) ?? []).filter((symbol) => symbol.type === STT_FUNC);
    if (symbols.length === 0) continue;
    const whole = section.data.subarray(0, section.size - (section.size % SLOT_BYTES));
    const insns = rawFromBytes(whole, file.elf.byteOrder);
    const inText = section === file.roles.text;
    const found = symbols.map((symbol) => readFunction(symbol, section, insns, inText));
    for (const code of found.sort((a, b) => a.start - b.start)) all.push(code);
  }
  return new Functions(all);
}

function readFunction(
  symbol: ElfSymbol,
  section: ElfSection,
  sectionInsns: readonly RawInsn[],
  inText: boolean,
): FunctionCode {
  const place: Place = { section: section.name, symbol: symbol.name, offset: section.offset + symbol.value };
  if (symbol.value + symbol.size > section.size)
    throw new LoadError(
      'program-outside-section',
      `the function takes bytes ${symbol.value} to ${symbol.value + symbol.size} of a section of ${section.size}`,
      place,
    );
  if (symbol.binding === STB_LOCAL && !inText)
    throw new LoadError(
      'static-program',
      `'${symbol.name}' is static: entry programs must be global, and static subprograms must lie in .text`,
      place,
    );
  if (symbol.size === 0 || symbol.size % SLOT_BYTES !== 0 || symbol.value % SLOT_BYTES !== 0)
    throw new LoadError(
      'corrupt-program',
      `the function starts at byte ${symbol.value} and has ${symbol.size} bytes; instructions take ${SLOT_BYTES}`,
      place,
    );
  const global = symbol.binding !== STB_LOCAL;
  return {
    name: symbol.name,
    section,
    start: symbol.value / SLOT_BYTES,
    count: symbol.size / SLOT_BYTES,
    sectionInsns,
    global,
    hidden: global && (symbol.visibility === STV_HIDDEN || symbol.visibility === STV_INTERNAL),
  };
}
