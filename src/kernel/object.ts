/**
 * A BPF object as libbpf shapes it: open the file, set what is to be set, load it into a kernel, attach its programs, read its
 * maps and variables.
 */
import { type ObjectSpec, type OpenOptions, openObject } from '../loader/index.ts';
import { DataSection, type Globals, globalsOf, unknownName } from './globals.ts';
import { MapHandle } from './map-handle.ts';
import { Program } from './program.ts';

/** An object file's programs, maps and variables. */
export class BpfObject {
  readonly spec: ObjectSpec;
  /** Maps by name; data sections also by section name (`.bss`). An unknown name is a UsageError that says what exists. */
  readonly maps: Readonly<Record<string, MapHandle>>;
  readonly programs: Readonly<Record<string, Program>>;
  /** Read-only variables (`const volatile`): set them before load. */
  readonly rodata: Globals;
  /** Initialised variables. */
  readonly data: Globals;
  /** Variables that start as zero. */
  readonly bss: Globals;
  /** Kernel configuration options; filled in by load. */
  readonly kconfig: Globals;
  /** In the order of `spec.maps` and `spec.programs`. */
  readonly mapList: readonly MapHandle[];
  readonly programList: readonly Program[];
  /** By index in `spec.maps`; maps that are no data sections have none. */
  readonly sections: readonly (DataSection | undefined)[];

  /** Wraps a spec; every BpfObject has its own copy of the variables. */
  constructor(spec: ObjectSpec) {
    this.spec = spec;
    this.mapList = spec.maps.map((map) => new MapHandle(map, spec.btf));
    this.programList = spec.programs.map((program) => new Program(program));
    this.sections = spec.maps.map((map) =>
      map.variables.length > 0 ? new DataSection(map, spec.btf) : undefined,
    );
    const bySection = this.mapList.flatMap((map) =>
      map.spec.section.startsWith('.') ? [[map.spec.section, map] as const] : [],
    );
    this.maps = named('map', spec.name, [
      ...bySection.filter(([name]) => name !== '.maps'),
      ...this.mapList.map((map) => [map.name, map] as const),
    ]);
    this.programs = named(
      'program',
      spec.name,
      this.programList.map((program) => [program.name, program] as const),
    );
    this.rodata = this.globals('rodata');
    this.data = this.globals('data');
    this.bss = this.globals('bss');
    this.kconfig = this.globals('kconfig');
  }

  /**
   * Opens an object file.
   * @throws ElfError, BtfError, LoadError, IsaError with the place in the file.
   */
  static open(bytes: Uint8Array, options: OpenOptions = {}): BpfObject {
    return new BpfObject(openObject(bytes, options));
  }

  /** A data section by its name: `object.section(".data.custom").get("counter")`. */
  section(name: string): DataSection {
    const found = this.sections.find((section) => section?.spec.section === name);
    if (found) return found;
    const names = this.sections.flatMap((section) => (section === undefined ? [] : [section.spec.section]));
    throw unknownName('data section', name, this.spec.name, names);
  }

  /** The data section that holds a variable, wherever it is; undefined when none does. */
  sectionOf(variable: string): DataSection | undefined {
    return this.sections.find((section) => section?.has(variable) === true);
  }

  private globals(origin: 'rodata' | 'data' | 'bss' | 'kconfig'): Globals {
    const sections = this.sections.filter((section) => section?.spec.origin === origin);
    return globalsOf(`.${origin}`, sections as DataSection[]);
  }
}

/** A record whose unknown names are errors that say what exists. */
function named<T>(
  what: string,
  object: string,
  entries: readonly (readonly [string, T])[],
): Readonly<Record<string, T>> {
  const record = Object.fromEntries(entries);
  return new Proxy(record, {
    get: (target, name) => {
      if (typeof name === 'symbol' || Object.hasOwn(target, name)) return Reflect.get(target, name) as T;
      // What promises and test frameworks ask any object for.
      if (['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType', 'tagName'].includes(name))
        return undefined;
      throw unknownName(what, name, object, Object.keys(target));
    },
  });
}
