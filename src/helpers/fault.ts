/**
 * What a helper throws when a program did what the verifier would have refused. The engine adds the place (`helper-failed`).
 */
import { BpfError } from '../base/errors.ts';
import { describeRelation, type Memory } from '../vm/index.ts';

/** Kinds of misuse; stable. */
export type HelperFaultCode =
  | 'helper-bad-memory'
  | 'helper-bad-map'
  | 'helper-bad-object'
  | 'helper-bad-record'
  | 'helper-bad-lock'
  | 'helper-no-packet'
  | 'helper-unsupported-map';

/** A helper was called with what no verified program can give it. */
export class HelperFault extends BpfError {
  declare readonly code: HelperFaultCode;

  constructor(code: HelperFaultCode, message: string) {
    super(code, message);
  }
}

/** The fault for memory that a helper may not touch, naming the region that holds it or lies closest. */
export function badMemory(
  memory: Memory,
  helper: string,
  argument: number,
  address: number,
  size: number,
  write: boolean,
): HelperFault {
  const region = memory.nearestRegion(address);
  const where = region === undefined ? 'nothing is mapped there' : describeRelation(address, size, region);
  const what = `R${argument} of ${helper} is no pointer to ${size} ${write ? 'writable' : 'readable'} bytes`;
  return new HelperFault('helper-bad-memory', `${what}: 0x${address.toString(16)} is ${where}`);
}
