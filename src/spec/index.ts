/** The kernel's interface as data: types and tables, no behaviour. */
export * from './enums.ts';
export * from './helper-types.ts';
export * from './helpers.ts';
export * from './program-types.ts';
