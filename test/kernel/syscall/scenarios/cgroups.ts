/** Programs of cgroups that sockets ask: who runs, in which order, and what the calls answer. */
import { code, type Late, Scenario } from '../scenario.ts';

const ALLOW_OVERRIDE = 1;
const ALLOW_MULTI = 2;

const CGROUP_SOCK = 9;
const CGROUP_SOCK_ADDR = 18;
const SOCK_CREATE = 2;
const BIND4 = 8;
const CONNECT4 = 10;
const CONNECT6 = 11;
const POST_BIND4 = 12;
const GET_RETVAL = 186;
const SET_RETVAL = 187;

const YES = 'r0 = 1\nexit';
const NO = 'r0 = 0\nexit';
/** Adds a digit to the port: port * 10 + digit, so that the port tells who has run. */
const digit = (n: number): string => `
  r2 = *(u32 *)(r1 + 24)
  r2 = be16 r2
  r2 *= 10
  r2 += ${n}
  r2 = be16 r2
  *(u32 *)(r1 + 24) = r2
  r0 = 1
  exit`;
const set = (retval: number, verdict: number): string => `
  r1 = ${retval}
  call ${SET_RETVAL}
  r0 = ${verdict}
  exit`;
/** Says yes to an error of those before it. */
const PARDON = `
  call ${GET_RETVAL}
  if w0 == 0 goto done
  r1 = 0
  call ${SET_RETVAL}
done:
  r0 = 1
  exit`;

interface Place {
  readonly s: Scenario;
  readonly above: Late;
  readonly below: Late;
}

/** Two cgroups, one in the other; the process is in the lower. */
function place(name: string): Place {
  const s = new Scenario(name);
  s.makeDirectory('/sys/fs/cgroup/a');
  s.makeDirectory('/sys/fs/cgroup/a/b');
  s.joinCgroup('/sys/fs/cgroup/a/b');
  return { s, above: s.open('/sys/fs/cgroup/a', 'above'), below: s.open('/sys/fs/cgroup/a/b', 'below') };
}

function leave({ s, above, below }: Place): Scenario {
  s.joinCgroup('/sys/fs/cgroup');
  s.close(above);
  s.close(below);
  s.remove('/sys/fs/cgroup/a/b');
  s.remove('/sys/fs/cgroup/a');
  return s;
}

let programs = 0;
function attach(
  { s }: Place,
  target_fd: Late,
  [prog_type, attach_type]: readonly [type: number, attachType: number],
  source: string,
  attach_flags = ALLOW_MULTI,
): Late {
  const insns = code(source);
  const as = `p${++programs}`;
  const attach_bpf_fd = s.call(
    'BPF_PROG_LOAD',
    {
      prog_type,
      expected_attach_type: attach_type,
      insns,
      insn_cnt: insns.length / 8,
      license: 'GPL',
      prog_name: as,
    },
    { as },
  );
  s.call('BPF_PROG_ATTACH', { target_fd, attach_bpf_fd, attach_type, attach_flags });
  return attach_bpf_fd;
}

const connect4 = [CGROUP_SOCK_ADDR, CONNECT4] as const;

function order(): Scenario {
  const here = place('order of the programs of cgroups');
  const { s, above, below } = here;
  attach(here, above, connect4, digit(1));
  attach(here, above, connect4, digit(2));
  attach(here, below, connect4, digit(3));
  attach(here, below, connect4, digit(4), ALLOW_MULTI | 64);
  const socket = s.socket('s', 'inet', 'dgram');
  s.address('connect', socket, 1);
  s.port('getpeername', socket);
  return leave(here);
}

function override(): Scenario {
  const here = place('programs of cgroups that are overridden');
  const { s, above, below } = here;
  const connect = (name: string): void => {
    const socket = s.socket(name, 'inet', 'dgram');
    s.address('connect', socket, 7);
    s.port('getpeername', socket);
  };
  attach(here, above, connect4, digit(1), ALLOW_OVERRIDE);
  connect('one');
  attach(here, below, connect4, digit(2), ALLOW_OVERRIDE);
  connect('two');
  return leave(here);
}

function answers(): Scenario {
  const here = place('what programs of cgroups answer');
  const { s, above, below } = here;
  const connect = (name: string): void => {
    const socket = s.socket(name, 'inet', 'dgram');
    s.address('connect', socket, 9);
  };
  const rows: readonly (readonly [below: string, above: string])[] = [
    [YES, YES],
    [NO, YES],
    [YES, NO],
    [set(-13, 0), YES],
    [set(-13, 1), YES],
    [set(-13, 0), set(-1, 0)],
    [set(-13, 0), set(-1, 1)],
    [set(-13, 0), PARDON],
    [set(-13, 1), PARDON],
    [NO, PARDON],
    [set(0, 0), YES],
    [set(-4095, 0), YES],
  ];
  rows.forEach(([low, high], i) => {
    const attached: (readonly [Late, Late])[] = [
      [below, attach(here, below, connect4, low)],
      [above, attach(here, above, connect4, high)],
    ];
    connect(`s${i}`);
    for (const [target_fd, attach_bpf_fd] of attached)
      s.call('BPF_PROG_DETACH', { target_fd, attach_bpf_fd, attach_type: CONNECT4 });
  });
  attach(here, below, [CGROUP_SOCK_ADDR, CONNECT6], NO);
  connect('v4');
  s.address('connect', s.socket('v6', 'inet6', 'dgram'), 9);
  return leave(here);
}

function making(): Scenario {
  const here = place('sockets that programs of cgroups refuse');
  const { s, above, below } = here;
  const first = attach(here, below, [CGROUP_SOCK, SOCK_CREATE], NO);
  s.socket('refused', 'inet', 'stream');
  s.socket('refused6', 'inet6', 'dgram');
  s.call('BPF_PROG_DETACH', { target_fd: below, attach_bpf_fd: first, attach_type: SOCK_CREATE });
  attach(
    here,
    below,
    [CGROUP_SOCK, POST_BIND4],
    'r2 = *(u32 *)(r1 + 44)\nr0 = 1\nif r2 != 4444 goto +1\nr0 = 0\nexit',
  );
  const socket = s.socket('s', 'inet', 'stream');
  s.address('bind', socket, 4444);
  s.port('getsockname', socket);
  s.address('bind', socket, 4445);
  s.port('getsockname', socket);
  attach(here, above, [CGROUP_SOCK_ADDR, BIND4], digit(5));
  const other = s.socket('o', 'inet', 'dgram');
  s.address('bind', other, 800);
  s.port('getsockname', other);
  attach(here, below, [CGROUP_SOCK_ADDR, BIND4], 'r0 = 3\nexit');
  attach(here, below, [CGROUP_SOCK_ADDR, BIND4], 'r0 = 2\nexit');
  s.address('bind', s.socket('no', 'inet', 'dgram'), 801);
  return leave(here);
}

export const CGROUPS: readonly Scenario[] = [order(), override(), answers(), making()];
