/** Kernel objects of paths, one a path: made when somebody first asks, ended when the path is removed. */
import type { PathNode } from './files.ts';

/** What stands behind a path. */
interface NodeObject {
  /** Address of its image. */
  readonly address: number;
  /** Called when the path is removed. */
  end(): void;
}

/** The objects that somebody asked for, by path and by address. */
export abstract class NodeTable<T extends NodeObject> {
  private readonly byNode = new Map<PathNode, T>();
  private readonly byAddress = new Map<number, T>();

  /** Makes the object of a path that has none yet. */
  protected abstract create(node: PathNode): T;

  /** The object of a path. */
  of(node: PathNode): T {
    const known = this.byNode.get(node);
    if (known !== undefined) return known;
    const object = this.create(node);
    this.byNode.set(node, object);
    this.byAddress.set(object.address, object);
    return object;
  }

  at(address: number): T | undefined {
    return this.byAddress.get(address);
  }

  /** A path was removed. */
  removed(node: PathNode): void {
    const object = this.byNode.get(node);
    if (object === undefined) return;
    this.byNode.delete(node);
    this.byAddress.delete(object.address);
    object.end();
  }
}
