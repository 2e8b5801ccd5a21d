/** The part of elfy 1.0.0 that the box uses (node_modules/elfy/lib/elfy/parser.js); the package brings no types. */
declare module 'elfy' {
  /** What elfy needs of Node's Buffer. */
  interface ElfyInput {
    readonly length: number;
    readonly [index: number]: number;
    slice(start: number, end: number): ElfyInput;
    toString(): string;
    readUInt16LE(offset: number): number;
    readUInt16BE(offset: number): number;
    readUInt32LE(offset: number): number;
    readUInt32BE(offset: number): number;
  }

  interface ElfySection<Input extends ElfyInput> {
    readonly name: string;
    readonly addr: number;
    readonly off: number;
    readonly size: number;
    readonly link: number;
    readonly info: number;
    readonly data: Input;
  }

  interface ElfyFile<Input extends ElfyInput> {
    readonly endian: 'lsb' | 'msb';
    readonly body: { readonly sections: readonly ElfySection<Input>[] };
  }

  const elfy: { parse<Input extends ElfyInput>(input: Input): ElfyFile<Input> };
  export default elfy;
}
