/**
 * LSM hooks as far as an event depends on which one it is (include/linux/lsm_hook_defs.h; their types are those of the kernel's bpf_lsm_
 * functions).
 */
import { Errno } from '../../base/errno.ts';
import { UsageError } from '../../base/errors.ts';
import type { Btf } from '../../btf/index.ts';

const PREFIX = 'bpf_lsm_';

/** What hooks answer when nobody has anything against it, where that is not 0. */
const DEFAULTS: Readonly<Record<string, number>> = {
  fs_context_parse_param: -Errno.ENOPARAM,
  dentry_init_security: -Errno.EOPNOTSUPP,
  inode_init_security: -Errno.EOPNOTSUPP,
  inode_setsecurity: -Errno.EOPNOTSUPP,
  task_prctl: -Errno.ENOSYS,
  setselfattr: -Errno.EOPNOTSUPP,
  secid_to_secctx: -Errno.EOPNOTSUPP,
  inode_getsecctx: -Errno.EOPNOTSUPP,
  socket_getpeersec_stream: -Errno.ENOPROTOOPT,
  socket_getpeersec_dgram: -Errno.ENOPROTOOPT,
  xfrm_state_pol_flow_match: 1,
};

/** An LSM hook. */
export interface LsmHook {
  /** Id of its bpf_lsm_ function in the kernel's types. */
  readonly btfId: number;
  /** It gives no result. */
  readonly isVoid: boolean;
  /** What it answers when no program decides. */
  readonly otherwise: number;
}

/** @throws UsageError `no-such-hook`. */
export function findLsmHook(kernelTypes: readonly Btf[], name: string): LsmHook {
  const [types] = kernelTypes;
  const func = types?.findByName(PREFIX + name, 'func');
  if (types === undefined || func === undefined) {
    const message = `the kernel's types have no LSM hook '${name}', no function '${PREFIX}${name}'`;
    throw new UsageError('no-such-hook', message);
  }
  const proto = types.resolve(func.type);
  return {
    btfId: func.id,
    isVoid: proto.kind === 'func_proto' && proto.returnType === 0,
    otherwise: (Object.hasOwn(DEFAULTS, name) ? DEFAULTS[name] : undefined) ?? 0,
  };
}
