/** Object files turned into inert specifications: maps, linked programs, data sections, externs. */
export { type KconfigValue, kconfigContent } from './kconfig.ts';
export type * from './object-spec.ts';
export { type OpenOptions, openObject } from './open.ts';
export { ringBufferSize } from './ring-size.ts';
export {
  BPF_F_SLEEPABLE,
  BPF_F_XDP_HAS_FRAGS,
  nearestSectionName,
  programMeaning,
  SECTION_NAMES,
  type SectionMeaning,
  sectionMeaning,
} from './section-names.ts';
