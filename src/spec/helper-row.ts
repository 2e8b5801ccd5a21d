/**
 * Writes the rows of the helper tables: flags that are off and an int result go without saying.
 */
import type { HelperProto, HelperSpec, HelperValue, TypeWord, UserCondition } from './helper-types.ts';

/** What a row may say beyond id, name and types; flags that are left out are off. */
type ProtoOptions = Partial<Omit<HelperProto, 'ret' | 'args'>>;

/** Writes a row of the table: a prototype, what else is true of it, and what is different for some programs. */
export function helper(
  id: number,
  name: string,
  ret: TypeWord,
  args: readonly TypeWord[],
  options: ProtoOptions & { readonly value?: HelperValue; readonly uncheckedArgs?: number } = {},
  ...variants: readonly (Partial<HelperProto> & { readonly when: UserCondition })[]
): HelperSpec {
  const { value = 'int', uncheckedArgs = 0, ...rest } = options;
  const proto: HelperProto = {
    ret,
    args,
    gplOnly: false,
    pktAccess: false,
    mightSleep: false,
    allowFastcall: false,
    ...rest,
  };
  return {
    id,
    name: `bpf_${name}`,
    proto,
    variants: variants.map(({ when, ...changes }) => ({ when, proto: { ...proto, ...changes } })),
    value,
    uncheckedArgs,
  };
}
