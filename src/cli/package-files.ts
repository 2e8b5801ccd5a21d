/** Files of the package itself. Both src/cli/ and dist/cli/, where the bundle lies, are two folders below its root. */
import { readFileSync } from 'node:fs';

/**
 * The bytes of a file of this package.
 * @param path below the package's root, such as `package.json`.
 */
export function readPackageFile(path: string): Uint8Array {
  return readFileSync(new URL(`../../${path}`, import.meta.url));
}
