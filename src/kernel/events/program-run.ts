/** What events tell of the programs that they ran. */
/** One program that an event ran. */
export interface ProgramRun {
  readonly program: string;
  readonly hook: string;
  readonly r0: bigint;
  /** r0 as a C int. */
  readonly retval: number;
}
