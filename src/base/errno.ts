/**
 * Linux error numbers (include/uapi/asm-generic/errno-base.h, errno.h, and the kernel-internal ENOTSUPP), in both
 * directions. Kernel-side code returns them negated; `SyscallError` carries the positive number.
 */
import { BpfError, type Place } from './errors.ts';

/** Errno by name, positive, as in the kernel's headers. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOSPC: 28,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  ENOLINK: 67,
  EPROTO: 71,
  EOVERFLOW: 75,
  EBADFD: 77,
  EILSEQ: 84,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  ENETUNREACH: 101,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
  ESTALE: 116,
  ENOPARAM: 519,
  ENOTSUPP: 524,
} as const;

/** `EINVAL` and so on. */
export type ErrnoName = keyof typeof Errno;

const names = new Map<number, ErrnoName>(
  (Object.keys(Errno) as ErrnoName[]).map((name) => [Errno[name], name]),
);

/** The name of a (positive or negated) errno, or `errno N` when it has none here. */
export function errnoName(value: number): string {
  return names.get(Math.abs(value)) ?? `errno ${Math.abs(value)}`;
}

/** A simulated system call, or an operation that stands for one, that failed with an errno. */
export class SyscallError extends BpfError {
  /** Positive error number. */
  readonly errno: number;

  constructor(errno: number, message: string, place: Place = {}) {
    super(errnoName(errno), `${message} (${errnoName(errno)})`, place);
    this.errno = errno;
  }
}
