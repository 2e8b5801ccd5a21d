/**
 * Names for a whole header: BTF may hold several types of one name, C may not. Later ones get the suffix `___2`, `___3`, which CO-RE takes
 * for a flavour and ignores; as libbpf's dumper names them.
 */
import type { CNames } from './c-declare.ts';
import type { BtfEnum, BtfEnum64, BtfFwd, BtfStruct, BtfTypedef } from './types.ts';

/** Gives every definition a name of its own, the same each time it is asked. */
export class UniqueNames implements CNames {
  private readonly chosen = new Map<number, string>();
  private readonly tags = new Map<string, number>();
  /** Typedefs and enumerators share C's space of ordinary identifiers. */
  private readonly identifiers = new Map<string, number>();

  tag(type: BtfStruct | BtfEnum | BtfEnum64 | BtfFwd): string {
    const defines = type.kind !== 'fwd' && !(type.kind === 'enum' && type.values.length === 0);
    return type.name === '' || !defines ? type.name : this.choose(type.id, type.name, this.tags);
  }

  typedef(type: BtfTypedef): string {
    return this.choose(type.id, type.name, this.identifiers);
  }

  enumerator(name: string): string {
    return nextName(name, this.identifiers);
  }

  private choose(id: number, name: string, used: Map<string, number>): string {
    let chosen = this.chosen.get(id);
    if (chosen === undefined) {
      chosen = nextName(name, used);
      this.chosen.set(id, chosen);
    }
    return chosen;
  }
}

function nextName(name: string, used: Map<string, number>): string {
  const count = (used.get(name) ?? 0) + 1;
  used.set(name, count);
  return count === 1 ? name : `${name}___${count}`;
}
