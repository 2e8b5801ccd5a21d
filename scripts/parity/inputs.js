// What the verifier is given for a recorded load, or a raw test.
import { join } from 'node:path';
import {
  CACHE,
  fromHex,
  kernelBtf,
  moduleBtf,
  objectPath,
  readBytes,
  readFixupMaps,
  readKconfig,
} from './facts.js';
import { BpfObject, kconfigContent, openObject, parseBtf, rawFromBytes, VerifierInputs } from './library.js';

/** @typedef {import('./library.js').VerifierInput} VerifierInput */
/** @typedef {import('./library.js').MapInfo} MapInfo */
/** @typedef {import('./library.js').ObjectSpec} ObjectSpec */
/** @typedef {import('./library.js').ProgramSpec} ProgramSpec */
/** @typedef {import('./facts.js').Load} Load */
/** @typedef {import('./facts.js').LoadedMap} LoadedMap */
/** @typedef {import('./facts.js').RawTest} RawTest */
/** @typedef {import('./facts.js').FixupMap} FixupMap */

const UNPRIVILEGED = 2;
const kconfig = readKconfig();

/** @type {Map<string, ObjectSpec | undefined>} */
const objects = new Map();

/** @param {string} file @returns {ObjectSpec | undefined} */
function objectOf(file) {
  if (!objects.has(file)) {
    try {
      objects.set(file, openObject(readBytes(objectPath(file)), { name: file }));
    } catch {
      objects.set(file, undefined);
    }
  }
  return objects.get(file);
}

/**
 * Whether the cached object holds the program that was loaded: another compiler may have made it. Its source lines fit only then.
 * @param {Load} load
 * @returns {ProgramSpec | undefined} the program
 */
export function sameProgram(load) {
  const program = objectOf(load.file)?.programs.find(({ name }) => name === load.prog);
  if (program === undefined || program.insns.length !== load.insn_cnt) return undefined;
  const same = program.insns.every(
    ({ opcode }, i) => Number.parseInt(load.insns.slice(16 * i, 16 * i + 2), 16) === opcode,
  );
  return same ? program : undefined;
}

/** @type {Map<string, MapInfo>} */
const maps = new Map();

/** @param {string} file @param {LoadedMap} map @returns {MapInfo} */
function mapInfo(file, map) {
  const key = `${file}:${JSON.stringify(map)}`;
  const known = maps.get(key);
  if (known !== undefined) return known;
  const object = objectOf(file);
  const named = object?.maps.filter(({ name }) => name.slice(0, 15) === map.name) ?? [];
  const spec =
    named.find(({ type, btfValueTypeId }) => type === map.type && btfValueTypeId === map.btf_value) ??
    named[0];
  const frozen = spec?.origin === 'rodata' || spec?.origin === 'kconfig';
  const content = object !== undefined && frozen ? contentOf(object, spec) : undefined;
  /** @type {MapInfo} */
  const info = {
    name: map.name,
    type: map.type,
    keySize: map.key,
    valueSize: map.value,
    maxEntries: map.max,
    flags: map.flags,
    frozen,
    ...(content === undefined ? {} : { content }),
    ...(object?.btf === undefined || map.btf_value === 0
      ? {}
      : { btf: object.btf, btfValueTypeId: map.btf_value }),
    ...(map.inner ? { inner: mapInfo(file, { ...map.inner, name: '' }) } : {}),
  };
  maps.set(key, info);
  return info;
}

/** @param {ObjectSpec} object @param {ObjectSpec['maps'][number]} spec */
function contentOf(object, spec) {
  if (spec.origin !== 'kconfig') return spec.initial;
  try {
    return kconfigContent(object, kconfig);
  } catch {
    return spec.initial;
  }
}

/**
 * What a descriptor beside the attach type stands for: a module's types, or another program.
 * @param {Load} load
 */
function attachment(load) {
  if (!load.attach_btf_obj_fd) return {};
  return load.attach_btf_id >= kernelBtf.typeCount ? { attachBtf: moduleBtf } : { attachProgram: true };
}

/** @param {Load} load @returns {VerifierInput} */
export function inputOfLoad(load) {
  const object = objectOf(load.file);
  const program = object?.programs.find(({ name }) => name === load.prog);
  const records = new DataView(fromHex(load.func_info).buffer);
  const functions = [];
  for (let at = 0; at < records.byteLength; at += 8) {
    const insn = records.getUint32(at, true);
    const subprog = program?.subprogs.find(({ start }) => start === insn);
    functions.push({ insn, typeId: records.getUint32(at + 4, true), hidden: subprog?.global === false });
  }
  return {
    insns: rawFromBytes(fromHex(load.insns), 'little'),
    type: load.prog_type,
    attachType: load.eat,
    flags: load.prog_flags,
    license: load.license,
    maps: new Map(Object.entries(load.maps).map(([fd, map]) => [Number(fd), mapInfo(load.file, map)])),
    ...(object?.btf === undefined ? {} : { btf: object.btf }),
    functions,
    lines: load.line_info_cnt > 0 ? (sameProgram(load)?.lineInfo ?? []) : [],
    kernelBtf,
    moduleBtfs: [moduleBtf],
    attachBtfId: load.attach_btf_id,
    ...attachment(load),
    unprivileged: load.mode === UNPRIVILEGED,
  };
}

/** How the kernel's test loader is told to relocate against the types of another object, not the kernel's. */
const BTF_PATH = 'comment:test_btf_path=';

/** @param {import('./facts.js').Verdict} fact */
function inputsOf({ file, mode }) {
  const bytes = readBytes(objectPath(file));
  const object = BpfObject.open(bytes, { name: file });
  const tag = [...(object.spec.btf ?? [])].find(
    ({ kind, name }) => kind === 'decl_tag' && name.startsWith(BTF_PATH),
  );
  const other = mode === 'plain' || tag === undefined ? undefined : tag.name.slice(BTF_PATH.length);
  const types =
    other === undefined ? undefined : openObject(readBytes(objectPath(other.split('.')[0] ?? ''))).btf;
  const kernelTypes = types === undefined ? [kernelBtf, moduleBtf] : [types];
  return { object, inputs: new VerifierInputs(object, { kernelTypes, kconfig }) };
}

/** @type {Map<string, ReturnType<typeof inputsOf>>} */
const inputsByFile = new Map();

/**
 * What is made of the cached object for a program.
 * @param {import('./facts.js').Verdict} fact
 * @returns {VerifierInput}
 * @throws BpfError where the object cannot be opened or linked
 */
export function inputOfObject(fact) {
  const key = `${fact.file} ${fact.mode}`;
  const { object, inputs } = inputsByFile.get(key) ?? inputsOf(fact);
  if (!inputsByFile.has(key)) inputsByFile.set(key, { object, inputs });
  const input = inputs.of(programOf(object, fact.prog), { flags: fact.flags });
  return { ...input, unprivileged: fact.mode === 'unpriv' };
}

/** @param {import('../../src/index.ts').BpfObject} object @param {string} name */
function programOf(object, name) {
  const program = object.spec.programs.find((candidate) => candidate.name === name);
  if (program === undefined) throw new Error(`the cached object has no program ${name}`);
  return program;
}

/**
 * Whether the cached object has another program than the one that was loaded: the recorded one was compiled elsewhere.
 * @param {Load} load
 */
export function compiledElsewhere(load) {
  const program = objectOf(load.file)?.programs.find(({ name }) => name === load.prog);
  return program !== undefined && program.insns.length !== load.insn_cnt;
}

/** @type {Record<string, number>} */
const MAP_TYPES = {
  HASH: 1,
  ARRAY: 2,
  PROG_ARRAY: 3,
  PERF_EVENT_ARRAY: 4,
  STACK_TRACE: 7,
  ARRAY_OF_MAPS: 12,
  SOCKMAP: 15,
  XSKMAP: 17,
  SOCKHASH: 18,
  CGROUP_STORAGE: 19,
  REUSEPORT_SOCKARRAY: 20,
  PERCPU_CGROUP_STORAGE: 21,
  SK_STORAGE: 24,
  RINGBUF: 27,
};
/** @type {Record<string, number>} */
const MAP_FLAGS = { BPF_F_NO_PREALLOC: 1, BPF_F_RDONLY_PROG: 128, BPF_F_WRONLY_PROG: 256 };

/** @param {FixupMap} map @returns {MapInfo} */
function fixupMap(map) {
  return {
    name: '',
    type: MAP_TYPES[map.type] ?? 0,
    keySize: map.key,
    valueSize: map.value,
    maxEntries: map.max,
    flags: MAP_FLAGS[map.flags ?? ''] ?? 0,
    ...(map.inner === undefined ? {} : { inner: fixupMap(map.inner) }),
  };
}

/** The maps of the raw tests by kind. */
export function rawMaps() {
  return new Map(Object.entries(readFixupMaps()).map(([kind, map]) => [kind, fixupMap(map)]));
}

/** Where a generated program's instructions are. @param {RawTest} test */
export function rawFile(test) {
  return join(CACHE, 'raw', (test.insns_file ?? '').replace('tv_fill', 'fill'));
}

/** The kernel type that a test names as its target. @param {RawTest} test */
function rawTarget(test) {
  if (test.attach_func === null) return 0;
  if (test.expected_attach_type === 23)
    return kernelBtf.findByName(`btf_trace_${test.attach_func}`, 'typedef')?.id ?? 0;
  const lsm = test.prog_type === 29 ? 'bpf_lsm_' : '';
  const prefix = test.expected_attach_type === 28 ? 'bpf_iter_' : lsm;
  return kernelBtf.findByName(prefix + test.attach_func, 'func')?.id ?? 0;
}

/** @param {RawTest} test @param {ReadonlyMap<string, MapInfo>} kinds @returns {VerifierInput} */
export function inputOfRaw(test, kinds) {
  const bytes = test.insns === undefined ? readBytes(rawFile(test)) : fromHex(test.insns);
  const insns = rawFromBytes(bytes, 'little');
  /** @type {Map<number, MapInfo>} */
  const used = new Map();
  let fd = 100;
  for (const [kind, slots] of Object.entries(test.fixups)) {
    const map = kinds.get(kind);
    if (map === undefined) continue;
    used.set(++fd, map);
    for (const slot of slots) {
      const insn = insns[slot];
      if (insn !== undefined) insns[slot] = { ...insn, imm: fd };
    }
  }
  const strict = test.flags_names.includes('F_LOAD_WITH_STRICT_ALIGNMENT') ? 1 : 0;
  const btf = rawBtf(test);
  return {
    insns,
    type: test.prog_type,
    attachType: test.expected_attach_type,
    // Bits 0 to 2 are the test tool's own.
    flags: (test.flags & ~7) | strict,
    license: 'GPL',
    maps: used,
    ...(btf === undefined ? {} : { btf }),
    functions: btf === undefined ? [] : test.func_info.map(([insn, typeId]) => ({ insn, typeId })),
    lines: [],
    kernelBtf,
    attachBtfId: rawTarget(test),
  };
}

/** Types and strings of a test, with the header that the tool puts in front. @param {RawTest} test */
function rawBtf(test) {
  if (test.btf_types === null) return undefined;
  const types = fromHex(test.btf_types);
  const strings = fromHex(test.btf_strings ?? '');
  const bytes = new Uint8Array(24 + types.length + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  [24, 0, types.length, types.length, strings.length].forEach((value, i) => {
    view.setUint32(4 + 4 * i, value, true);
  });
  bytes.set(types, 24);
  bytes.set(strings, 24 + types.length);
  return parseBtf(bytes);
}
