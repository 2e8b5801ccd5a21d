/** Committed objects, in a page and in Node.js: the tests of this folder run in both, and must say the same in both. */

/** The bytes of a fixture, by its name below fixtures/programs without `.bpf.o`. */
export async function fixture(name: string): Promise<Uint8Array> {
  const path = `fixtures/programs/${name}.bpf.o`;
  if (!('document' in globalThis)) {
    const { readFile } = await import('node:fs/promises');
    return readFile(path);
  }
  const response = await fetch(`/${path}`);
  if (!response.ok) throw new Error(`${path}: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
