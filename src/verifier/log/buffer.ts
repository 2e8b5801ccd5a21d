/** The text of a log, which can be cut back to an earlier position, and has a greatest size. */
export class LogBuffer {
  private readonly parts: string[] = [];
  private readonly size: number;
  private end = 0;
  /** Something did not fit and was dropped. */
  truncated = false;

  constructor(size: number) {
    this.size = size;
  }

  /** Characters so far; those that were dropped count. */
  get length(): number {
    return this.end;
  }

  add(text: string): void {
    this.end += text.length;
    if (this.end > this.size) this.truncated = true;
    else this.parts.push(text);
  }

  /** Goes back to an earlier length. */
  reset(length: number): void {
    while (this.end > length) {
      const last = this.truncated ? undefined : this.parts.pop();
      if (last === undefined) {
        this.end = length;
        return;
      }
      this.end -= last.length;
      if (this.end < length) {
        const kept = last.slice(0, length - this.end);
        this.parts.push(kept);
        this.end += kept.length;
        return;
      }
    }
  }

  toString(): string {
    return this.parts.join('');
  }
}
