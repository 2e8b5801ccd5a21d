/** What a fault says: the instruction, the way there, the address and what it belongs to or missed. */
import { describe, expect, it } from 'vitest';
import { Interpreter, Memory, type PreparedProgram, VmFault } from '../../src/vm/index.ts';
import { faultOf, helperTable, program } from './support.ts';

const memory = new Memory();
const value = memory.allocate({ size: 8, kind: 'map-value', name: 'counts' });
const readOnly = memory.allocate({ size: 16, kind: 'map', name: '.rodata', writable: false });
const table = memory.allocate({
  size: 64,
  kind: 'map',
  name: 'table',
  elements: { stride: 16, size: 12 },
});
memory.setAccess(table + 12, 4, 'none');
memory.setAccess(table + 16, 12, 'none');
const hex = (address: number): string => `0x${address.toString(16)}`;

describe('the message of a fault names the address and the region', () => {
  it.each([
    [
      'r0 = *(u32 *)(r1 + 12)',
      `read of 4 bytes at ${hex(value + 12)}: 4 bytes past the end of map value 'counts' (8 bytes)`,
    ],
    [
      'r0 = *(u64 *)(r1 + 4)',
      `read of 8 bytes at ${hex(value + 4)}: at offset 4, reaching 4 bytes past the end of map value 'counts' (8 bytes)`,
    ],
    [
      '*(u8 *)(r1 + 8) = 1',
      `write of 1 byte at ${hex(value + 8)}: just past the end of map value 'counts' (8 bytes)`,
    ],
    [
      'lock *(u64 *)(r1 + 8) += r2',
      `write of 8 bytes at ${hex(value + 8)}: just past the end of map value 'counts' (8 bytes)`,
    ],
    ['r0 = *(u8 *)(r10 - 513)', `1 byte before the start of frame 0 of stack 'program' (512 bytes)`],
    ['r0 = *(u16 *)(r10 + 0)', `just past the end of frame 0 of stack 'program' (512 bytes)`],
    ['r1 = 0\nr0 = *(u32 *)(r1 + 0)', 'read of 4 bytes at 0x0: a NULL pointer'],
    ['r1 = 0\nr0 = *(u32 *)(r1 + 16)', 'read of 4 bytes at 0x10: 16 bytes from a NULL pointer'],
    ['r1 = 0\nr0 = *(u32 *)(r1 - 8)', 'at 0xfffffffffffffff8: no pointer; memory ends before it'],
    ['r1 = 0x100000000 ll\nr1 += r10\nr0 = *(u8 *)(r1 + 0)', 'no pointer; memory ends before it'],
  ])('%s', (text, message) => {
    const fault = faultOf(`${text}\nexit`, { memory, r1: value });
    expect(fault.message).toMatch(/^invalid (read|write) of \d bytes? at 0x[0-9a-f]+: /);
    expect(fault.message.endsWith(message)).toBe(true);
  });

  it('says that memory is read-only', () => {
    const fault = faultOf('*(u32 *)(r1 + 4) = 1\nexit', { memory, r1: readOnly });
    expect(fault.code).toBe('invalid-write');
    expect(fault.message).toContain("map '.rodata' is read-only here");
  });

  it('names padding and unused elements', () => {
    const padding = faultOf('r0 = *(u32 *)(r1 + 12)\nexit', { memory, r1: table });
    expect(padding.message).toContain("just past the end of element 0 of map 'table' (12 bytes)");
    const unused = faultOf('r0 = *(u32 *)(r1 + 20)\nexit', { memory, r1: table });
    expect(unused.message).toContain(
      "at offset 4 of element 1 of map 'table' (12 bytes), a part that is not in use",
    );
  });
});

describe('a fault', () => {
  const source: PreparedProgram['source'] = (slot) => ({
    file: 'prog.c',
    line: 10 + slot,
    text: `  line of slot ${slot};`,
  });

  it('carries place, access, instruction, source and call stack', () => {
    const prepared = { ...program('r1 = 0\ncall inner\nexit\ninner:\nr0 = *(u8 *)(r1 + 4)\nexit'), source };
    const interpreter = new Interpreter(memory, helperTable());
    interpreter.start(prepared);
    const status = interpreter.run();
    interpreter.dispose();
    if (status.kind !== 'faulted') throw new Error('no fault');
    const { fault } = status;
    expect(fault).toBeInstanceOf(VmFault);
    expect(fault.code).toBe('invalid-read');
    expect(fault.place).toEqual({ program: 'test', insn: 3, source: 'prog.c:13' });
    expect(fault.access).toMatchObject({ address: 4n, size: 1, write: false });
    expect(fault.instruction).toBe('(71) r0 = *(u8 *)(r1 +4)');
    expect(fault.sourceText).toBe('  line of slot 3;');
    expect(fault.frames).toEqual([
      { program: 'test', subprog: 'inner', slot: 3, source: 'prog.c:13' },
      { program: 'test', subprog: 'test', slot: 1, source: 'prog.c:11' },
    ]);
    expect(fault.report()).toBe(
      `prog.c:13, program test, insn 3: invalid read of 1 byte at 0x4: 4 bytes from a NULL pointer
  3: (71) r0 = *(u8 *)(r1 +4)
  ; line of slot 3;
  in inner at insn 3 (prog.c:13)
  in test at insn 1 (prog.c:11)`,
    );
  });

  it('ends the run: running on does nothing', () => {
    const interpreter = new Interpreter(memory, helperTable());
    interpreter.start(program('r0 = *(u8 *)(r0 + 0)\nr0 = 1\nexit'));
    expect(interpreter.run().kind).toBe('faulted');
    expect(interpreter.executed).toBe(1);
    interpreter.run();
    expect(interpreter.executed).toBe(1);
    interpreter.start(program('r0 = 1\nexit'));
    expect(interpreter.run()).toEqual({ kind: 'exited', r0Low: 1, r0High: 0 });
    interpreter.dispose();
  });

  it('is what running past the last instruction is', () => {
    expect(faultOf('r0 = 1').code).toBe('fell-off-end');
    expect(faultOf('r0 = 1 ll').place.insn).toBe(2);
  });

  it('is what calling a number is', () => {
    const fault = faultOf('r3 = 4096\nr3 += 4\ncallx r3\nexit');
    expect(fault.code).toBe('bad-function-pointer');
    expect(fault.message).toBe('0x1004 in r3 is no function of this program');
  });

  it('is no part of the loads that may miss: those read zeros', () => {
    const text = `r1 = 8
r0 = *(u64 *)(r1 + 0)
r2 = -1
r3 = *(s32 *)(r2 + 0)
r0 += r3
*(u8 *)(r10 - 1) = 0x81
r4 = *(s8 *)(r10 - 1)
r0 += r4
exit`;
    const plain = program(text);
    const interpreter = new Interpreter(memory, helperTable());
    interpreter.start(plain);
    expect(interpreter.run()).toMatchObject({ kind: 'faulted', fault: { code: 'invalid-read' } });
    interpreter.start({ ...plain, probeLoads: new Set([1, 3, 6]) });
    expect(interpreter.run()).toEqual({ kind: 'exited', r0Low: -127, r0High: -1 });
    interpreter.dispose();
  });
});
