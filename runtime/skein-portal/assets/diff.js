// Before and after, in one of the server's tables, which stays as it made it: only what changed or all, from change to change with a
// key, both sides beside each other or one below the other; and which words, or letters of a word, are others is painted over the text.

const [GONE, NEW] = ["skein-gone", "skein-new"];
// Of longer texts only the ends that are alike are found.
const COMPARED = 400;
const NARROW = 700;
const LOOK = `
  .tools { align-items: center; display: flex; flex-wrap: wrap; gap: .4rem .75rem; margin: .5rem 0; }
  button[aria-pressed="true"] { border-color: var(--link); color: var(--link); }
  [role="status"] { color: var(--soft); }
`;
const look = dressed(LOOK);

// All tables of a page are painted by the same two.
function painted(name) {
  if (CSS.highlights !== undefined && !CSS.highlights.has(name)) {
    CSS.highlights.set(name, new Highlight());
  }
  return CSS.highlights?.get(name);
}

class SkeinDiff extends HTMLElement {
  #inside = this.attachInternals();
  #only = made("button", { type: "button", ariaPressed: "false" }, "Only what changed");
  #layout = made("select", {}, ...["as it fits", "side by side", "one below the other"].map((one) => new Option(one)));
  #status = made("output");
  #changes = [];
  #here = null;
  #ranges = [];
  #changed = new MutationObserver(() => this.#refresh());
  #resized = new ResizeObserver(() => this.#lay());

  constructor() {
    super();
    this.#status.setAttribute("role", "status");
    const button = (name, by) => {
      const one = made("button", { type: "button" }, name);
      one.addEventListener("click", () => this.#walk(by));
      return one;
    };
    const layout = made("label", {}, "Before and after ", this.#layout);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [look];
    root.append(made("div", { className: "tools" }, this.#only, button("Change before", -1), button("Next change", 1), layout, this.#status), made("slot"));
    this.#only.addEventListener("click", () => {
      this.#only.ariaPressed = String(this.#only.ariaPressed !== "true");
      this.#refresh();
    });
    this.#layout.addEventListener("change", () => this.#lay());
    this.addEventListener("keydown", (event) => {
      const by = { n: 1, p: -1 }[event.key];
      if (by !== undefined && event.composedPath()[0] !== this.#layout) {
        event.preventDefault();
        this.#walk(by);
      }
    });
  }

  connectedCallback() {
    this.#resized.observe(this);
    this.#refresh();
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    this.#changed.disconnect();
    this.#erase();
  }

  #lay() {
    const below = this.#layout.selectedIndex === 2 || (this.#layout.selectedIndex === 0 && this.clientWidth < NARROW);
    // A state and no attribute: those are the server's, which it sets anew with a part.
    below ? this.#inside.states.add("below") : this.#inside.states.delete("below");
  }

  #refresh() {
    this.#changed.disconnect();
    const rows = [...this.querySelectorAll("tbody tr")];
    const only = this.#only.ariaPressed === "true";
    const marked = (cell) => cell.querySelector("del, ins") !== null;
    const whole = (row) => row.matches(".gone, .new, .changed");
    this.#changes = rows.flatMap((row) => (whole(row) ? [row] : [...row.cells].filter(marked)));
    this.#columns(rows, only);
    for (const row of rows) {
      row.hidden = only && !whole(row) && ![...row.cells].some(marked);
    }
    this.#erase();
    for (const change of this.#changes) {
      this.#compare(...(change.matches("tr.changed") ? [change.cells[1], change.cells[2]] : ["del", "ins"].map((name) => change.querySelector(name))));
    }
    this.#say();
    this.#changed.observe(this, { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ["hidden"] });
  }

  // Of a table of rows, columns in which nothing changes; but the first ones, by which rows are told apart.
  #columns(rows, only) {
    if (this.querySelector("table.rows") === null) {
      return;
    }
    const there = rows.filter((row) => row.cells.length > 2);
    // What the head says of a column, it says because that changes.
    const heads = [...this.querySelectorAll("thead th")].filter((head) => head.childElementCount > 0);
    const cells = there.flatMap((row) => [...row.cells].filter((cell) => cell.querySelector("del, ins")));
    const changed = new Set([...heads, ...cells].map((cell) => cell.cellIndex));
    for (const row of [...this.querySelectorAll("thead tr"), ...there]) {
      for (const cell of row.cells) {
        cell.hidden = only && cell.cellIndex > 1 && !changed.has(cell.cellIndex);
      }
    }
  }

  #erase() {
    for (const [name, range] of this.#ranges) {
      painted(name)?.delete(range);
    }
    this.#ranges = [];
  }

  #compare(before, after) {
    if (before && after) {
      const [was, is] = differing(before.textContent, after.textContent);
      for (const [name, element, spans] of [[GONE, before, was], [NEW, after, is]]) {
        for (const [from, to] of spans) {
          const range = rangeOf(element, from, to);
          painted(name)?.add(range);
          this.#ranges.push([name, range]);
        }
      }
    }
  }

  #walk(by) {
    const many = this.#changes.length;
    if (many > 0) {
      const at = this.#changes.indexOf(this.#here);
      this.#here = this.#changes[at < 0 ? (by > 0 ? 0 : many - 1) : (at + by + many) % many];
      this.#here.tabIndex = -1;
      this.#here.focus({ preventScroll: true });
      this.#here.scrollIntoView({ block: "nearest", inline: "nearest" });
      this.#say();
    }
  }

  #say() {
    const [at, many] = [this.#changes.indexOf(this.#here), this.#changes.length];
    const all = `${many} ${many === 1 ? "change" : "changes"}`;
    this.#status.textContent = at < 0 ? `${all}; n and p lead along them` : `${at + 1} of ${all}`;
  }
}

// Which parts of two texts the other one has not: words; or letters, where both are one word.
function differing(one, other) {
  const words = (text) => text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
  const split = words(one).length < 2 && words(other).length < 2 ? (text) => [...text] : words;
  const [was, is] = [split(one), split(other)];
  let begin = 0;
  while (begin < Math.min(was.length, is.length) && was[begin] === is[begin]) {
    begin += 1;
  }
  let end = 0;
  while (end < Math.min(was.length, is.length) - begin && was.at(-1 - end) === is.at(-1 - end)) {
    end += 1;
  }
  const same = common(was.slice(begin, was.length - end), is.slice(begin, is.length - end));
  const kept = (side) => new Set(same.map((pair) => pair[side] + begin));
  return [spans(was, [begin, was.length - end], kept(0)), spans(is, [begin, is.length - end], kept(1))];
}

// The longest row of parts that both have (Wagner and Fischer 1974), as places in both.
function common(one, other) {
  if (one.length * other.length > COMPARED * COMPARED) {
    return [];
  }
  const length = Array.from({ length: one.length + 1 }, () => new Array(other.length + 1).fill(0));
  for (let i = one.length - 1; i >= 0; i -= 1) {
    for (let j = other.length - 1; j >= 0; j -= 1) {
      length[i][j] = one[i] === other[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < one.length && j < other.length; ) {
    if (one[i] === other[j]) {
      pairs.push([i++, j++]);
    } else if (length[i + 1][j] >= length[i][j + 1]) {
      i += 1;
    } else {
      j += 1;
    }
  }
  return pairs;
}

// What is not kept, neighbours together, as places in the text.
function spans(parts, [begin, end], kept) {
  const found = [];
  let at = 0;
  parts.forEach((part, number) => {
    if (number >= begin && number < end && !kept.has(number)) {
      found.at(-1)?.[1] === at ? (found.at(-1)[1] += part.length) : found.push([at, at + part.length]);
    }
    at += part.length;
  });
  return found;
}

function rangeOf(element, from, to) {
  const range = new Range();
  const walk = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let at = 0; walk.nextNode(); at += walk.currentNode.data.length) {
    const [node, ends] = [walk.currentNode, at + walk.currentNode.data.length];
    if (from >= at && from < ends) {
      range.setStart(node, from - at);
    }
    if (to > at && to <= ends) {
      range.setEnd(node, to - at);
    }
  }
  return range;
}

customElements.define("skein-diff", SkeinDiff);
