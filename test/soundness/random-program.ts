/**
 * Random programs that the verifier mostly accepts: arithmetic of all kinds, branches, bounded loops, spills, map values, packets, helpers,
 * static functions, callbacks, linked scalars. r6 is the context, r7 a map value, r8 a packet pointer with MIN_PACKET bytes, r9 a
 * loop's counter; r0 to r5 are numbers. One seed makes one program.
 */
import type { RawInsn } from '../../src/isa/index.ts';
import { Random } from './random.ts';
import { DATA_FD, KTIME, LOOKUP, LOOP, MAP_FD, PRANDOM, VALUE_SIZE } from './world.ts';

/** Bytes of the packet that r8 may access. */
const MIN_PACKET = 16;
/** Bytes of stack that numbers are spilled to, from fp-8 down; below are a key, pointers, and the callbacks' context. */
const SPILL_BYTES = 64;
const KEY_AT = -72;
const POINTER_AT = -80;
const CALLBACK_AT = -88;

const CTX = 6;
const VALUE = 7;
const PACKET = 8;
const COUNTER = 9;
const FP = 10;
const NUMBERS = [0, 1, 2, 3, 4, 5];

const OPS = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
  arsh: 0xc0,
} as const;
const COMPARISONS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const SIZES = [0x10, 0x08, 0x00, 0x18];
const BYTES: Readonly<Record<number, number>> = { 16: 1, 8: 2, 0: 4, 24: 8 };

/** A random program of the seed. */
export function randomProgram(seed: number): RawInsn[] {
  return new Generator(new Random(seed)).program();
}

/** Kinds of functions: what may be used in them. */
type Place = 'main' | 'function' | 'callback';

class Generator {
  private readonly random: Random;
  private readonly insns: RawInsn[] = [];
  private readonly calls: { readonly at: number; readonly callee: number }[] = [];
  private readonly functions: { readonly place: Place; start: number }[] = [];
  private place: Place = 'main';
  private inLoop = false;

  constructor(random: Random) {
    this.random = random;
  }

  program(): RawInsn[] {
    this.main();
    for (let i = 0; i < this.functions.length && i < 4; i++) this.function(i);
    for (const { at, callee } of this.calls) {
      const target = this.functions[Math.min(callee, 3)]!.start;
      this.insns[at] = { ...this.insns[at]!, imm: target - at - 1 };
    }
    return this.insns;
  }

  private emit(opcode: number, dst: number, src = 0, offset = 0, imm = 0): number {
    return this.insns.push({ opcode, dst, src, offset, imm }) - 1;
  }

  private move(dst: number, imm: number): void {
    this.emit(0xb7, dst, 0, 0, imm);
  }

  private copy(dst: number, src: number): void {
    this.emit(0xbf, dst, src);
  }

  private number(): number {
    return this.random.pick(NUMBERS);
  }

  private imm(): number {
    const { random } = this;
    return random.oneIn(2)
      ? random.pick([0, 1, -1, 2, 7, 8, 15, 16, 63, 64, 255, 256, 0xffff, 0x7fffffff, -0x80000000, -2])
      : random.word() | 0;
  }

  /** A jump whose target is the next instruction to be emitted. */
  private land(at: number): void {
    this.insns[at] = { ...this.insns[at]!, offset: this.insns.length - at - 1 };
  }

  private main(): void {
    this.functions.length = 0;
    this.copy(CTX, 1);
    this.directValue(VALUE, 0);
    this.emit(0x61, 2, CTX, 0);
    this.emit(0x61, 3, CTX, 4);
    this.copy(PACKET, 2);
    this.copy(4, 2);
    this.emit(0x07, 4, 0, 0, MIN_PACKET);
    const short = this.emit(0x2d, 4, 3);
    this.refresh(NUMBERS);
    this.fillStack();
    this.body(this.random.between(3, 14), 0);
    this.land(short);
    this.move(0, 2);
    this.emit(0x95, 0);
  }

  private function(index: number): void {
    const one = this.functions[index]!;
    one.start = this.insns.length;
    this.place = one.place;
    this.inLoop = false;
    if (one.place === 'callback') {
      this.copy(VALUE, 2);
      this.copy(0, 1);
      this.emit(0x79, 2, VALUE, 0);
    } else this.move(0, this.imm());
    this.refresh([3, 4, 5]);
    this.fillStack();
    this.body(this.random.between(1, 5), 1);
    if (one.place === 'callback') {
      this.emit(0x7b, VALUE, this.number(), 0);
      this.emit(0x57, 0, 0, 0, 1);
    }
    this.emit(0x95, 0);
  }

  /** New numbers in registers: constants, loads, copies. */
  private refresh(regs: readonly number[]): void {
    for (const reg of regs) {
      const { random } = this;
      switch (this.place === 'main' ? random.below(4) : 0) {
        case 0:
          this.move(reg, this.imm());
          break;
        case 1:
          this.emit(0x61, reg, CTX, 12 + 4 * random.below(2));
          break;
        case 2:
          this.load(reg, VALUE, VALUE_SIZE);
          break;
        default:
          this.load(reg, PACKET, MIN_PACKET);
      }
    }
  }

  /** A load of a random size from the first bytes behind a pointer, sign-extending or not. */
  private load(dst: number, base: number, bytes: number): void {
    const size = this.random.pick(SIZES);
    const signed = size !== 0x18 && this.random.oneIn(3);
    const offset = this.random.below(bytes / BYTES[size]!) * BYTES[size]!;
    this.emit((signed ? 0x80 : 0x60) | size | 0x01, dst, base, offset);
  }

  private fillStack(): void {
    for (let at = 8; at <= SPILL_BYTES; at += 8)
      if (this.random.oneIn(2)) this.emit(0x7b, FP, this.place === 'main' ? this.number() : 0, -at);
      else this.emit(0x7a, FP, 0, -at, this.random.oneIn(2) ? 0 : this.imm());
    this.emit(0x7a, FP, 0, CALLBACK_AT, this.imm());
  }

  private body(pieces: number, depth: number): void {
    for (let i = 0; i < pieces; i++) this.piece(depth);
  }

  private piece(depth: number): void {
    const { random, place } = this;
    const which = random.below(24);
    if (which < 6) this.arithmetic();
    else if (which < 9) this.spillAndFill();
    else if (which < 13) depth < 4 ? this.branch(depth) : this.arithmetic();
    else if (which < 14) this.linked(depth);
    else if (which < 16) this.variableAccess();
    else if (which === 16) this.inLoop || depth > 2 ? this.arithmetic() : this.loop(depth);
    else if (which === 17) this.helper(random.pick([KTIME, PRANDOM]));
    else if (place !== 'main') this.arithmetic();
    else if (which === 18) this.lookup(depth);
    else if (which === 19) this.spillPointer();
    else if (which === 20) this.packet();
    else if (which === 21) this.atomic();
    else if (which === 22) this.call();
    else depth < 2 ? this.callback() : this.arithmetic();
  }

  private arithmetic(): void {
    for (let i = this.random.between(1, 4); i > 0; i--) this.operation();
  }

  private operation(): void {
    const { random } = this;
    const dst = this.number();
    const src = this.number();
    const opcodeClass = random.oneIn(2) ? 7 : 4;
    switch (random.below(9)) {
      case 0:
        this.emit(0x80 | opcodeClass, dst);
        return;
      case 1:
        this.emit(random.pick([0xd4, 0xdc, 0xd7]), dst, 0, 0, random.pick([16, 32, 64]));
        return;
      case 2:
        this.emit(0xb8 | opcodeClass, dst, src, random.pick(opcodeClass === 7 ? [0, 8, 16, 32] : [0, 8, 16]));
        return;
      case 3:
        this.emit(0xb0 | opcodeClass, dst, 0, 0, this.imm());
        return;
    }
    const name = random.pick(Object.keys(OPS) as (keyof typeof OPS)[]);
    const signed = (name === 'div' || name === 'mod') && random.oneIn(2) ? 1 : 0;
    if (random.oneIn(2)) {
      this.emit(OPS[name] | 0x08 | opcodeClass, dst, src, signed);
      return;
    }
    const shift = name === 'lsh' || name === 'rsh' || name === 'arsh';
    const imm = shift ? random.below(opcodeClass === 7 ? 64 : 32) : this.imm();
    this.emit(OPS[name] | opcodeClass, dst, 0, signed, name === 'div' || name === 'mod' ? imm || 1 : imm);
  }

  private spillAndFill(): void {
    const { random } = this;
    for (let i = random.between(1, 3); i > 0; i--) {
      const size = random.pick([0x18, 0x18, 0x18, ...SIZES]);
      const offset = -BYTES[size]! * random.between(1, SPILL_BYTES / BYTES[size]!);
      if (random.oneIn(2)) this.emit(0x63 | size, FP, this.number(), offset);
      else if (random.oneIn(3)) this.emit(0x62 | size, FP, 0, offset, random.oneIn(2) ? 0 : this.imm());
      // Not sign-extending: there Linux itself is wrong, see kernel-holes.test.ts.
      else this.emit(0x61 | size, this.number(), FP, offset);
    }
  }

  private compare(): number {
    const { random } = this;
    const op = random.pick(COMPARISONS) | (random.oneIn(2) ? 5 : 6);
    return random.oneIn(2)
      ? this.emit(op | 0x08, this.number(), this.number())
      : this.emit(op, this.number(), 0, 0, this.imm());
  }

  private branch(depth: number): void {
    const skip = this.compare();
    this.body(this.random.between(1, 2), depth + 1);
    if (this.random.oneIn(2)) {
      const end = this.emit(0x05, 0);
      this.land(skip);
      this.body(1, depth + 1);
      this.land(end);
    } else this.land(skip);
  }

  /** Copies and sums of one number, compared through one of them. */
  private linked(depth: number): void {
    const [a, b] = [this.number(), this.number()];
    this.emit(this.random.oneIn(3) ? 0xbc : 0xbf, a, b);
    if (this.random.oneIn(2)) this.emit(0x07, a, 0, 0, this.random.between(0, 100));
    if (this.random.oneIn(2)) this.emit(0x7b, FP, b, -8 * this.random.between(1, 8));
    this.branch(Math.min(depth, 4));
  }

  /** A number that is cut to a few bits, as an offset from some pointer. */
  private variableAccess(): void {
    const { random } = this;
    const [a, b] = random.oneIn(2) ? [1, 2] : [3, 4];
    const base = this.place === 'main' ? random.pick([FP, VALUE]) : FP;
    // The stack must be accessed aligned.
    if (base === FP) this.emit(0x57, a, 0, 0, random.pick([8, 24, 56]));
    else if (random.oneIn(2)) this.emit(0x57, a, 0, 0, random.pick([7, 15, 31, 56]));
    else {
      this.emit(0x57, a, 0, 0, 0xff);
      const small = this.emit(0xa5, a, 0, 0, random.between(1, VALUE_SIZE - 8));
      this.move(a, random.below(8));
      this.land(small);
    }
    this.copy(b, base);
    this.emit(0x0f, b, a);
    const offset = base === FP ? -SPILL_BYTES : 0;
    const size = random.pick(SIZES);
    if (random.oneIn(2)) this.emit(0x61 | size, b, b, offset);
    else {
      this.emit(0x63 | size, b, 5, offset);
      this.move(b, this.imm());
    }
  }

  private loop(depth: number): void {
    this.inLoop = true;
    this.move(COUNTER, 0);
    const start = this.insns.length;
    this.body(this.random.between(1, 2), depth + 2);
    this.emit(0x07, COUNTER, 0, 0, this.random.between(1, 3));
    if (this.random.oneIn(2)) this.copy(this.number(), COUNTER);
    this.emit(0xa5, COUNTER, 0, start - this.insns.length - 1, this.random.between(2, 12));
    this.inLoop = false;
  }

  private helper(id: number): void {
    this.emit(0x85, 0, 0, 0, id);
    this.refresh([1, 2, 3, 4, 5]);
  }

  private directValue(dst: number, offset: number): void {
    this.emit(0x18, dst, 2, 0, DATA_FD);
    this.emit(0, 0, 0, 0, offset);
  }

  private lookup(depth: number): void {
    const { random } = this;
    if (random.oneIn(2)) this.emit(0x63, FP, this.number(), KEY_AT);
    else this.emit(0x62, FP, 0, KEY_AT, random.below(6));
    this.copy(2, FP);
    this.emit(0x07, 2, 0, 0, KEY_AT);
    this.emit(0x18, 1, 1, 0, MAP_FD);
    this.emit(0, 0);
    this.emit(0x85, 0, 0, 0, LOOKUP);
    this.refresh([1, 2, 3, 4, 5]);
    const missing = this.emit(0x15, 0, 0, 0, 0);
    if (random.oneIn(3)) this.copy(VALUE, 0);
    this.emit(0x7b, 0, this.random.between(1, 5), 8 * random.below(VALUE_SIZE / 8));
    this.load(random.between(1, 5), 0, VALUE_SIZE);
    if (depth < 2) this.move(0, this.imm());
    this.land(missing);
    this.move(0, this.imm());
  }

  private spillPointer(): void {
    const reg = this.random.pick([CTX, VALUE, PACKET]);
    this.emit(0x7b, FP, reg, POINTER_AT);
    this.move(reg, this.imm());
    this.arithmetic();
    this.emit(0x79, reg, FP, POINTER_AT);
  }

  /** Reads behind a checked distance, fixed and variable, from the start of the packet. */
  private packet(): void {
    const { random } = this;
    this.emit(0x61, 2, CTX, 0);
    this.emit(0x61, 3, CTX, 4);
    const variable = random.oneIn(2);
    if (variable) {
      this.emit(0x71, 4, PACKET, random.below(MIN_PACKET));
      this.emit(0x57, 4, 0, 0, 63);
      this.emit(0x0f, 2, 4);
    }
    const bytes = random.between(1, 40);
    this.copy(5, 2);
    this.emit(0x07, 5, 0, 0, bytes);
    const short = this.emit(random.pick([0x2d, 0x3d]), 5, 3);
    this.emit(0x71, 1, 2, random.below(bytes));
    this.emit(0x73, 2, 1, random.below(bytes));
    this.land(short);
    this.refresh([1, 2, 3, 4, 5]);
  }

  private atomic(): void {
    const { random } = this;
    const base = random.pick([FP, VALUE]);
    const operation = random.pick([0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1]);
    const size = random.oneIn(2) ? 0x18 : 0x00;
    const slot = 8 * random.between(1, 8);
    this.emit(0xc3 | size, base, random.between(1, 5), base === FP ? -slot : slot - 8, operation);
  }

  private call(): void {
    this.calls.push({ at: this.emit(0x85, 0, 1), callee: this.functionOf('function') });
    this.refresh([1, 2, 3, 4, 5]);
  }

  private callback(): void {
    this.copy(3, FP);
    this.emit(0x07, 3, 0, 0, CALLBACK_AT);
    // The same on all paths: where they differ, Linux itself is wrong, see kernel-holes.test.ts.
    this.move(1, this.random.below(6));
    const callee = this.functionOf('callback');
    this.calls.push({ at: this.emit(0x18, 2, 4), callee });
    this.emit(0, 0);
    this.move(4, 0);
    this.emit(0x85, 0, 0, 0, LOOP);
    this.refresh([1, 2, 3, 4, 5]);
    this.emit(0x79, this.random.between(1, 5), FP, CALLBACK_AT);
  }

  /** A function of this kind: one that there is, or a new one. */
  private functionOf(place: Place): number {
    const known = this.functions.findIndex((one) => one.place === place);
    if (known >= 0 && (this.functions.length >= 4 || this.random.oneIn(2))) return known;
    return this.functions.push({ place, start: 0 }) - 1;
  }
}
