/** What SK_MSG programs do with the message that is being sent (net/core/filter.c). */
import { Errno } from '../base/errno.ts';
import { HelperFault } from './fault.ts';
import { type FamilyMaker, plain } from './implementation.ts';
import type { MessagePort } from './runtime.ts';

/** Bytes, verdict and redirection of messages. */
export const messageHelpers: FamilyMaker = (runtime) => {
  const messageOf = (helper: string): MessagePort => {
    const message = runtime.message();
    if (message !== undefined) return message;
    const { name } = runtime.runningProgram();
    throw new HelperFault('helper-no-packet', `${helper} needs a message; program '${name}' has none`);
  };

  return {
    bpf_msg_apply_bytes: plain((_context, bytes) => {
      messageOf('bpf_msg_apply_bytes').applyBytes = bytes >>> 0;
      return 0;
    }),

    bpf_msg_cork_bytes: plain((_context, bytes) => {
      messageOf('bpf_msg_cork_bytes').corkBytes = bytes >>> 0;
      return 0;
    }),

    bpf_msg_pull_data: plain((_context, from, _fromHi, to, _toHi, flagsLo, flagsHi) => {
      const message = messageOf('bpf_msg_pull_data');
      return (flagsLo | flagsHi) !== 0 ? -Errno.EINVAL : message.pull(from >>> 0, to >>> 0);
    }),

    bpf_msg_push_data: plain((_context, at, _atHi, count, _countHi, flagsLo, flagsHi) => {
      const message = messageOf('bpf_msg_push_data');
      return (flagsLo | flagsHi) !== 0 ? -Errno.EINVAL : message.push(at >>> 0, count >>> 0);
    }),

    bpf_msg_pop_data: plain((_context, at, _atHi, count, _countHi, flagsLo, flagsHi) => {
      const message = messageOf('bpf_msg_pop_data');
      return (flagsLo | flagsHi) !== 0 ? -Errno.EINVAL : message.pop(at >>> 0, count >>> 0);
    }),
  };
};
