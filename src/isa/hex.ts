/** A byte as two hexadecimal digits. */
export function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
