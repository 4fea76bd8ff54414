// What this page has seen of each queue: for charts, and for rates between two moments.

const MOST_SAMPLES = 60;
const MOST_QUEUES = 2_000;
// Rates are taken over this time at least, so that they do not jump.
const RATE_MS = 8_000;

export class Samples {
  #queues = new Map();

  // Add what was read at a time of the store, in ms. `sent` counts all messages that the queue ever got.
  add(key, { readMs, depth, sent }) {
    const found = this.#queues.get(key) ?? [];
    const last = found.at(-1);
    if (last && last.readMs >= readMs) return;
    if (last && last.sent > sent) found.length = 0; // another queue of the same name
    found.push({ readMs, depth, sent });
    if (found.length > MOST_SAMPLES) found.shift();
    this.#queues.delete(key);
    this.#queues.set(key, found);
    if (this.#queues.size > MOST_QUEUES) this.#queues.delete(this.#queues.keys().next().value);
  }

  depths(key) {
    return (this.#queues.get(key) ?? []).map(one => one.depth);
  }

  // Messages per second that came and that left; null before there are two samples.
  rates(key) {
    const found = this.#queues.get(key) ?? [];
    const last = found.at(-1);
    if (found.length < 2) return null;
    const first = found.findLast(one => last.readMs - one.readMs >= RATE_MS) ?? found[0];
    const seconds = (last.readMs - first.readMs) / 1000;
    const came = last.sent - first.sent;
    return { in: came / seconds, out: Math.max(0, came - (last.depth - first.depth)) / seconds };
  }
}
