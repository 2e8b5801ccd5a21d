/** Names of register types in the log. Source: reg_type_str in kernel/bpf/log.c. */
import {
  baseType,
  MEM_PERCPU,
  MEM_RCU,
  MEM_RDONLY,
  MEM_RINGBUF,
  MEM_USER,
  PTR_MAYBE_NULL,
  PTR_TRUSTED,
  PTR_UNTRUSTED,
} from '../../spec/index.ts';
import { PTR_TO_BTF_ID } from '../state/reg-type.ts';

/** By number, see state/reg-type.ts. */
const NAMES: readonly string[] = [
  '?',
  'scalar',
  'ctx',
  'map_ptr',
  'map_value',
  'map_key',
  'fp',
  'pkt_meta',
  'pkt',
  'pkt_end',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'tp_buffer',
  'xdp_sock',
  'ptr_',
  'mem',
  'arena',
  'buf',
  'func',
  'dynptr_ptr',
];

const PREFIXES: readonly (readonly [number, string])[] = [
  [MEM_RDONLY, 'rdonly_'],
  [MEM_RINGBUF, 'ringbuf_'],
  [MEM_USER, 'user_'],
  [MEM_PERCPU, 'percpu_'],
  [MEM_RCU, 'rcu_'],
  [PTR_UNTRUSTED, 'untrusted_'],
  [PTR_TRUSTED, 'trusted_'],
];

/** `map_value_or_null`, `trusted_ptr_` … The name of a BTF pointer's struct follows it. */
export function regTypeName(type: number): string {
  let name = '';
  for (const [flag, prefix] of PREFIXES) if ((type & flag) !== 0) name += prefix;
  name += NAMES[baseType(type)] ?? '?';
  if ((type & PTR_MAYBE_NULL) === 0) return name;
  return name + (baseType(type) === PTR_TO_BTF_ID ? 'or_null_' : '_or_null');
}
