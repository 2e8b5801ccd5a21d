/** Linear memory and the engines that run programs in it. */
export * from './abi.ts';
export {
  type AllocateOptions,
  DEFAULT_RED_ZONE,
  FIRST_ADDRESS,
  Memory,
  type MemoryOptions,
} from './memory.ts';
export {
  type Access,
  describeRegion,
  describeRelation,
  type Region,
  type RegionElements,
  type RegionKind,
} from './regions.ts';
