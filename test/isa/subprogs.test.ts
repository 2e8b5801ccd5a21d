/** Functions inside a program: where they start, and pointers to them. */
import { describe, expect, it } from 'vitest';
import { assemble, decodeProgram, linkFunctionPointers, subprogStarts } from '../../src/isa/index.ts';

const raws = assemble(`
  r2 = callback ll
  call fn
  r1 = 4 ll
  exit
callback:
  exit
fn:
  call fn
  exit`);

describe('linkFunctionPointers', () => {
  it('turns distances to functions into slots, and leaves constants alone', () => {
    const linked = linkFunctionPointers(raws);
    expect([raws[0]?.imm, linked[0]?.imm]).toEqual([5, 6]);
    expect(linked.slice(1)).toEqual(raws.slice(1));
  });
});

describe('subprogStarts', () => {
  it('finds every function that is called or pointed to, once, in order', () => {
    expect(subprogStarts(decodeProgram(linkFunctionPointers(raws)))).toEqual([0, 6, 7]);
  });

  it('leaves out what lies outside the program', () => {
    expect(subprogStarts(decodeProgram(assemble('call pc+9\ncall pc-9\nexit')))).toEqual([0]);
  });
});
