/**
 * Which types must be defined before which, so that C compiles: what a struct contains comes before it, what it only points to need not.
 * Follows the reasoning, and gives the order, of btf_dump_order_type in tools/lib/bpf/btf_dump.c.
 */
import { BtfError } from '../base/errors.ts';
import type { Btf } from './btf.ts';
import type { BtfStruct } from './types.ts';

/** Nesting of contained types, far beyond what a kernel has. */
const MAX_DEPTH = 256;
/** Visits for each type that there is, before the graph counts as hostile. */
const VISITS_PER_TYPE = 256;

/** Orders the definitions of one header; asked root by root, it never names a type twice. */
export class DefinitionOrder {
  private readonly btf: Btf;
  private readonly isReferenced: Uint8Array;
  private readonly done: Uint8Array;
  private readonly visiting: Uint8Array;
  private queue: number[] = [];
  private visits: number;

  constructor(btf: Btf) {
    this.btf = btf;
    this.done = new Uint8Array(btf.typeCount);
    this.visiting = new Uint8Array(btf.typeCount);
    this.done[0] = 1;
    this.visits = VISITS_PER_TYPE * btf.typeCount;
    this.isReferenced = referencedTypes(btf);
  }

  /** Ids of the named definitions that `root` needs and that were not given before, `root` last. */
  definitionsFor(root: number): readonly number[] {
    this.queue = [];
    this.visit(root, false, 0);
    return this.queue;
  }

  /**
   * Queues what the type needs. `throughPointer`: a pointer lies between it and what asks for it.
   * @returns Whether the one who asks needs it complete; false when a forward declaration does.
   */
  private visit(id: number, throughPointer: boolean, depth: number): boolean {
    if (this.done[id] === 1) return true;
    if (depth > MAX_DEPTH || --this.visits < 0) {
      throw new BtfError('btf-cycle', `type [${id}] is nested too deeply for C`, { typeId: id });
    }
    const { btf } = this;
    const type = btf.typeById(id);
    const next = (to: number, pointer: boolean): boolean => this.visit(to, pointer, depth + 1);

    switch (type.kind) {
      case 'int':
      case 'float':
      case 'func':
      case 'var':
      case 'datasec':
      case 'decl_tag':
      case 'void':
        this.done[id] = 1;
        return false;
      case 'ptr': {
        const strong = next(type.type, true);
        this.done[id] = 1;
        return strong;
      }
      case 'array':
        return next(type.elementType, false);
      case 'const':
      case 'volatile':
      case 'restrict':
      case 'type_tag':
        return next(type.type, throughPointer);
      case 'func_proto':
        return [type.returnType, ...type.params.map((param) => param.type)]
          .map((to) => next(to, throughPointer))
          .some((strong) => strong);
      case 'typedef':
        if (!next(type.type, throughPointer) && throughPointer) return false;
        return this.define(id);
      case 'enum':
      case 'enum64':
      case 'fwd':
        // An anonymous enum that nothing refers to stands for constants of its own.
        if (type.name !== '' || this.isReferenced[id] === 0) this.queue.push(id);
        this.done[id] = 1;
        return true;
      case 'struct':
      case 'union':
        // A pointer to a named struct is content with its name.
        return throughPointer && type.name !== '' ? false : this.visitStruct(type, depth);
    }
  }

  private visitStruct({ id, name, members }: BtfStruct, depth: number): true {
    if (this.visiting[id] === 1) throw unsatisfiable(id);
    this.visiting[id] = 1;
    for (const member of members) this.visit(member.type, false, depth + 1);
    this.visiting[id] = 0;
    if (name !== '') return this.define(id);
    this.done[id] = 1;
    return true;
  }

  private define(id: number): true {
    this.queue.push(id);
    this.done[id] = 1;
    return true;
  }
}

/** By id, 1 for types that another type refers to. */
function referencedTypes(btf: Btf): Uint8Array {
  const found = new Uint8Array(btf.typeCount);
  for (let id = 1; id < btf.typeCount; id++) {
    const type = btf.typeById(id);
    switch (type.kind) {
      case 'array':
        found[type.elementType] = 1;
        found[type.indexType] = 1;
        break;
      case 'struct':
      case 'union':
        for (const member of type.members) found[member.type] = 1;
        break;
      case 'func_proto':
        for (const param of type.params) found[param.type] = 1;
        break;
      case 'datasec':
        for (const variable of type.vars) found[variable.type] = 1;
        break;
      default:
        if ('type' in type) found[type.type] = 1;
    }
  }
  return found;
}

function unsatisfiable(id: number): BtfError {
  return new BtfError('btf-cycle', `type [${id}] contains itself: no C declaration can say that`, {
    typeId: id,
  });
}
