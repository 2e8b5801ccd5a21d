/** Licences that let a program call GPL-only helpers (include/linux/license.h). */
const GPL_COMPATIBLE: ReadonlySet<string> = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
]);

/** Whether a program of this licence may call GPL-only helpers (license_is_gpl_compatible). */
export function isGplCompatible(license: string): boolean {
  return GPL_COMPATIBLE.has(license);
}
