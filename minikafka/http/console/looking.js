// What the feed does not tell is asked for: when it says that something has moved, and not more
// often than people read.

const LEAST_MS = 1_000;

/** Looks when there may be something new, one look at a time. */
export class Looker {
  #work;
  #failed;
  #busy = false;
  #again = false;
  #next = 0;

  /** work() asks and draws; failed(error) is told of what is refused. */
  constructor(work, failed) {
    this.#work = work;
    this.#failed = failed;
  }

  look() {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    const wait = Math.max(0, this.#next - performance.now());
    setTimeout(() => this.#run(), wait);
  }

  async #run() {
    this.#again = false;
    this.#next = performance.now() + LEAST_MS;
    try {
      await this.#work();
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
    if (this.#again && !document.hidden) this.look();
  }
}
