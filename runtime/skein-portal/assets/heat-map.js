// A square for each run, drawn in tiles that are kept: a hundred thousand of them are one picture, and moving over it draws nothing anew.
//
// The server says the states as one letter each, in the order of the runs; what a square is, is asked for when it is chosen.

const CELL = 8;
const GAP = 1;

class SkeinHeatMap extends HTMLElement {
  #canvas = null;
  #note = null;
  #states = "";
  #first = 0;
  #columns = 1;
  #chosen = -1;
  #colours = {};
  #resized = null;
  #seen = null;

  connectedCallback() {
    this.#canvas = document.createElement("canvas");
    this.#canvas.tabIndex = 0;
    this.#canvas.setAttribute("role", "application");
    this.#canvas.setAttribute("aria-label", this.getAttribute("label") ?? "Runs by state");
    this.#note = document.createElement("p");
    this.#note.className = "note";
    this.#note.setAttribute("aria-live", "polite");
    this.#note.textContent = "Point at a square, or move with the arrow keys; Enter opens its run.";
    this.replaceChildren(this.#canvas, this.#note);
    this.#canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.#canvas.addEventListener("click", (event) => {
      this.#point(event);
      this.#enter();
    });
    this.#canvas.addEventListener("keydown", (event) => this.#key(event));
    this.#seen = matchMedia("(prefers-color-scheme: dark)");
    this.#seen.addEventListener("change", this.#painted);
    this.#resized = new ResizeObserver(() => this.#draw());
    this.#resized.observe(this);
    this.closest("skein-live")?.addEventListener("skein:changed", this.#load);
    this.#load();
  }

  disconnectedCallback() {
    this.#resized?.disconnect();
    this.#seen?.removeEventListener("change", this.#painted);
  }

  #painted = () => {
    this.#colours = {};
    this.#draw();
  };

  #load = async () => {
    const answer = await fetch(this.getAttribute("src"), { headers: { accept: "text/plain" } });
    if (!answer.ok) {
      this.#note.textContent = "The map cannot be shown just now.";
      return;
    }
    const states = await answer.text();
    if (states !== this.#states) {
      this.#states = states;
      this.#draw();
    }
  };

  #colour(letter) {
    this.#colours[letter] ??= getComputedStyle(this).getPropertyValue(`--run-${letter}`).trim() || "gray";
    return this.#colours[letter];
  }

  #draw() {
    const count = this.#states.length;
    if (count === 0 || this.clientWidth === 0) {
      return;
    }
    const [scale, step] = [devicePixelRatio, CELL + GAP];
    this.#columns = Math.max(1, Math.floor(this.clientWidth / step));
    const rows = Math.ceil(count / this.#columns);
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [this.#columns * step * scale, rows * step * scale];
    [canvas.style.width, canvas.style.height] = [`${this.#columns * step}px`, `${rows * step}px`];
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    // One colour after the other: changing it is what costs.
    const of = new Map();
    for (let at = 0; at < count; at += 1) {
      const letter = this.#states[at];
      of.has(letter) ? of.get(letter).push(at) : of.set(letter, [at]);
    }
    for (const [letter, places] of of) {
      context.fillStyle = this.#colour(letter);
      for (const at of places) {
        context.fillRect((at % this.#columns) * step, Math.floor(at / this.#columns) * step, CELL, CELL);
      }
    }
    this.#mark(this.#chosen);
  }

  #point(event) {
    const step = CELL + GAP;
    const column = Math.floor(event.offsetX / step);
    const at = Math.floor(event.offsetY / step) * this.#columns + column;
    this.#choose(column < this.#columns && at < this.#states.length ? at : -1);
  }

  #choose(at) {
    if (at === this.#chosen) {
      return;
    }
    const before = this.#chosen;
    this.#chosen = at;
    this.#mark(before);
    this.#mark(at);
    if (at >= 0) {
      this.#note.textContent = `Run ${at + this.#first}: ${this.#word(this.#states[at])}`;
    }
  }

  #word(letter) {
    return this.getAttribute(`word-${letter}`) ?? letter;
  }

  #mark(at) {
    if (at < 0 || at >= this.#states.length) {
      return;
    }
    const step = CELL + GAP;
    const [x, y] = [(at % this.#columns) * step, Math.floor(at / this.#columns) * step];
    const context = this.#canvas.getContext("2d");
    context.fillStyle = this.#colour(this.#states[at]);
    context.fillRect(x, y, CELL, CELL);
    if (at === this.#chosen) {
      context.strokeStyle = getComputedStyle(this).color;
      context.lineWidth = 2;
      context.strokeRect(x + 1, y + 1, CELL - 2, CELL - 2);
    }
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns, ArrowDown: this.#columns }[event.key];
    if (event.key === "Enter") {
      this.#enter();
    } else if (step !== undefined) {
      event.preventDefault();
      const at = Math.max(0, this.#chosen) + (this.#chosen < 0 ? 0 : step);
      this.#choose(Math.min(Math.max(at, 0), this.#states.length - 1));
    }
  }

  #enter() {
    if (this.#chosen >= 0) {
      location.assign(`${this.getAttribute("runs")}/${this.#chosen + this.#first}`);
    }
  }
}

customElements.define("skein-heat-map", SkeinHeatMap);
