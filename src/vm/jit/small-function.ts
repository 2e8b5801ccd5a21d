/** Writes the few functions of a module that are not BPF functions: entries for JavaScript, lookups in maps. */
import { ByteWriter } from '../wasm/bytes.ts';
import type { FunctionBody } from '../wasm/module.ts';
import { Type, W } from '../wasm/opcodes.ts';

/** Begin with the declarations of locals: count of groups, then for each how many and of which type. */
export class SmallFunction {
  readonly out = new ByteWriter(128);

  op(...bytes: readonly number[]): this {
    for (const byte of bytes) this.out.u8(byte);
    return this;
  }

  i32(value: number): this {
    this.out.u8(W.I32_CONST);
    this.out.s32(value);
    return this;
  }

  /** Access to an address that is known. */
  at(opcode: number, address: number): this {
    this.out.u8(opcode);
    this.out.u8(0);
    this.out.u32(address);
    return this;
  }

  call(index: number): this {
    this.out.u8(W.CALL);
    this.out.u32(index);
    return this;
  }

  /** The finished function, which gives a 32-bit number. */
  body(name: string, parameters: number): FunctionBody {
    this.op(W.END);
    const params = new Array<number>(parameters).fill(Type.I32);
    return { name, signature: { params, result: Type.I32 }, code: this.out.written() };
  }

  /** The same for a function that JavaScript calls. */
  entry(exportAs: string, name: string, parameters: number): FunctionBody {
    return { ...this.body(name, parameters), exportAs };
  }
}
