// Parts of a page that say how things are by now. The server tells that something happened and not what: the part is asked for
// again, at most as often as it says itself, and never while an answer is on its way.

const LEAST_MS = 150;
// Who was refused the stream asks for it again after this.
const AGAIN_MS = 15000;
// What is at work moves without a decision: a part that says so is asked for again as often.
const AT_WORK_MS = 1000;
const AT_WORK = "[data-at-work]";

class SkeinLive extends HTMLElement {
  #source = null;
  #timer = null;
  #again = null;
  #looks = null;
  #last = 0;

  connectedCallback() {
    document.addEventListener("visibilitychange", this.#seen);
    this.#open();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#seen);
    this.#close();
  }

  // A page that nobody sees asks for nothing; one that is seen again is made anew first.
  #seen = () => {
    if (document.hidden) {
      this.#close();
    } else if (this.#source === null) {
      this.#changed();
      this.#open();
    }
  };

  #open() {
    const source = new EventSource(this.getAttribute("events"));
    source.addEventListener("changed", () => this.#changed());
    // After a break the browser comes back by itself, with what it saw last.
    source.addEventListener("open", () => this.#changed());
    // Where it was refused, and not only lost, the browser gives up without a word. Why is said in the part's place.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED && this.#source === source) {
        this.#changed();
        this.#again = setTimeout(() => this.#open(), AGAIN_MS);
      }
    });
    this.#source = source;
    clearInterval(this.#looks);
    this.#looks = setInterval(() => {
      if (this.querySelector(AT_WORK) !== null) {
        this.#changed();
      }
    }, AT_WORK_MS);
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    clearInterval(this.#looks);
    clearTimeout(this.#timer);
    clearTimeout(this.#again);
    this.#timer = null;
  }

  #changed() {
    if (this.#timer !== null) {
      return;
    }
    const least = Number(this.getAttribute("least")) || LEAST_MS;
    const wait = Math.max(0, this.#last + least - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#last = performance.now();
      // To the part, which asks; and up from there, for whatever else heeds it.
      this.firstElementChild?.dispatchEvent(new CustomEvent("skein:changed", { bubbles: true }));
    }, wait);
  }
}

customElements.define("skein-live", SkeinLive);
