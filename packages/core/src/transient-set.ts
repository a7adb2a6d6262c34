/** Where a value stands in a {@link TransientSet}. */
export interface Place<T> {
  /** What was added. */
  readonly value: T;
  /** The place before it, for the set's own use. */
  previous: Place<T> | undefined;
  /** The place after it, for the set's own use. */
  next: Place<T> | undefined;
}

/** A class, because one is made for every message: `TransientMap` says why. */
class SetPlace<T> implements Place<T> {
  readonly value: T;
  previous: Place<T> | undefined;
  next: Place<T> | undefined = undefined;

  constructor(value: T, previous: Place<T> | undefined) {
    this.value = value;
    this.previous = previous;
  }
}

/** A set, in order, for what comes and goes all the time; a `Set` is dear there, as a `Map` is ({@link TransientMap} says why). */
export class TransientSet<T> {
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;
  #size = 0;

  /** Values now in it. */
  get size(): number {
    return this.#size;
  }

  /** The place that has been there for longest; undefined in an empty set. */
  get first(): Place<T> | undefined {
    return this.#first;
  }

  /** Adds a value at the end. It is removed by its place. */
  add(value: T): Place<T> {
    const place = new SetPlace(value, this.#last);
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.#size += 1;
    return place;
  }

  /** Removes a value; whether it was still there. */
  delete(place: Place<T>): boolean {
    const { previous, next } = place;
    if (previous === undefined && this.#first !== place) return false;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // A place that has grown old must not keep those that were beside it.
    place.previous = undefined;
    place.next = undefined;
    this.#size -= 1;
    return true;
  }

  /** The places as they are now, in the order in which they were added. */
  places(): Place<T>[] {
    const places: Place<T>[] = [];
    for (let place = this.#first; place !== undefined; place = place.next) places.push(place);
    return places;
  }

  /** The values as they are now, in the order in which they were added. */
  values(): T[] {
    return this.places().map(({ value }) => value);
  }

  /** Removes all values. */
  clear(): void {
    for (let place = this.#first; place !== undefined; place = this.#first) this.delete(place);
  }
}
