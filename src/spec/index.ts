/** The kernel's interface as data: types and tables, no behaviour. */

export * from './attach-targets.ts';
export * from './bpf-attr.ts';
export * from './enums.ts';
export * from './helper-types.ts';
export * from './helpers.ts';
export * from './kernel-structs.ts';
export * from './map-helpers.ts';
export * from './program-types.ts';
