/**
 * What an object asks the kernel for: `.kconfig` options and `.ksyms` variables and functions, one for each undefined
 * symbol. Rules: bpf_object__collect_externs in tools/lib/bpf/libbpf.c. Nothing is resolved here.
 */
import { LoadError, type Place } from '../base/errors.ts';
import { alignUp } from '../base/int64.ts';
import type { Btf, BtfTypeOf } from '../btf/index.ts';
import { type ElfFile, type ElfSymbol, SHN_UNDEF, STB_GLOBAL, STB_WEAK, STT_NOTYPE } from '../elf/index.ts';
import { kconfigType } from './kconfig.ts';
import type { ExternSpec } from './object-spec.ts';

/** Most bytes of all options together: a type in BTF can claim any size. */
const MAX_KCONFIG_BYTES = 1 << 20;

/** An extern and the symbol that relocations name it by. */
export interface Extern {
  readonly symbol: number;
  /** Alignment of a kconfig option in the map; 1 for kernel symbols. */
  readonly alignment: number;
  readonly spec: ExternSpec;
}

/** Whether a symbol is to be found outside the file. */
export function isExtern(symbol: ElfSymbol): boolean {
  return (
    symbol.section === SHN_UNDEF &&
    (symbol.binding === STB_GLOBAL || symbol.binding === STB_WEAK) &&
    symbol.type === STT_NOTYPE
  );
}

/**
 * The externs of a file: kconfig options in the order of their places in the map, then kernel symbols by name.
 * @throws LoadError when BTF does not say what an undefined symbol is.
 */
export function readExterns(file: ElfFile, btf: Btf | undefined): Extern[] {
  const symbols = file.symbols.filter((symbol) => isExtern(symbol) && symbol.name !== '');
  if (symbols.length === 0) return [];
  if (btf === undefined)
    throw new LoadError(
      'extern-without-btf',
      `'${symbols[0]?.name ?? ''}' is not defined in the file and there is no BTF to say what it is; compile with -g, or link the objects with 'bpftool gen object'`,
      { symbol: symbols[0]?.name ?? '' },
    );
  const sections = sectionsOfVars(btf);
  const externs = symbols.map((symbol) => readExtern(symbol, btf, sections));
  const options = placeOptions(externs.filter((extern) => extern.spec.kind === 'kconfig'));
  const kernelSymbols = externs.filter((extern) => extern.spec.kind !== 'kconfig').sort(byName);
  const all = [...options, ...kernelSymbols];
  if (options.length > 0) checkAllFound(btf, '.kconfig', all);
  if (kernelSymbols.length > 0) checkAllFound(btf, '.ksyms', all);
  return all;
}

function readExtern(symbol: ElfSymbol, btf: Btf, sections: ReadonlyMap<number, string>): Extern {
  const place: Place = { symbol: symbol.name };
  const declaration = findDeclaration(btf, symbol.name, place);
  const section = sections.get(declaration.id);
  const weak = symbol.binding === STB_WEAK;
  const base = { name: symbol.name, weak, offset: 0, size: 0 };
  switch (section) {
    case '.kconfig': {
      if (declaration.kind === 'func')
        throw new LoadError(
          'kconfig-function',
          `'${symbol.name}': a .kconfig extern cannot be a function`,
          place,
        );
      const size = btf.sizeOf(declaration.type);
      const kconfig = kconfigType(btf, declaration.type);
      if (size === 0 || kconfig === undefined)
        throw new LoadError(
          'kconfig-type',
          `'${symbol.name}': a .kconfig extern is an integer, a bool, an enum libbpf_tristate or a char array`,
          { ...place, typeId: declaration.type },
        );
      const spec: ExternSpec = { ...base, kind: 'kconfig', btfTypeId: declaration.type, size, kconfig };
      return { symbol: symbol.index, alignment: btf.alignOf(declaration.type), spec };
    }
    case '.ksyms':
      return {
        symbol: symbol.index,
        alignment: 1,
        spec: {
          ...base,
          kind: declaration.kind === 'func' ? 'ksym-func' : 'ksym-var',
          btfTypeId: btf.resolve(declaration.type).id,
        },
      };
    case undefined:
      throw new LoadError(
        'extern-without-section',
        `'${symbol.name}' is not defined in the file, and is declared neither __ksym nor __kconfig; if another object defines it, link them with 'bpftool gen object'`,
        place,
      );
    default:
      throw new LoadError(
        'extern-section',
        `'${symbol.name}' is not defined in the file and is declared in section '${section}'; only .ksyms and .kconfig can be resolved, link with 'bpftool gen object' if another object defines it`,
        { ...place, section },
      );
  }
}

/** The first variable or function of that name, which must be declared extern. */
function findDeclaration(btf: Btf, name: string, place: Place): BtfTypeOf<'var'> | BtfTypeOf<'func'> {
  const variable = btf.findByName(name, 'var');
  const func = btf.findByName(name, 'func');
  const found = variable && func ? (variable.id < func.id ? variable : func) : (variable ?? func);
  if (found === undefined)
    throw new LoadError(
      'extern-without-btf',
      `'${name}' is not defined in the file and BTF does not declare it`,
      place,
    );
  if (found.linkage !== 'extern')
    throw new LoadError(
      'extern-without-btf',
      `'${name}' is not defined in the file, but BTF says it is`,
      place,
    );
  return found;
}

/** The name of the first data section that holds a declaration, by its id. */
function sectionsOfVars(btf: Btf): Map<number, string> {
  const sections = new Map<number, string>();
  for (const section of datasecs(btf))
    for (const { type } of section.vars) if (!sections.has(type)) sections.set(type, section.name);
  return sections;
}

/** Options lie in the map by falling alignment, then by size and name, as libbpf places them. */
function placeOptions(options: readonly Extern[]): Extern[] {
  const sorted = [...options].sort(
    (a, b) => b.alignment - a.alignment || a.spec.size - b.spec.size || byName(a, b),
  );
  let end = 0;
  return sorted.map(({ symbol, alignment, spec }) => {
    const offset = alignUp(end, alignment);
    end = offset + spec.size;
    if (end > MAX_KCONFIG_BYTES)
      throw new LoadError(
        'kconfig-size',
        `'${spec.name}' of ${spec.size} bytes makes the options larger than ${MAX_KCONFIG_BYTES} bytes`,
        { symbol: spec.name, section: '.kconfig' },
      );
    return { symbol, alignment, spec: { ...spec, offset } };
  });
}

/** Every declaration in a section that is used must have been found through its symbol. */
function checkAllFound(btf: Btf, sectionName: string, externs: readonly Extern[]): void {
  const names = new Set(externs.map((extern) => extern.spec.name));
  for (const section of datasecs(btf)) {
    if (section.name !== sectionName) continue;
    const lost = section.vars.find(({ type }) => !names.has(btf.nameOf(type)));
    if (lost === undefined) continue;
    const symbol = btf.nameOf(lost.type);
    throw new LoadError('extern-without-symbol', `BTF declares the extern '${symbol}', which has no symbol`, {
      section: sectionName,
      symbol,
      typeId: lost.type,
    });
  }
}

function* datasecs(btf: Btf): Generator<BtfTypeOf<'datasec'>> {
  for (let id = btf.firstId; id < btf.typeCount; id++)
    if (btf.kindOf(id) === 'datasec') yield btf.typeOfKind(id, 'datasec');
}

function byName(a: Extern, b: Extern): number {
  return a.spec.name < b.spec.name ? -1 : a.spec.name > b.spec.name ? 1 : 0;
}
