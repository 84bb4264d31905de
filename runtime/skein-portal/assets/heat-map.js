// A square for each run. The squares are one small picture with a point for each run, which is drawn larger: to move over a hundred
// thousand of them, or along them, draws that picture anew and looks at none of them.
//
// The server says the states as one letter each in the order of the runs, alike ones together (`d1200fd3`), and after that only which
// ones moved. What a square is, is said in words when it is pointed at; to choose it opens its run.

const HIGH = 380;
const SIZES = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20];
// Between two whole answers: they are large.
const WHOLE_MS = 1000;

class SkeinHeatMap extends HTMLElement {
  #canvas = document.createElement("canvas");
  #note = document.createElement("p");
  #picture = document.createElement("canvas");
  #words = new Map();
  #states = [];
  #position = null;
  #size = null;
  #columns = 1;
  #top = 0;
  #chosen = -1;
  #colours = new Map();
  #ground = "";
  #ink = "";
  #frame = null;
  #asking = false;
  #again = false;
  #drag = null;
  #live = null;
  #begun = false;
  #resized = new ResizeObserver(() => this.#layOut());
  #theme = matchMedia("(prefers-color-scheme: dark)");

  connectedCallback() {
    if (!this.#begun) {
      this.#begun = true;
      this.#begin();
    }
    this.#theme.addEventListener("change", this.#painted);
    this.#resized.observe(this);
    this.#live = this.closest("skein-live");
    this.#live?.addEventListener("skein:changed", this.#load);
    this.#load();
  }

  // Once, also where it is moved within the page.
  #begin() {
    for (const one of (this.getAttribute("words") ?? "").split(";")) {
      const [letter, word] = one.split("=");
      this.#words.set(letter, word);
    }
    const canvas = this.#canvas;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", this.getAttribute("label") ?? "Runs by state");
    this.#note.className = "note";
    this.#note.setAttribute("aria-live", "polite");
    this.#note.textContent = "Point at a square, or move with the arrow keys; Enter opens its run. Drag to move along, + and - change the size.";
    const buttons = document.createElement("p");
    for (const [name, by] of [["Larger", 1], ["Smaller", -1]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => this.#resize(by));
      buttons.append(button, " ");
    }
    this.replaceChildren(canvas, this.#note, buttons);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => (this.#drag = null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    this.#theme.removeEventListener("change", this.#painted);
    this.#live?.removeEventListener("skein:changed", this.#load);
  }

  #painted = () => {
    this.#colours.clear();
    this.#ground = "";
    this.#layOut();
  };

  #load = async () => {
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    let wait = 0;
    try {
      const after = this.#position === null ? "" : `?after=${this.#position}`;
      const answer = await fetch(this.getAttribute("src") + after, { headers: { accept: "text/plain" } });
      // Who is not signed in any more is led elsewhere.
      if (!answer.ok || !answer.headers.get("content-type")?.startsWith("text/plain")) {
        throw new Error(String(answer.status));
      }
      wait = this.#read(await answer.text());
    } catch {
      this.#note.textContent = "The map cannot be shown just now. All runs are in the list.";
    }
    setTimeout(() => {
      this.#asking = false;
      if (this.#again) {
        this.#again = false;
        this.#load();
      }
    }, wait);
  };

  // How long to wait before the next question.
  #read(text) {
    const [head, body] = text.split("\n");
    const [kind, position] = head.split(" ");
    this.#position = position;
    if (kind === "moved") {
      for (const [, run, letter] of body.matchAll(/(\d+)([a-z])/g)) {
        this.#states[Number(run)] = letter;
        this.#point(Number(run));
      }
      this.#ask();
      return 0;
    }
    const states = [];
    for (const [, letter, many] of body.matchAll(/([a-z.])(\d*)/g)) {
      for (let left = Number(many || 1); left > 0; left -= 1) {
        states.push(letter);
      }
    }
    this.#states = states;
    this.#layOut();
    return WHOLE_MS;
  }

  #colour(letter) {
    let colour = this.#colours.get(letter);
    if (colour === undefined) {
      const context = document.createElement("canvas").getContext("2d");
      context.fillStyle = getComputedStyle(this).getPropertyValue(`--run-${letter}`).trim() || "transparent";
      context.fillRect(0, 0, 1, 1);
      colour = context.getImageData(0, 0, 1, 1).data;
      this.#colours.set(letter, colour);
    }
    return colour;
  }

  #rows() {
    return Math.ceil(this.#states.length / this.#columns);
  }

  // The largest squares with which all of it is seen, unless somebody said another size.
  #fits() {
    const [wide, count] = [this.clientWidth, this.#states.length];
    const all = (size) => Math.ceil(count / Math.max(1, Math.floor(wide / size))) * size <= HIGH;
    return [...SIZES].reverse().find(all) ?? SIZES[0];
  }

  #layOut() {
    if (this.#states.length === 0 || this.clientWidth === 0) {
      return;
    }
    const size = this.#size ?? this.#fits();
    this.#columns = Math.max(1, Math.floor(this.clientWidth / size));
    const picture = this.#picture;
    [picture.width, picture.height] = [this.#columns, this.#rows()];
    const context = picture.getContext("2d");
    const image = context.createImageData(picture.width, picture.height);
    this.#states.forEach((letter, at) => image.data.set(this.#colour(letter), at * 4));
    context.putImageData(image, 0, 0);
    const [canvas, scale] = [this.#canvas, devicePixelRatio];
    const high = Math.min(HIGH, this.#rows() * size);
    [canvas.width, canvas.height] = [Math.round(this.clientWidth * scale), Math.round(high * scale)];
    canvas.style.height = `${high}px`;
    this.#slide(0);
    this.#ask();
  }

  // One run has another state.
  #point(at) {
    if (at >= this.#columns * this.#picture.height) {
      this.#layOut();
      return;
    }
    const context = this.#picture.getContext("2d");
    const image = context.createImageData(1, 1);
    image.data.set(this.#colour(this.#states[at]));
    context.putImageData(image, at % this.#columns, Math.floor(at / this.#columns));
  }

  #ask() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#draw();
    });
  }

  #draw() {
    if (this.#states.length === 0) {
      return;
    }
    const [canvas, picture, size] = [this.#canvas, this.#picture, this.#step()];
    const context = canvas.getContext("2d");
    if (this.#ground === "") {
      const style = getComputedStyle(this);
      [this.#ground, this.#ink] = [style.getPropertyValue("--ground").trim(), style.color];
    }
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.imageSmoothingEnabled = false;
    const [wide, high] = [this.#columns * size, canvas.height / devicePixelRatio];
    context.clearRect(0, 0, this.clientWidth, high);
    context.drawImage(picture, 0, -this.#top, wide, picture.height * size);
    if (size >= 4) {
      context.fillStyle = this.#ground;
      for (let x = size - 1; x < wide; x += size) {
        context.fillRect(x, 0, 1, high);
      }
      for (let y = size - 1 - (this.#top % size); y < high; y += size) {
        context.fillRect(0, y, wide, 1);
      }
    }
    if (this.#chosen >= 0) {
      const [x, y] = [(this.#chosen % this.#columns) * size, Math.floor(this.#chosen / this.#columns) * size - this.#top];
      context.strokeStyle = this.#ink;
      context.lineWidth = 2;
      context.strokeRect(x - 1, y - 1, size + 1, size + 1);
    }
  }

  #step() {
    return this.#size ?? this.#fits();
  }

  #resize(by) {
    const at = SIZES.indexOf(this.#step()) + by;
    if (at >= 0 && at < SIZES.length) {
      const middle = Math.max(0, this.#chosen);
      this.#size = SIZES[at];
      this.#layOut();
      this.#show(middle);
    }
  }

  // Moves along, and says whether there was anywhere to go.
  #slide(by) {
    const most = Math.max(0, this.#rows() * this.#step() - this.#canvas.height / devicePixelRatio);
    const top = Math.min(Math.max(0, this.#top + by), most);
    const moved = top !== this.#top;
    this.#top = top;
    if (moved) {
      this.#ask();
    }
    return moved;
  }

  #show(at) {
    const [size, high] = [this.#step(), this.#canvas.height / devicePixelRatio];
    const y = Math.floor(at / this.#columns) * size - this.#top;
    if (y < 0) {
      this.#slide(y);
    } else if (y + size > high) {
      this.#slide(y + size - high);
    }
  }

  #at(event) {
    const size = this.#step();
    const column = Math.floor(event.offsetX / size);
    const at = Math.floor((event.offsetY + this.#top) / size) * this.#columns + column;
    return column < this.#columns && at >= 0 && at < this.#states.length ? at : -1;
  }

  #down(event) {
    // Other buttons open what they open elsewhere, and no run.
    if (event.button !== 0) {
      return;
    }
    this.#drag = { from: event.clientY, last: event.clientY, far: false };
    this.#canvas.setPointerCapture(event.pointerId);
  }

  #move(event) {
    if (this.#drag !== null) {
      this.#drag.far ||= Math.abs(event.clientY - this.#drag.from) > 4;
      this.#slide(this.#drag.last - event.clientY);
      this.#drag.last = event.clientY;
    }
    this.#choose(this.#at(event));
  }

  #up(event) {
    if (this.#drag === null) {
      return;
    }
    const dragged = this.#drag.far;
    this.#drag = null;
    if (!dragged) {
      this.#choose(this.#at(event));
      this.#enter();
    }
  }

  #wheel(event) {
    if (!event.ctrlKey && this.#slide(event.deltaY)) {
      event.preventDefault();
    }
  }

  #choose(at) {
    if (at === this.#chosen) {
      return;
    }
    this.#chosen = at;
    if (at >= 0) {
      const letter = this.#states[at];
      this.#note.textContent = `Run ${at}: ${this.#words.get(letter) ?? "none"}`;
    }
    this.#ask();
  }

  #key(event) {
    const page = this.#columns * Math.max(1, Math.floor(this.#canvas.height / devicePixelRatio / this.#step()));
    const step = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -this.#columns,
      ArrowDown: this.#columns,
      PageUp: -page,
      PageDown: page,
      Home: -this.#states.length,
      End: this.#states.length,
    }[event.key];
    if (event.key === "Enter") {
      this.#enter();
    } else if (event.key === "+" || event.key === "-") {
      this.#resize(event.key === "+" ? 1 : -1);
    } else if (step !== undefined) {
      event.preventDefault();
      const at = this.#chosen < 0 ? 0 : this.#chosen + step;
      this.#choose(Math.min(Math.max(at, 0), this.#states.length - 1));
      this.#show(this.#chosen);
    }
  }

  #enter() {
    if (this.#chosen >= 0 && this.#states[this.#chosen] !== ".") {
      location.assign(`${this.getAttribute("runs")}/${this.#chosen}`);
    }
  }
}

customElements.define("skein-heat-map", SkeinHeatMap);
