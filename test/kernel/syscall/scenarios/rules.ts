/** What holds for all commands: sizes, trailing bytes, unused members, descriptors that are none. */
import {
  type AttrField,
  BPF_ATTR_BYTES,
  BPF_COMMANDS,
  type BpfCommand,
  bytesUsed,
  commandSpec,
} from '../../../../src/spec/index.ts';
import { Scenario } from '../scenario.ts';

const commands = Object.keys(BPF_COMMANDS) as BpfCommand[];

function sizes(): Scenario {
  const s = new Scenario('sizes of the attributes');
  const zeros = new Uint8Array(5000);
  for (const size of [0, 1, 4, 8, 48, 72, 120, 144, 151, 152, 153, 160, 4096, 4097, 5000]) {
    s.raw(22, zeros, size);
    s.raw(0, zeros, size);
    s.raw(36, zeros, size);
  }
  for (const at of [152, 153, 200, 4095]) {
    const bytes = new Uint8Array(4096);
    bytes[at] = 1;
    s.raw(22, bytes, 4096);
    s.raw(22, bytes, at);
  }
  for (const number of [37, 38, 100, -1]) s.raw(number, zeros, 152);
  return s;
}

function unused(command: BpfCommand): Scenario {
  const s = new Scenario(`unused bytes of ${command}`);
  const used = bytesUsed(commandSpec(command));
  s.call(command, {});
  for (const at of [used, used + 1, used + 3, used + 4, 100, 151])
    if (at >= used && at < BPF_ATTR_BYTES) s.call(command, {}, { bytes: { [at]: 1 } });
  return s;
}

/** Every member alone with a number that no object has; what the kernel writes is hidden. */
function members(command: BpfCommand): Scenario {
  const s = new Scenario(`members of ${command}`);
  const fields: readonly (readonly [string, AttrField])[] = Object.entries(commandSpec(command).fields);
  for (const [name, { kind }] of fields) {
    if (kind === 'name') continue;
    s.call(command, { [name]: 0x7ffffff0 });
    // The first task of all: every real machine has it.
    if (name !== 'pid') s.call(command, { [name]: 1 });
  }
  return s;
}

/** These list objects that the reference kernel has and a new simulated one does not. */
const LISTS: readonly BpfCommand[] = [
  'BPF_PROG_GET_NEXT_ID',
  'BPF_MAP_GET_NEXT_ID',
  'BPF_BTF_GET_NEXT_ID',
  'BPF_LINK_GET_NEXT_ID',
  'BPF_PROG_GET_FD_BY_ID',
  'BPF_MAP_GET_FD_BY_ID',
  'BPF_BTF_GET_FD_BY_ID',
  'BPF_LINK_GET_FD_BY_ID',
];

export const RULES: readonly Scenario[] = [
  sizes(),
  ...commands.filter((command) => !LISTS.includes(command)).map(unused),
  ...commands.filter((command) => !LISTS.includes(command)).map(members),
];
