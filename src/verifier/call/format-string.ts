/** The format strings of bpf_snprintf, checked when the program is loaded. Source: bpf_bprintf_prepare in kernel/bpf/helpers.c. */

/** Whether a format is well-formed and has at most this many conversions. */
export function isValidFormat(format: Uint8Array, maxArgs: number): boolean {
  const text = String.fromCharCode(...format);
  let args = 0;
  for (let i = 0; i < text.length; i++) {
    if (!/[\x20-\x7e\s]/.test(text[i]!) || text.charCodeAt(i) > 0x7f) return false;
    if (text[i] !== '%') continue;
    if (text[i + 1] === '%') {
      i++;
      continue;
    }
    if (args >= maxArgs) return false;
    args++;
    const conversion = CONVERSION.exec(text.slice(i + 1));
    if (conversion === null) return false;
    i += conversion[0].length;
  }
  return true;
}

/** Width, then: a pointer in one of its forms, a kernel or user string, a number, a character. */
const CONVERSION =
  /^[0+\- ]*(?:[1-9][0-9]*)?(?:p[ku]s|pi[46]|pI[46]|p[KxsSB]|p(?=$|[\s!-/:-@[-`{-~])|s|c|l{0,2}[iduxX])/;
