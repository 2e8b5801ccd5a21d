/**
 * Whether the kernel would load an object's BTF: rules that compilers' output is known to break, not all that BPF_BTF_LOAD checks. Where
 * it would not, libbpf goes on without types for the kernel (bpf_object__sanitize_and_load_btf). Source: btf_check_meta and the checks
 * of each kind in kernel/bpf/btf.c.
 */
import { BtfError } from '../../base/errors.ts';
import type { Btf, BtfKind } from '../../btf/index.ts';

/** Kinds whose name, when they have one, must be a C identifier; dots are letters too. */
const NAMED: ReadonlySet<BtfKind> = new Set([
  'struct',
  'union',
  'fwd',
  'enum',
  'enum64',
  'typedef',
  'func',
  'var',
]);
const IDENTIFIER = /^[A-Za-z_.][A-Za-z0-9_.]*$/;
/** KSYM_NAME_LEN. */
const MAX_NAME = 512;

/** Whether the kernel takes these types. */
export function kernelTakesBtf(btf: Btf): boolean {
  try {
    // libbpf names the arguments of functions that only the kernel has.
    const renamed = new Set<number>();
    const functions: number[] = [];
    for (let id = btf.firstId; id < btf.typeCount; id++) {
      const kind = btf.kindOf(id);
      if (!NAMED.has(kind)) continue;
      const name = btf.nameOf(id);
      if (name !== '' && !isIdentifier(name)) return false;
      if (kind !== 'func') continue;
      const func = btf.typeOfKind(id, 'func');
      if (func.linkage === 'extern') renamed.add(func.type);
      else functions.push(func.type);
    }
    return functions.every((proto) => renamed.has(proto) || argumentsAreNamed(btf, proto));
  } catch (error) {
    if (error instanceof BtfError) return false;
    throw error;
  }
}

function isIdentifier(name: string): boolean {
  return name.length <= MAX_NAME && IDENTIFIER.test(name);
}

/** Functions with a body have names for their arguments; `...` has none. */
function argumentsAreNamed(btf: Btf, proto: number): boolean {
  return btf.typeOfKind(proto, 'func_proto').params.every(({ name, type }) => name !== '' || type === 0);
}
