/** The prototype by which a helper call of this program is checked. */
import { type HelperProto, helperById, helperName, helperProto } from '../../spec/index.ts';
import type { Env } from '../env.ts';

/** The helper's prototype, or undefined if this program may not call it (get_helper_proto). */
export function helperOf(env: Env, id: number): HelperProto | undefined {
  const spec = env.helpers.has(id) ? helperById(id) : undefined;
  const { type, attachType } = env.input;
  return spec && helperProto(spec, { type, attachType, sleepable: env.sleepable });
}

/** A helper's name as the log prints it: there is none with id 0, but a name for it. */
export function helperText(id: number): string {
  return id === 0 ? 'bpf_unspec' : (helperName(id) ?? 'unknown');
}
