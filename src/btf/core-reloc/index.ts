/** CO-RE: instructions that depend on a kernel's types, adapted to the kernel at hand. */
export { type TypeIn, typesCompatible } from './compat.ts';
export type { CoreInsn } from './patch.ts';
export { applyCoreRelocs, CoreRelocator, type CoreResult, type PoisonedInsn } from './relocate.ts';
