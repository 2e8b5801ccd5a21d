// Compares the verifier with Linux 6.12: runs it on the kernel's own selftest programs and raw tests, whose verdicts and logs were
// recorded on the reference kernel, and prints how much agrees. Needs the facts (FACTS, default ../shared/kernel-6.12) and the
// oracle's cache (ORACLE_HOME) with the kernel's BTF and the compiled selftests; none of these is part of the project.
//
//   npm run parity -- [--filter TEXT] [--raw | --loads] [--list CAUSE] [--diff FILE:PROG] [--all]
//
// --list prints the programs that differ in `verdict`, `error`, `insns` or `log`; --diff shows where one log leaves the kernel's; --all
// also runs programs that need what the verifier does not support.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';

const ROOT = join(import.meta.dirname, '..');
const DIST = process.env.BPFLAB_DIST ?? join(ROOT, 'dist');
const FACTS = process.env.FACTS ?? join(ROOT, '../shared/kernel-6.12');
const ORACLE = process.env.ORACLE_HOME ?? join(homedir(), '.cache/bpflab-oracle');
const CACHE = process.env.PARITY_CACHE ?? join(homedir(), '.cache/bpflab-parity');

const { verify } = await import(join(DIST, 'verifier/index.js'));
const { openObject, kconfigContent } = await import(join(DIST, 'loader/index.js'));
const { parseBtf } = await import(join(DIST, 'btf/index.js'));
const { rawFromBytes } = await import(join(DIST, 'isa/index.js'));

/** Features that a later version of the verifier will have. */
const LATER = new Set([
  'kfunc',
  'dynptr',
  'kptr',
  'timer',
  'arena',
  'struct_ops',
  'freplace',
  'module_btf',
  'unprivileged',
]);
const MODES = { plain: 0, priv: 1, unpriv: 2 };

const { values: options } = parseArgs({
  options: {
    filter: { type: 'string' },
    raw: { type: 'boolean' },
    loads: { type: 'boolean' },
    list: { type: 'string' },
    diff: { type: 'string' },
    all: { type: 'boolean' },
    json: { type: 'boolean' },
  },
});

function unpack() {
  mkdirSync(CACHE, { recursive: true });
  for (const [archive, folder] of [
    ['loads', 'loads'],
    ['logs', 'logs'],
    ['raw-tests', 'raw'],
  ]) {
    if (existsSync(join(CACHE, folder))) continue;
    const done = spawnSync('tar', ['--zstd', '-xf', join(FACTS, `${archive}.tar.zst`), '-C', CACHE]);
    if (done.status !== 0) throw new Error(`cannot unpack ${archive}.tar.zst: ${done.stderr}`);
  }
}

const jsonLines = (text) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
const fromHex = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));

const kernelBtf = parseBtf(new Uint8Array(readFileSync(join(ORACLE, 'vmlinux.btf'))));

const moduleBtfs = [parseBtf(new Uint8Array(readFileSync(join(FACTS, 'module-btf/bpf_testmod.btf'))), undefined, { base: kernelBtf })];

/** The options that .kconfig variables ask for, from the reference kernel's configuration. */
function readKconfig() {
  const boot = join(ORACLE, 'image/boot');
  const file = readdirSync(boot).find((name) => name.startsWith('config-'));
  const values = {};
  for (const line of readFileSync(join(boot, file), 'utf8').split('\n')) {
    const match = /^(CONFIG_\w+)=(.*)$/.exec(line);
    if (match === null) continue;
    const [, name, text] = match;
    values[name] = text;
  }
  return { ...values, LINUX_KERNEL_VERSION: 396405n, LINUX_HAS_BPF_COOKIE: 'y', LINUX_HAS_SYSCALL_WRAPPER: 'y' };
}
const kconfig = readKconfig();

const objects = new Map();
function objectOf(file) {
  if (objects.has(file)) return objects.get(file);
  let object;
  try {
    object = openObject(new Uint8Array(readFileSync(join(ORACLE, `selftests/v3/${file}.bpf.o`))), { name: file });
  } catch (error) {
    object = undefined;
  }
  objects.set(file, object);
  return object;
}

/** Content of a frozen map: constants of the object, or of the kernel's configuration. */
function contentOf(object, spec) {
  if (spec.origin !== 'kconfig') return spec.initial;
  try {
    return kconfigContent(object, kconfig);
  } catch {
    return spec.initial;
  }
}

const mapCache = new Map();
function mapInfo(object, file, fd, load) {
  const key = `${file}:${JSON.stringify(load)}`;
  const known = mapCache.get(key);
  if (known !== undefined) return known;
  const spec = object?.maps.find(
    (map) => map.name.slice(0, 15) === load.name && map.type === load.type && map.btfValueTypeId === load.btf_value,
  ) ?? object?.maps.find((map) => map.name.slice(0, 15) === load.name);
  const constant = spec !== undefined && (spec.origin === 'rodata' || spec.origin === 'kconfig');
  const content = constant ? contentOf(object, spec) : undefined;
  const info = {
    name: load.name,
    type: load.type,
    keySize: load.key,
    valueSize: load.value,
    maxEntries: load.max,
    flags: load.flags,
    frozen: constant,
    ...(content === undefined ? {} : { content }),
    ...(object?.btf === undefined || load.btf_value === 0 ? {} : { btf: object.btf, btfValueTypeId: load.btf_value }),
    ...(load.inner ? { inner: mapInfo(object, `${file}/inner`, fd, { name: '', flags: 0, ...load.inner }) } : {}),
  };
  mapCache.set(key, info);
  return info;
}

/** Whether the cached object holds the program that was loaded: another compiler may have made it. Its source lines fit only then. */
function sameCode(program, load) {
  if (program === undefined || program.insns.length !== load.insn_cnt) return false;
  return program.insns.every(({ opcode }, i) => Number.parseInt(load.insns.slice(16 * i, 16 * i + 2), 16) === opcode);
}

function inputOfLoad(load) {
  const object = objectOf(load.file);
  const program = object?.programs.find((candidate) => candidate.name === load.prog);
  const bytes = fromHex(load.func_info);
  const view = new DataView(bytes.buffer);
  const functions = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const insn = view.getUint32(at, true);
    const subprog = program?.subprogs.find(({ start }) => start === insn);
    functions.push({
      insn,
      typeId: view.getUint32(at + 4, true),
      hidden: subprog !== undefined && !subprog.global,
    });
  }
  const maps = new Map();
  for (const [fd, map] of Object.entries(load.maps)) maps.set(Number(fd), mapInfo(object, load.file, Number(fd), map));
  return {
    insns: rawFromBytes(fromHex(load.insns), 'little'),
    type: load.prog_type,
    attachType: load.eat,
    flags: load.prog_flags,
    license: load.license,
    maps,
    ...(object?.btf === undefined ? {} : { btf: object.btf }),
    functions,
    lines: load.line_info_cnt > 0 && sameCode(program, load) ? program.lineInfo : [],
    kernelBtf,
    moduleBtfs,
    attachBtfId: load.attach_btf_id,
    ...attachment(load),
    unprivileged: load.mode === MODES.unpriv,
  };
}


function rawMaps() {
  const table = JSON.parse(readFileSync(join(CACHE, 'raw/fixup_maps.json'), 'utf8'));
  const numbers = {
    HASH: 1, ARRAY: 2, PROG_ARRAY: 3, PERF_EVENT_ARRAY: 4, STACK_TRACE: 7, ARRAY_OF_MAPS: 12, SOCKMAP: 15, XSKMAP: 17,
    SOCKHASH: 18, CGROUP_STORAGE: 19, REUSEPORT_SOCKARRAY: 20, PERCPU_CGROUP_STORAGE: 21, SK_STORAGE: 24, RINGBUF: 27,
  };
  const flags = { BPF_F_NO_PREALLOC: 1, BPF_F_RDONLY_PROG: 128, BPF_F_WRONLY_PROG: 256 };
  const info = (map) => ({
    name: '',
    type: numbers[map.type],
    keySize: map.key,
    valueSize: map.value,
    maxEntries: map.max,
    flags: flags[map.flags] ?? 0,
    ...(map.inner === undefined ? {} : { inner: info(map.inner) }),
  });
  return Object.fromEntries(Object.entries(table).map(([name, map]) => [name, info(map)]));
}

/** What a descriptor beside the attach type stands for: a module's types, or another program. */
function attachment(load) {
  if (!load.attach_btf_obj_fd) return {};
  return load.attach_btf_id >= kernelBtf.typeCount ? { attachBtf: moduleBtfs[0] } : { attachProgram: true };
}

/** Where a generated program's instructions are. */
function rawFile(test) {
  return join(CACHE, 'raw', test.insns_file.replace('tv_fill', 'fill'));
}

function inputOfRaw(test, maps) {
  const insns = rawFromBytes(
    test.insns === undefined ? new Uint8Array(readFileSync(rawFile(test))) : fromHex(test.insns),
    'little',
  );
  const used = new Map();
  let fd = 100;
  for (const [kind, slots] of Object.entries(test.fixups)) {
    const map = maps[kind];
    used.set(++fd, map);
    for (const slot of slots) insns[slot] = { ...insns[slot], imm: fd };
  }
  let attachBtfId = 0;
  if (test.attach_func !== null) {
    const [prefix, kind] = test.expected_attach_type === 28 ? ['bpf_iter_', 'func'] : test.prog_type === 29 ? ['bpf_lsm_', 'func'] : test.expected_attach_type === 23 ? ['btf_trace_', 'typedef'] : ['', 'func'];
    attachBtfId = kernelBtf.findByName(prefix + test.attach_func, kind)?.id ?? 0;
  }
  const withBtf = test.btf_types !== null;
  return {
    insns,
    type: test.prog_type,
    attachType: test.expected_attach_type,
    // Bits 0 to 2 are the test tool's own.
    flags: (test.flags & ~7) | (test.flags_names.includes('F_LOAD_WITH_STRICT_ALIGNMENT') ? 1 : 0),
    license: 'GPL',
    maps: used,
    ...(withBtf ? { btf: rawBtf(test) } : {}),
    functions: withBtf ? test.func_info.map(([insn, typeId]) => ({ insn, typeId })) : [],
    lines: [],
    kernelBtf,
    attachBtfId,
  };
}

function rawBtf(test) {
  const types = fromHex(test.btf_types);
  const strings = fromHex(test.btf_strings);
  const bytes = new Uint8Array(24 + types.length + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  view.setUint32(4, 24, true);
  view.setUint32(8, 0, true);
  view.setUint32(12, types.length, true);
  view.setUint32(16, types.length, true);
  view.setUint32(20, strings.length, true);
  bytes.set(types, 24);
  bytes.set(strings, 24 + types.length);
  return parseBtf(bytes);
}

function* cases() {
  if (options.raw !== true) {
    const verdicts = jsonLines(gunzipSync(readFileSync(join(FACTS, 'verdicts.jsonl.gz'))).toString());
    let file;
    let loads;
    for (const fact of verdicts) {
      if (!fact.judged) continue;
      const later = fact.needs.some((need) => LATER.has(need));
      if (later && options.all !== true) continue;
      if (file !== fact.file) {
        file = fact.file;
        const path = join(CACHE, `loads/${file}.jsonl`);
        loads = existsSync(path) ? jsonLines(readFileSync(path, 'utf8')) : [];
      }
      const load = loads.find(({ prog, mode }) => prog === fact.prog && mode === MODES[fact.mode]);
      if (load === undefined) continue;
      const suffix = fact.mode === 'plain' ? '' : `.${fact.mode}`;
      yield {
        name: `${fact.file}:${fact.prog}${suffix}`,
        needs: fact.needs,
        later,
        // Without an errno BPF_PROG_LOAD succeeded: what failed was the tool that loaded the object.
        verdict: fact.errno === 0 && !fact.last ? 'accept' : fact.verdict,
        errno: fact.errno,
        last: fact.last ?? '',
        insns: fact.insns,
        log: sameCode(objectOf(file)?.programs.find(({ name }) => name === fact.prog), load)
          ? join(CACHE, `logs/${fact.file}/${fact.prog}${suffix}.l2.log`)
          : '',
        input: () => inputOfLoad(load),
      };
    }
  }
  if (options.loads !== true) {
    const maps = rawMaps();
    for (const test of jsonLines(readFileSync(join(CACHE, 'raw/tests.jsonl'), 'utf8'))) {
      const fact = test.kernel.p;
      if (fact === undefined || (test.insns === undefined && !existsSync(rawFile(test)))) continue;
      const kfunc = test.fixup_kfunc_btf_id.length > 0 || Object.keys(test.fixups).some((kind) => /kptr|timer/.test(kind));
      if (kfunc && options.all !== true) continue;
      const log = fact.log_l2 === undefined ? '' : join(CACHE, 'raw/logs', fact.log_l2.slice(fact.log_l2.indexOf('/') + 1));
      const lines = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
      const tail = lines.findIndex((line) => line.startsWith('verification time '));
      yield {
        name: `raw:${test.idx} ${test.name}`,
        needs: ['raw'],
        later: kfunc,
        verdict: fact.verdict,
        errno: undefined,
        last: fact.verdict === 'reject' ? (lines[tail - 1] ?? lines[(lines.findIndex((l) => l.startsWith('processed '))) - 1] ?? '') : '',
        insns: fact.processed,
        log,
        input: () => inputOfRaw(test, maps),
      };
    }
  }
}

/** libbpf poisons what it cannot resolve with calls of helpers that do not exist, and rewrites the kernel's message about them. */
const POISON = /^invalid func unknown#(195896080|2002\d+)$/;
const POISONED = /^failed to resolve CO-RE|^kfunc '.*' is referenced but wasn't resolved/;

/** A log without what differs from run to run: addresses and times. */
function normalize(log) {
  return log
    .replaceAll(/0xff[0-9a-f]{14}/g, 'ADDR')
    .replaceAll(/\(18\) (r\d+) = (?:0x[0-9a-f]+|ADDR)( +;)?/g, (_, reg, state) => `(18) ${reg} = ADDR${state === undefined ? '' : ' ;'}`)
    .replaceAll(/verification time \d+ usec/g, 'verification time N usec')
    .split('\n');
}

/** The marker of a log that was too long. */
const CUT = /^@@@ cut here/;

/** First line at which two logs differ, or -1. The kernel's may be cut off. */
function firstDifference(ours, theirs) {
  const cut = theirs.findIndex((line) => CUT.test(line));
  // The line ahead of the marker may be cut too.
  const end = cut >= 0 ? cut - 1 : Math.max(ours.length, theirs.length);
  for (let i = 0; i < end; i++) if (ours[i] !== theirs[i]) return i;
  return -1;
}

unpack();
const counts = { programs: 0, verdict: 0, accepted: [], rejected: 0, error: 0, numbers: 0, counted: 0, logs: 0, log: 0, unsupported: 0 };
const differing = { verdict: [], error: [], insns: [], log: [] };
const started = performance.now();
for (const test of cases()) {
  if (options.filter !== undefined && !test.name.includes(options.filter)) continue;
  if (options.diff !== undefined && test.name !== options.diff) continue;
  const hasLog = existsSync(test.log) && !POISONED.test(test.last);
  let result;
  const before = performance.now();
  try {
    result = verify(test.input(), { logLevel: hasLog ? 6 : 4, cpuCount: 2 });
  } catch (error) {
    result = { verdict: 'crash', failure: { code: 'crash', message: String(error.stack ?? error).split('\n').slice(0, 3).join(' | ') }, stats: {}, log: '' };
  }
  const elapsed = performance.now() - before;
  counts.programs++;
  const message = result.failure?.message ?? '';
  const unsupported = result.failure?.code === 'unsupported';
  if (unsupported) counts.unsupported++;
  if (result.verdict === test.verdict && !unsupported) counts.verdict++;
  else {
    differing.verdict.push([test, unsupported ? `unsupported: ${message}` : `${result.verdict} ${message}`]);
    if (result.verdict === 'accept') counts.accepted.push(test.name);
  }
  if (test.verdict === 'reject') {
    counts.rejected++;
    if (message === test.last || (POISON.test(message) && POISONED.test(test.last))) counts.error++;
    else differing.error.push([test, message]);
  }
  if (test.insns !== undefined && test.insns !== null) {
    counts.counted++;
    if (result.stats.insns === test.insns) counts.numbers++;
    else differing.insns.push([test, `${result.stats.insns} ${elapsed > 3000 ? `${Math.round(elapsed)} ms` : ''}`]);
  }
  if (hasLog) {
    counts.logs++;
    const ours = normalize(result.log);
    const theirs = normalize(readFileSync(test.log, 'utf8'));
    const end = theirs.findIndex((line) => line.startsWith('processed '));
    if (end >= 0) theirs.splice(end + 1, theirs.length, '');
    const at = firstDifference(ours, theirs);
    if (at < 0) counts.log++;
    else differing.log.push([test, `line ${at + 1}: ${ours[at]}   KERNEL: ${theirs[at]}`]);
    if (options.diff !== undefined && at >= 0) {
      for (let i = Math.max(0, at - 12); i < at; i++) console.log(`  ${ours[i]}`);
      for (let i = at; i < at + 8; i++) console.log(`- ${theirs[i]}`);
      for (let i = at; i < at + 8; i++) console.log(`+ ${ours[i]}`);
    }
  }
}

const percent = (part, whole) => `${part}/${whole} ${whole === 0 ? '' : `${((100 * part) / whole).toFixed(2)}%`}`;
console.log(`verdict ${percent(counts.verdict, counts.programs)} (unsupported ${counts.unsupported}, wrongly accepted ${counts.accepted.length})`);
console.log(`error   ${percent(counts.error, counts.rejected)}`);
console.log(`insns   ${percent(counts.numbers, counts.counted)}`);
console.log(`log     ${percent(counts.log, counts.logs)}`);
console.log(`${Math.round(performance.now() - started)} ms`);
for (const cause of options.list?.split(',') ?? [])
  for (const [test, ours] of differing[cause] ?? [])
    console.log(`${test.name} [${test.needs.join(' ')}] kernel: ${test.verdict} ${test.insns} ${test.last} | ours: ${ours}`);
