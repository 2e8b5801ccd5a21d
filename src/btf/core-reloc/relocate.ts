/**
 * CO-RE relocation of whole programs: finds candidates of each type in the kernel's BTF, matches, computes, patches
 * (bpf_core_calc_relo_insn in tools/lib/bpf/relo_core.c, bpf_core_find_cands in libbpf.c).
 */
import { BpfError, BtfError } from '../../base/errors.ts';
import type { Btf } from '../btf.ts';
import type { CoreReloc } from '../ext-types.ts';
import { essentialName } from '../names.ts';
import { sameKind, type TypeIn } from './compat.ts';
import { matchSpec } from './match.ts';
import { type CoreInsn, patchInsn } from './patch.ts';
import { type CoreSpec, formatSpec, parseSpec } from './spec.ts';
import { type CoreValue, coreValue, missingValue } from './values.ts';

/** An instruction that was made invalid because the kernel does not have what it asks for. */
export interface PoisonedInsn {
  readonly insn: number;
  /** What is missing, as libbpf logs it: `<byte_off> [5] struct task_struct.pid (0:3 @ offset 8)`. */
  readonly missing: string;
}

/** A relocated program. */
export interface CoreResult<I extends CoreInsn = CoreInsn> {
  readonly insns: readonly (I | CoreInsn)[];
  /** By slot, ascending. An instruction that the program never reaches does no harm. */
  readonly poisoned: readonly PoisonedInsn[];
}

/** Relocates the programs of one object. Candidates are found once for each type and shared, as libbpf does. */
export class CoreRelocator {
  private readonly local: Btf;
  private readonly targets: readonly Btf[];
  private readonly candidates = new Map<number, readonly TypeIn[]>();

  /**
   * @param local The object's BTF.
   * @param targets The kernel's BTF, then those of its modules, which are looked at for types that the kernel does not have. The
   * object's own may be among these: then its types stand for themselves, whatever other flavours it has.
   */
  constructor(local: Btf, targets: readonly Btf[]) {
    this.local = local;
    this.targets = targets;
  }

  /**
   * The program's instructions for the target kernel.
   * @throws BtfError `core-…` where libbpf would refuse to load the object: malformed records, instructions that do not hold
   * what their types say, candidates that contradict each other.
   */
  apply<I extends CoreInsn>(insns: readonly I[], relocs: readonly CoreReloc[]): CoreResult<I> {
    const out: (I | CoreInsn)[] = [...insns];
    const poisoned: PoisonedInsn[] = [];
    for (const reloc of relocs) {
      const result = withInsn(reloc.insn, () => {
        const { spec, local, target } = this.resolve(reloc);
        return { spec, patch: patchInsn(out, reloc.insn, local, target) };
      });
      out.splice(reloc.insn, result.patch.slots.length, ...result.patch.slots);
      if (result.patch.poisoned) poisoned.push({ insn: reloc.insn, missing: formatSpec(result.spec) });
    }
    return { insns: out, poisoned: poisoned.sort((a, b) => a.insn - b.insn) };
  }

  /** A record's value by the program's types and by the kernel's; the latter undefined when the kernel has none. */
  resolve(reloc: CoreReloc): {
    readonly spec: CoreSpec;
    readonly local: CoreValue;
    readonly target: CoreValue | undefined;
  } {
    const spec = parseSpec(this.local, reloc);
    if (reloc.kind === 'local_type_id') {
      const own: CoreValue = { value: BigInt(reloc.typeId), validate: false };
      return { spec, local: own, target: own };
    }
    const local = coreValue(spec);
    return { spec, local, target: this.findTarget(spec) };
  }

  private findTarget(spec: CoreSpec): CoreValue | undefined {
    let found: { readonly value: CoreValue; readonly bitOffset: number } | undefined;
    const matching: TypeIn[] = [];
    for (const candidate of this.candidatesOf(spec.rootId)) {
      const match = matchSpec(spec, candidate.btf, candidate.id);
      if (!match) continue;
      const value = coreValue(match);
      if (found && (found.bitOffset !== match.bitOffset || found.value.value !== value.value)) {
        throw ambiguous(spec, found.value.value, value.value);
      }
      found ??= { value, bitOffset: match.bitOffset };
      matching.push(candidate);
    }
    if (!found) return missingValue(spec);
    // What did not fit one record is no candidate for the type's other records either.
    this.candidates.set(spec.rootId, matching);
    return found.value;
  }

  private candidatesOf(localId: number): readonly TypeIn[] {
    let list = this.candidates.get(localId);
    if (!list) {
      list = this.findCandidates(localId);
      this.candidates.set(localId, list);
    }
    return list;
  }

  private findCandidates(localId: number): readonly TypeIn[] {
    const local = this.local.typeById(localId);
    if (local.name === '') {
      throw new BtfError('core-anonymous', 'CO-RE cannot find an anonymous type in a kernel', {
        typeId: localId,
      });
    }
    const [kernel, ...modules] = this.targets;
    const inKernel = kernel ? candidatesIn(kernel, local.name, localId, this.local) : [];
    if (inKernel.length > 0) return inKernel;
    return modules.flatMap((module) =>
      module === this.local
        ? [{ btf: module, id: localId }]
        : candidatesIn(module, local.name, localId, this.local),
    );
  }
}

/** Relocates one program, as CoreRelocator. */
export function applyCoreRelocs<I extends CoreInsn>(
  insns: readonly I[],
  relocs: readonly CoreReloc[],
  local: Btf,
  targets: readonly Btf[],
): CoreResult<I> {
  return new CoreRelocator(local, targets).apply(insns, relocs);
}

/** Types of a kernel or module (its own only) with the same kind and, but for flavours, name. */
function candidatesIn(btf: Btf, name: string, localId: number, localBtf: Btf): TypeIn[] {
  const local = localBtf.typeById(localId);
  const found: TypeIn[] = [];
  for (const id of btf.idsByEssentialName(essentialName(name))) {
    if (id >= btf.firstId && sameKind(local, btf.typeById(id))) found.push({ btf, id });
  }
  return found;
}

function withInsn<T>(insn: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof BpfError) || error.place.insn !== undefined) throw error;
    throw new BtfError(error.code, error.message, { ...error.place, insn });
  }
}

function ambiguous(spec: CoreSpec, first: bigint, second: bigint): BtfError {
  const message = `candidates contradict each other about ${formatSpec(spec)}: ${first} or ${second}`;
  return new BtfError('core-ambiguous', message, { typeId: spec.rootId });
}
