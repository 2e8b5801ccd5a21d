/** Control flow of programs: basic blocks, dominators, loops, structured form, DOT. */
export { BlockFinder, buildCfg, type Cfg, jumpTarget, NO_BLOCK, OFF_END } from './blocks.ts';
export { addDispatchers, type Dispatch } from './dispatch.ts';
export { type Dominators, dominates, dominators, subtreeSize } from './dominators.ts';
export { type InsnText, type NamedFunction, programToDot, toDot } from './dot.ts';
export { type DepthFirst, depthFirst, type FlowGraph, graphOf, reversed } from './graph.ts';
export { findLoops, type Loops } from './loops.ts';
export { analyzeFlow, type ControlSink, type Flow, structure } from './structure.ts';
