/**
 * Where the variables that BTF describes lie. Compilers leave the sizes of data sections and the offsets of global variables
 * zero in BTF; the section headers and symbols have them. Rules: btf_fixup_datasec in tools/lib/bpf/libbpf.c.
 */
import { LoadError } from '../base/errors.ts';
import type { Btf, BtfLinkage } from '../btf/index.ts';
import {
  type ElfFile,
  type ElfSymbol,
  STB_GLOBAL,
  STB_WEAK,
  STT_OBJECT,
  STV_HIDDEN,
  STV_INTERNAL,
} from '../elf/index.ts';
import type { OpenFile } from './context.ts';

/** A variable at its place in its section. */
export interface PlacedVar {
  readonly name: string;
  /** Id of the variable, and of its type. */
  readonly varId: number;
  readonly typeId: number;
  readonly offset: number;
  readonly size: number;
  /** As the verifier is told: a hidden global is static. */
  readonly linkage: BtfLinkage;
  readonly weak: boolean;
}

/** A data section of BTF with its variables in order of their places. */
export interface DataSection {
  readonly id: number;
  readonly name: string;
  readonly vars: readonly PlacedVar[];
}

/** Data sections of BTF by name; of several with one name, the first. */
export type DataSections = ReadonlyMap<string, DataSection>;

/** A file whose type information has been related to its symbols. */
export interface LaidOutFile extends OpenFile {
  readonly dataSections: DataSections;
}

/** Sections whose variables are externs: they have no symbols with a place. */
const EXTERN_SECTIONS: readonly string[] = ['.kconfig', '.ksyms'];

/**
 * Lays out the variables of all data sections.
 * @throws LoadError when a section or the symbol of a global variable is missing.
 */
export function placeVariables(file: OpenFile, btf: Btf): DataSections {
  const symbols = globalObjects(file.elf);
  const sections = new Map<string, DataSection>();
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    if (btf.kindOf(id) !== 'datasec') continue;
    const name = btf.nameOf(id);
    const vars = EXTERN_SECTIONS.includes(name) ? [] : placeSection(file, btf, id, symbols);
    if (!sections.has(name)) sections.set(name, { id, name, vars });
  }
  return sections;
}

function placeSection(
  file: OpenFile,
  btf: Btf,
  id: number,
  symbols: ReadonlyMap<string, ElfSymbol>,
): PlacedVar[] {
  const section = btf.typeOfKind(id, 'datasec');
  const unplaced = section.size === 0;
  if (unplaced && (file.sections.get(section.name)?.size ?? 0) === 0)
    throw new LoadError('datasec-without-section', 'BTF describes a section that the file does not have', {
      section: section.name,
      typeId: id,
    });
  const vars = section.vars.map(({ type: varId, offset, size }): PlacedVar => {
    const place = { section: section.name, typeId: varId };
    const variable = btf.typeById(varId);
    if (variable.kind !== 'var')
      throw new LoadError('datasec-not-var', `a data section holds variables, not a ${variable.kind}`, place);
    const { name, type: typeId, linkage } = variable;
    if (linkage === 'static' || linkage === 'extern')
      return { name, varId, typeId, offset, size, linkage, weak: false };
    const symbol = symbols.get(name);
    if (symbol === undefined)
      throw new LoadError('variable-without-symbol', 'BTF describes a global variable that has no symbol', {
        ...place,
        symbol: name,
      });
    const hidden = symbol.visibility === STV_HIDDEN || symbol.visibility === STV_INTERNAL;
    return {
      name,
      varId,
      typeId,
      offset: unplaced ? symbol.value : offset,
      size,
      linkage: hidden ? 'static' : linkage,
      weak: symbol.binding === STB_WEAK,
    };
  });
  return vars.sort((a, b) => a.offset - b.offset);
}

/** Global and weak variables by name, the first symbol of each. */
function globalObjects(file: ElfFile): Map<string, ElfSymbol> {
  const found = new Map<string, ElfSymbol>();
  for (const symbol of file.symbols) {
    const visible = symbol.binding === STB_GLOBAL || symbol.binding === STB_WEAK;
    if (symbol.type === STT_OBJECT && visible && !found.has(symbol.name)) found.set(symbol.name, symbol);
  }
  return found;
}
