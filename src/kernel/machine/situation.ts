/** The circumstances of a run: where, for whom, about what. */
import type {
  CgroupRun,
  EventSocket,
  MessagePort,
  PacketPort,
  SocketChoice,
  TracedEvent,
} from '../../helpers/index.ts';
import type { Task } from './tasks.ts';

/** The circumstances of a run. */
export interface Situation {
  readonly cpu: number;
  readonly task: Task;
  readonly packet?: PacketPort;
  /** The message that an SK_MSG program decides about. */
  readonly message?: MessagePort;
  /** The socket that the event is about, where it is no packet. */
  readonly socket?: EventSocket;
  /** What the program says of sockets. */
  readonly choice?: SocketChoice;
  readonly event?: TracedEvent;
  /** The event of a cgroup that its programs are asked about. */
  readonly cgroupRun?: CgroupRun;
  readonly stacks?: CallStacks;
}

/** Call stacks of an event, innermost frame first, as pairs of 32-bit halves. */
export interface CallStacks {
  readonly kernel: Uint32Array;
  readonly user: Uint32Array;
}
