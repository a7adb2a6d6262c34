import { Counter } from './counts.js';

/** What is left to be injected of each fault, and how often each was: calls, or entries where those are what is counted. */
export class FaultBudgets<Fault extends string> {
  readonly injected = new Counter<Fault>();
  readonly #left = new Map<Fault, number>();

  set(fault: Fault, count: number): void {
    this.#left.set(fault, count);
  }

  /** How much of `wanted` the fault's budget pays for; counted as injected. */
  spend(fault: Fault, wanted: number): number {
    const budget = this.#left.get(fault) ?? 0;
    const spent = Math.min(budget, wanted);
    if (spent === 0) return 0;
    this.#left.set(fault, budget - spent);
    this.injected.add(fault, spent);
    return spent;
  }

  clear(): void {
    this.#left.clear();
  }
}
