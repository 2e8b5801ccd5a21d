/** Object files turned into inert specifications: maps, linked programs, data sections, externs. */
export type * from './object-spec.ts';
