/**
 * Said once: the daemon steps down. An AbortSignal would do, but it walks through all its listeners for each that comes
 * or goes: with 20,000 waiters that is 50 microseconds each time.
 */
export class StepDown {
  private readonly listeners = new Set<() => void>();
  private said = false;

  get begun(): boolean {
    return this.said;
  }

  /** How many would hear of it: to see that nothing leaks. */
  get audience(): number {
    return this.listeners.size;
  }

  begin(): void {
    if (this.said) return;
    this.said = true;
    for (const listener of [...this.listeners]) listener();
    this.listeners.clear();
  }

  /** Calls back once it begins, or very soon if it has begun. The answer cancels that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    if (this.said) queueMicrotask(() => this.listeners.delete(listener) && listener());
    return () => this.listeners.delete(listener);
  }
}
