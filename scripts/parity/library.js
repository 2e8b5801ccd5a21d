// The library's built modules with the types of their sources, so that this folder is checked without a build.
import { join } from 'node:path';

const DIST = process.env.BPFLAB_DIST ?? join(import.meta.dirname, '../../dist');

/** @param {string} name @returns {Promise<unknown>} */
function load(name) {
  return import(join(DIST, name, 'index.js'));
}

export const { verify } = /** @type {typeof import('../../src/verifier/index.ts')} */ (
  await load('verifier')
);
export const { openObject, kconfigContent } = /** @type {typeof import('../../src/loader/index.ts')} */ (
  await load('loader')
);
export const { parseBtf } = /** @type {typeof import('../../src/btf/index.ts')} */ (await load('btf'));
export const { rawFromBytes } = /** @type {typeof import('../../src/isa/index.ts')} */ (await load('isa'));

export const { BpfError, BpfObject, VerifierInputs } = /** @type {typeof import('../../src/index.ts')} */ (
  await load('')
);

/** @typedef {import('../../src/verifier/index.ts').VerifierInput} VerifierInput */
/** @typedef {import('../../src/verifier/index.ts').MapInfo} MapInfo */
/** @typedef {import('../../src/loader/index.ts').ObjectSpec} ObjectSpec */
/** @typedef {import('../../src/loader/index.ts').ProgramSpec} ProgramSpec */
