/** Access to the committed objects. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BpfObject } from '../src/index.ts';

export const ROOT = join(import.meta.dirname, '..');

/** Path of a fixture by its name below fixtures/programs, without `.bpf.o`. */
export function fixturePath(name: string): string {
  return join(ROOT, 'fixtures/programs', `${name}.bpf.o`);
}

/** Bytes of a fixture. */
export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fixturePath(name)));
}

/** A fixture, opened. */
export function openFixture(name: string): BpfObject {
  return BpfObject.open(fixture(name), { name: name.split('/').at(-1) ?? name });
}
