// Lines of a log: search in them while typing, by level, the link of a line; and, where lines come while they are looked at, the last
// ones in sight. The lines are the server's, one page of them, and stay as it made them: what is found is painted over them, and what
// this adds stands beside them, so that a part that is made anew takes nothing of it away.

// Places that are painted and counted.
const MOST = 1000;
const LEVELS = ["error", "warn", "info", "debug", "trace"];
const [FOUND, HERE] = ["skein-found", "skein-here"];
// What somebody set, by the log's id, where a part was put into the place of another one.
const kept = new Map();
const LOOK = `
  .tools { align-items: center; display: flex; flex-wrap: wrap; gap: .4rem .75rem; margin: .5rem 0; }
  .lines { border: 1px solid var(--line); border-radius: 6px; max-height: 70vh; overflow: auto; overflow-anchor: none; padding: 0 .5rem; }
  button[aria-pressed="true"] { border-color: var(--link); color: var(--link); }
  [role="status"] { color: var(--soft); min-width: 6rem; }
  [hidden] { display: none; }
`;
const look = dressed(LOOK);

class SkeinLog extends HTMLElement {
  #search = made("input", { type: "search", maxLength: 200, ariaKeyShortcuts: "/" });
  #level = made("select", {}, new Option("all levels", ""), ...["info", "warn", "error"].map((one) => new Option(`${one} and worse`, one)));
  #status = made("output");
  #follow = made("button", { type: "button", ariaPressed: "false" }, "Follow");
  #levels = made("label", {}, "Show ", this.#level);
  #box = made("div", { className: "lines", tabIndex: 0, role: "region", ariaLabel: "Lines" }, made("slot"));
  #places = [];
  #here = null;
  #painted = null;
  // The line at the upper edge, and how far above it that is.
  #top = null;
  #changed = new MutationObserver(() => this.#refresh());

  constructor() {
    super();
    const button = (name, by) => {
      const one = made("button", { type: "button" }, name);
      one.addEventListener("click", () => this.#walk(by));
      return one;
    };
    this.#status.setAttribute("role", "status");
    const search = made("label", {}, "Search these lines ", this.#search);
    const tools = made("div", { className: "tools" }, search, button("Previous", -1), button("Next", 1), this.#levels, this.#follow, this.#status);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [look];
    root.append(tools, this.#box);
    this.#search.addEventListener("input", () => this.#sought());
    this.#level.addEventListener("change", () => this.#refresh());
    this.#follow.addEventListener("click", () => this.#follows(this.#follow.ariaPressed !== "true"));
    this.#box.addEventListener("scroll", () => this.#scrolled());
    this.addEventListener("keydown", (event) => this.#key(event));
    this.addEventListener("click", (event) => this.#link(event));
  }

  connectedCallback() {
    const was = kept.get(this.id);
    // Only what is made anew has a tail that moves.
    const live = this.closest("skein-live") !== null;
    this.#follow.hidden = !live;
    [this.#search.value, this.#level.value, this.#top] = [was?.search ?? "", was?.level ?? "", was?.top ?? null];
    this.#follow.ariaPressed = String(live && (was?.follows ?? true));
    this.#refresh();
    // The place that the address names is within a box by now.
    const named = this.querySelector(":target");
    if (named !== null && was === undefined) {
      this.#follow.ariaPressed = "false";
      named.scrollIntoView({ block: "center" });
    }
  }

  disconnectedCallback() {
    this.#changed.disconnect();
    // Not those of one that has come into its place.
    if (CSS.highlights?.get(FOUND) === this.#painted) {
      CSS.highlights?.delete(FOUND);
      CSS.highlights?.delete(HERE);
    }
  }

  // What somebody set. At once: what comes into a place is there before what was there is told that it is gone.
  #keep() {
    kept.set(this.id, { search: this.#search.value, level: this.#level.value, top: this.#top, follows: this.#follow.ariaPressed === "true" });
  }

  // After whatever changed: which lines are shown, where in them it is, and what is in sight.
  #refresh() {
    this.#changed.disconnect();
    const worst = LEVELS.indexOf(this.#level.value);
    const rows = [...this.querySelectorAll("tbody tr")];
    this.#levels.hidden = !rows.some((row) => LEVELS.includes(row.dataset.level));
    for (const row of rows) {
      // What has no level is always shown.
      row.hidden = worst >= 0 && LEVELS.indexOf(row.dataset.level) > worst;
    }
    this.#find(rows.filter((row) => !row.hidden));
    if (this.#follow.ariaPressed === "true") {
      this.#box.scrollTop = this.#box.scrollHeight;
    } else if (this.#top !== null) {
      const line = document.getElementById(this.#top.id);
      if (line !== null && this.contains(line)) {
        this.#box.scrollTop += line.getBoundingClientRect().top - this.#box.getBoundingClientRect().top + this.#top.over;
      }
    }
    this.#keep();
    this.#changed.observe(this, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["hidden"] });
  }

  #find(rows) {
    this.#places = [];
    const text = this.#search.value;
    if (text !== "") {
      const sought = new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "giu");
      for (const cell of rows.flatMap((row) => [...row.cells].slice(1))) {
        this.#places.push(...places(cell, sought, MOST - this.#places.length));
      }
    }
    const same = this.#here && this.#places.findIndex(({ line, from }) => line === this.#here.line && from === this.#here.from);
    this.#here = same >= 0 ? this.#places[same] : null;
    this.#paint();
  }

  #paint() {
    // A browser that cannot paint over text leads to the places all the same.
    if (CSS.highlights !== undefined) {
      this.#painted = new Highlight(...this.#places.map(({ range }) => range));
      CSS.highlights.set(FOUND, this.#painted);
      CSS.highlights.set(HERE, Object.assign(new Highlight(...(this.#here ? [this.#here.range] : [])), { priority: 1 }));
    }
    const [many, at] = [this.#places.length, this.#places.indexOf(this.#here)];
    const all = many === MOST ? `${MOST} or more` : many;
    const said = at >= 0 ? `${at + 1} of ${all}, line ${this.#here.line.replace("line-", "")}` : `${all} found`;
    this.#status.textContent = this.#search.value === "" ? "" : said;
  }

  #sought() {
    this.#here = null;
    this.#refresh();
    this.#walk(1);
  }

  #walk(by) {
    const many = this.#places.length;
    if (many > 0) {
      const at = this.#places.indexOf(this.#here);
      this.#here = this.#places[at < 0 ? (by > 0 ? 0 : many - 1) : (at + by + many) % many];
      this.#follows(false);
      this.#here.range.startContainer.parentElement.closest("tr").scrollIntoView({ block: "nearest" });
      this.#paint();
    }
  }

  #follows(yes) {
    this.#follow.ariaPressed = String(yes);
    if (yes) {
      this.#box.scrollTop = this.#box.scrollHeight;
    }
    this.#keep();
  }

  #scrolled() {
    const edge = this.#box.getBoundingClientRect().top;
    const line = [...this.querySelectorAll("tbody tr")].find((row) => row.getBoundingClientRect().bottom > edge && !row.hidden);
    this.#top = line ? { id: line.id, over: edge - line.getBoundingClientRect().top } : null;
    if (this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight > 8) {
      this.#follows(false);
    }
    this.#keep();
  }

  #key(event) {
    const typing = event.composedPath()[0] === this.#search;
    const by = typing ? { Enter: event.shiftKey ? -1 : 1 }[event.key] : { n: 1, N: -1 }[event.key];
    if (by !== undefined) {
      event.preventDefault();
      this.#walk(by);
    } else if (event.key === "/" && !typing) {
      event.preventDefault();
      this.#search.select();
    }
  }

  // Its link is copied; where a browser lets no page do that, it is a link as others are.
  async #link(event) {
    const link = event.target.closest?.("tbody a");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || navigator.clipboard === undefined) {
      return;
    }
    event.preventDefault();
    history.replaceState(history.state, "", link.hash);
    await navigator.clipboard.writeText(link.href).then(
      () => (this.#status.textContent = `Copied the link of line ${link.textContent}`),
      () => location.assign(link.href),
    );
  }
}

// Where in the text of an element it is, at most so many times.
function places(element, sought, most) {
  const nodes = [];
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let text = "";
  while (walk.nextNode()) {
    nodes.push([text.length, walk.currentNode]);
    text += walk.currentNode.data;
  }
  const at = (place) => nodes.findLast(([begins]) => begins <= place);
  return [...text.matchAll(sought)].slice(0, most).map((match) => {
    const range = new Range();
    const [[from, first], [to, last]] = [at(match.index), at(match.index + match[0].length - 1)];
    range.setStart(first, match.index - from);
    range.setEnd(last, match.index + match[0].length - to);
    return { range, line: element.parentElement.id, from: `${element.cellIndex}:${match.index}` };
  });
}

customElements.define("skein-log", SkeinLog);
