/**
 * What a program names of the kernel, found in the kernel's and its modules' BTF: symbols (`extern … __ksym`), functions and hooks that it
 * attaches to, structs of operations. Names and order of search are libbpf's (find_ksym_btf_id, bpf_object__resolve_ksym_*_btf_id,
 * find_kernel_btf_id in tools/lib/bpf/libbpf.c).
 */
import { LoadError, type Place } from '../../base/errors.ts';
import { type Btf, type BtfKind, essentialName, typesCompatible } from '../../btf/index.ts';
import type { ExternSpec } from '../../loader/index.ts';
import { BpfAttachType as A } from '../../spec/index.ts';

/** A type of the kernel, or of a module: its BTF's place among the modules from 1, 0 for the kernel itself. */
export interface KernelType {
  readonly id: number;
  readonly btf: Btf;
  readonly module: number;
}

/** What an extern stands for. `missing` is a weak one that the kernel does not have. */
export type ExternTarget =
  | { readonly kind: 'btf'; readonly type: KernelType }
  | { readonly kind: 'address'; readonly address: bigint }
  | { readonly kind: 'missing' };

/** Where symbols are looked up. */
export interface SymbolSources {
  /** The kernel's types, then those of its modules. */
  readonly kernelTypes: readonly Btf[];
  /**
   * Addresses by name; undefined: symbols without a type are believed to exist at made-up addresses, weak ones if BTF names
   * them.
   */
  readonly ksyms: Readonly<Record<string, bigint>> | undefined;
}

/** Where made-up addresses of symbols start, and how far apart they are: in the kernel's image, as x86-64 places it. */
const MADE_UP_BASE = 0xffffffff81000000n;
const MADE_UP_STEP = 0x100n;

/**
 * The first type of this name and kind: the kernel's, else a module's own.
 * @param from 1 to look into modules only.
 */
export function findKernelType(
  kernelTypes: readonly Btf[],
  name: string,
  kind: BtfKind,
  from = 0,
): KernelType | undefined {
  for (let module = from; module < kernelTypes.length; module++) {
    const btf = kernelTypes[module]!;
    for (const id of btf.idsByEssentialName(essentialName(name)))
      if (id >= btf.firstId && btf.kindOf(id) === kind && btf.nameOf(id) === name) return { id, btf, module };
  }
  return undefined;
}

/**
 * Resolves an extern of `.ksyms`.
 * @param index Its place among the object's externs.
 * @throws LoadError when a strong one is missing, or the kernel's is of another type.
 */
export function resolveExtern(
  object: Btf | undefined,
  extern: ExternSpec,
  index: number,
  sources: SymbolSources,
): ExternTarget {
  const place: Place = { symbol: extern.name };
  const known = ownValue(sources.ksyms, extern.name);
  if (extern.kind === 'ksym-var' && extern.btfTypeId === 0) {
    if (known !== undefined) return { kind: 'address', address: known };
    const believed =
      sources.ksyms === undefined && (!extern.weak || isKnown(sources.kernelTypes, extern.name));
    if (believed) return { kind: 'address', address: MADE_UP_BASE + MADE_UP_STEP * BigInt(index) };
    if (extern.weak) return { kind: 'missing' };
    throw notResolved(extern.name, place);
  }
  const found =
    extern.kind === 'ksym-func'
      ? findKernelType(sources.kernelTypes, essentialName(extern.name), 'func')
      : findKernelType(sources.kernelTypes, extern.name, 'var');
  if (found === undefined) {
    if (known !== undefined && extern.kind === 'ksym-var') return { kind: 'address', address: known };
    if (extern.weak) return { kind: 'missing' };
    if (extern.kind === 'ksym-var') throw notResolved(extern.name, place);
    throw new LoadError('unsupported-kfunc', `this kernel has no kernel function '${extern.name}'`, place);
  }
  const declared =
    extern.kind === 'ksym-func'
      ? found.btf.typeOfKind(found.id, 'func').type
      : found.btf.resolve(found.btf.typeOfKind(found.id, 'var').type).id;
  if (
    object === undefined ||
    typesCompatible({ btf: object, id: extern.btfTypeId }, { btf: found.btf, id: declared })
  )
    return { kind: 'btf', type: found };
  if (extern.weak && extern.kind === 'ksym-func') return { kind: 'missing' };
  throw new LoadError(
    'extern-type',
    `'${extern.name}' is declared with another type than this kernel's; declare it as vmlinux.h does`,
    place,
  );
}

/** BTF names functions and per-CPU variables; about other symbols it says nothing. */
function isKnown(kernelTypes: readonly Btf[], name: string): boolean {
  return (
    findKernelType(kernelTypes, name, 'func') !== undefined ||
    findKernelType(kernelTypes, name, 'var') !== undefined
  );
}

function ownValue(values: SymbolSources['ksyms'], name: string): bigint | undefined {
  return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
}

function notResolved(name: string, place: Place): LoadError {
  const hint = 'give its address in the ksyms option, or declare it __weak';
  return new LoadError('extern-not-resolved', `this kernel has no symbol '${name}'; ${hint}`, place);
}

/** How the kernel names what programs of an attach type attach to (btf_get_kernel_prefix_kind). */
const TARGET_NAMES: Readonly<Record<number, readonly [prefix: string, kind: BtfKind]>> = {
  [A.BPF_TRACE_RAW_TP]: ['btf_trace_', 'typedef'],
  [A.BPF_LSM_MAC]: ['bpf_lsm_', 'func'],
  [A.BPF_LSM_CGROUP]: ['bpf_lsm_', 'func'],
  [A.BPF_TRACE_ITER]: ['bpf_iter_', 'func'],
};

/**
 * The function, hook or tracepoint that a program attaches to.
 * @param target As in the section name; `MODULE:NAME` looks into modules only. BTF does not know the names of modules: the first one that
 *   has the type serves.
 */
export function findAttachTarget(
  kernelTypes: readonly Btf[],
  attachType: number,
  target: string,
): KernelType | undefined {
  const [prefix, kind] = TARGET_NAMES[attachType] ?? ['', 'func'];
  const colon = target.indexOf(':');
  // libbpf compares as many characters of the kernel's name as are given.
  const inModule = colon >= 0 && !'vmlinux'.startsWith(target.slice(0, colon));
  return findKernelType(kernelTypes, prefix + target.slice(colon + 1), kind, inModule ? 1 : 0);
}
