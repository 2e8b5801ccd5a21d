/** All scenarios, in the order in which the kernel was asked. */
import type { Scenario } from '../scenario.ts';
import { CGROUPS } from './cgroups.ts';
import { FLOWS } from './flows.ts';
import { ITERATORS } from './iterators.ts';
import { MAPS } from './maps.ts';
import { PLACES } from './places.ts';
import { PROGRAMS } from './programs.ts';
import { RULES } from './rules.ts';
import { SOCKET_MAPS } from './socket-maps.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...RULES,
  ...MAPS,
  ...PROGRAMS,
  ...PLACES,
  ...ITERATORS,
  ...CGROUPS,
  ...FLOWS,
  ...SOCKET_MAPS,
];
