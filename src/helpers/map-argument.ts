/**
 * The map that an ARG_CONST_MAP_PTR argument stands for.
 */
import type { BpfMap } from '../maps/index.ts';
import { shortMapType } from '../spec/index.ts';
import { HelperFault } from './fault.ts';
import type { HelperRuntime } from './runtime.ts';

/**
 * The map at an address.
 * @throws HelperFault `helper-bad-map` when no map stands there, which only an unverified program can bring about.
 */
export function needMap(runtime: HelperRuntime, helper: string, address: number): BpfMap {
  const map = runtime.mapAt(address >>> 0);
  if (map === undefined)
    throw new HelperFault(
      'helper-bad-map',
      `${helper} got 0x${(address >>> 0).toString(16)}, which is no map`,
    );
  return map;
}

/** The fault for a map kind that a helper does not work on, which the verifier would have seen. */
export function unsupported(map: BpfMap, helper: string): HelperFault {
  const type = shortMapType(map.attr.type);
  return new HelperFault(
    'helper-unsupported-map',
    `${helper} does not work on map '${map.attr.name}' of type ${type}`,
  );
}
