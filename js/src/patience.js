/** Notices when something takes long. */

export class Patience {
  #milliseconds;
  #onlate;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  late = false;

  /**
   * @param {number} milliseconds
   * @param {() => void} onlate
   */
  constructor(milliseconds, onlate) {
    this.#milliseconds = milliseconds;
    this.#onlate = onlate;
  }

  /** @param {boolean} waiting Whether it is still waited for; it may be told as often as one likes. */
  watch(waiting) {
    if (!waiting) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.late = false;
    }
    if (!waiting || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.late = true;
      this.#onlate();
    }, this.#milliseconds);
  }
}
