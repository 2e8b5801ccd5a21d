/** All scenarios, in the order in which the kernel was asked. */
import type { Scenario } from '../scenario.ts';
import { CGROUP_PLACES } from './cgroup-places.ts';
import { CGROUPS } from './cgroups.ts';
import { FLOWS } from './flows.ts';
import { ITERATORS } from './iterators.ts';
import { MAPS } from './maps.ts';
import { NETWORK_PLACES } from './network-places.ts';
import { PLACES } from './places.ts';
import { PROGRAMS } from './programs.ts';
import { RULES } from './rules.ts';
import { SOCKET_MAPS } from './socket-maps.ts';
import { TYPES } from './types.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...RULES,
  ...MAPS,
  ...PROGRAMS,
  ...PLACES,
  ...CGROUP_PLACES,
  ...NETWORK_PLACES,
  ...TYPES,
  ...ITERATORS,
  ...CGROUPS,
  ...FLOWS,
  ...SOCKET_MAPS,
];
