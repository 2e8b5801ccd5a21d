// The recorded facts: where they are, unpacking them, and their shapes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseBtf } from './library.js';

const FACTS = process.env.FACTS ?? join(import.meta.dirname, '../../../shared/kernel-6.12');
const ORACLE = process.env.ORACLE_HOME ?? join(homedir(), '.cache/bpflab-oracle');
/** Where the archives of the facts are unpacked. */
export const CACHE = process.env.PARITY_CACHE ?? join(homedir(), '.cache/bpflab-parity');

/**
 * @typedef {object} Verdict A line of verdicts.jsonl.gz.
 * @property {string} file
 * @property {string} prog
 * @property {'plain' | 'priv' | 'unpriv'} mode
 * @property {'accept' | 'reject'} verdict
 * @property {number} errno
 * @property {boolean} judged
 * @property {number} flags BPF_F_* of the load
 * @property {string[]} needs
 * @property {string | null} [last]
 * @property {number} [insns]
 */
/**
 * @typedef {object} LoadedMap A map of a load.
 * @property {string} name
 * @property {number} type
 * @property {number} key
 * @property {number} value
 * @property {number} max
 * @property {number} flags
 * @property {number} btf_value
 * @property {LoadedMap | null} [inner]
 */
/**
 * @typedef {object} Load A line of loads/: the attributes of BPF_PROG_LOAD.
 * @property {string} file
 * @property {string} prog
 * @property {number} mode
 * @property {number} prog_type
 * @property {number} eat
 * @property {number} prog_flags
 * @property {number} attach_btf_id
 * @property {boolean} attach_btf_obj_fd
 * @property {string} license
 * @property {number} line_info_cnt
 * @property {string} func_info
 * @property {number} insn_cnt
 * @property {string} insns
 * @property {Record<string, LoadedMap>} maps
 */
/**
 * @typedef {object} RawTest A line of raw/tests.jsonl.
 * @property {number} idx
 * @property {string} name
 * @property {number} prog_type
 * @property {number} expected_attach_type
 * @property {string | null} attach_func
 * @property {number} flags
 * @property {string[]} flags_names
 * @property {string} [insns]
 * @property {string} [insns_file]
 * @property {Record<string, number[]>} fixups
 * @property {unknown[]} fixup_kfunc_btf_id
 * @property {[number, number][]} func_info
 * @property {string | null} btf_types
 * @property {string | null} btf_strings
 * @property {{ p?: { verdict: 'accept' | 'reject', processed: number, log_l2?: string } }} kernel
 */
/**
 * @typedef {object} FixupMap A map of the raw tests.
 * @property {string} type
 * @property {number} key
 * @property {number} value
 * @property {number} max
 * @property {string} [flags]
 * @property {FixupMap} [inner]
 */

/** Unpacks the archives, once. */
export function unpack() {
  mkdirSync(CACHE, { recursive: true });
  for (const [archive, folder] of /** @type {const} */ ([
    ['loads', 'loads'],
    ['logs', 'logs'],
    ['raw-tests', 'raw'],
  ])) {
    if (existsSync(join(CACHE, folder))) continue;
    const done = spawnSync('tar', ['--zstd', '-xf', join(FACTS, `${archive}.tar.zst`), '-C', CACHE]);
    if (done.status !== 0) throw new Error(`cannot unpack ${archive}.tar.zst: ${done.stderr.toString()}`);
  }
}

/** @param {string} text @returns {unknown} */
function parseJson(text) {
  /** @type {unknown} */
  const value = JSON.parse(text);
  return value;
}

/** @param {string} text @returns {unknown[]} */
function jsonLines(text) {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseJson);
}

/** @returns {Verdict[]} */
export function readVerdicts() {
  return /** @type {Verdict[]} */ (
    jsonLines(gunzipSync(readFileSync(join(FACTS, 'verdicts.jsonl.gz'))).toString())
  );
}

/** @param {string} file @returns {Load[]} */
export function readLoads(file) {
  const path = join(CACHE, `loads/${file}.jsonl`);
  return existsSync(path) ? /** @type {Load[]} */ (jsonLines(readFileSync(path, 'utf8'))) : [];
}

/** @returns {RawTest[]} */
export function readRawTests() {
  return /** @type {RawTest[]} */ (jsonLines(readFileSync(join(CACHE, 'raw/tests.jsonl'), 'utf8')));
}

/** @returns {Record<string, FixupMap>} */
export function readFixupMaps() {
  return /** @type {Record<string, FixupMap>} */ (
    parseJson(readFileSync(join(CACHE, 'raw/fixup_maps.json'), 'utf8'))
  );
}

/** @param {string} path */
export function readBytes(path) {
  return new Uint8Array(readFileSync(path));
}

/** @param {string} hex */
export function fromHex(hex) {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** @param {string} file */
export function objectPath(file) {
  return join(ORACLE, `selftests/v3/${file}.bpf.o`);
}

export const kernelBtf = parseBtf(readBytes(join(ORACLE, 'vmlinux.btf')));
export const moduleBtf = parseBtf(readBytes(join(FACTS, 'module-btf/bpf_testmod.btf')), undefined, {
  base: kernelBtf,
});

/** The options of the reference kernel, as its .config writes them. */
export function readKconfig() {
  const boot = join(ORACLE, 'image/boot');
  const file = readdirSync(boot).find((name) => name.startsWith('config-')) ?? '';
  /** @type {Record<string, string | bigint>} */
  const values = { LINUX_KERNEL_VERSION: 396405n, LINUX_HAS_BPF_COOKIE: 'y', LINUX_HAS_SYSCALL_WRAPPER: 'y' };
  for (const line of readFileSync(join(boot, file), 'utf8').split('\n')) {
    const [, name, text] = /^(CONFIG_\w+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined && text !== undefined) values[name] = text;
  }
  return values;
}
