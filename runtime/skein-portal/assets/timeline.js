// What there was over time, a bar for each: when it began and ended, how long it took, how it ended. What there is stands in the list or
// table within, which is the server's and stays; here it is read and drawn above it, and drawn anew when it changes.
//
// An entry says `data-from` and `data-to`, or `data-open` as long as it lasts; its `.state` says how it is, its first link where it leads.

// Between two marks of the axis, in milliseconds.
const STEPS = [1, 5, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 15e3, 3e4, 6e4, 3e5, 9e5, 18e5, 36e5, 108e5, 216e5, 864e5, 6048e5, 2592e6];
const LOOK = `
  :host { display: block; }
  .tools { align-items: center; display: flex; flex-wrap: wrap; gap: .4rem .75rem; margin: .5rem 0; }
  .plot { border: 1px solid var(--line); border-radius: 6px; display: grid; grid-template-columns: minmax(5rem, max-content) 1fr; overflow: hidden;
    padding: .25rem .5rem; touch-action: pan-y; }
  .name { max-width: 16rem; overflow: hidden; padding-right: .75rem; text-overflow: ellipsis; white-space: nowrap; }
  .lane, .axis { height: 1.5rem; overflow: hidden; position: relative; }
  .axis { border-bottom: 1px solid var(--line); color: var(--soft); font-size: .8125rem; grid-column: 2; }
  .tick { border-left: 1px solid var(--line); bottom: 0; padding-left: .25rem; position: absolute; top: 0; white-space: nowrap; }
  .bar { background-color: var(--soft); border: 1px solid var(--ink); border-radius: 3px; box-sizing: border-box; height: 1rem; min-width: 5px;
    position: absolute; top: .25rem; }
  .bar:focus-visible { outline: 2px solid var(--link); outline-offset: 1px; }
  .good { background-color: var(--good); }
  .bad { background: repeating-linear-gradient(135deg, var(--bad) 0 4px, var(--ground) 4px 6px); }
  .busy { background: repeating-linear-gradient(90deg, var(--busy) 0 8px, var(--ground) 8px 10px); }
  .waits { background: repeating-linear-gradient(0deg, var(--waits) 0 3px, var(--ground) 3px 5px); }
  .before { border-left-style: dashed; }
  .open { border-right-style: dashed; }
  .chosen { background: var(--link); height: 100%; opacity: .25; position: absolute; top: 0; }
  .note { max-width: none; min-height: 1.5em; }
  [hidden] { display: none; }
`;
const look = dressed(LOOK);

const told = (at) => `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;

// As pages say it elsewhere.
function lasting(ms) {
  const seconds = Math.ceil(ms / 1000);
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days > 0) {
    return `${days} d ${hours} h`;
  }
  if (hours > 0) {
    return `${hours} h ${minutes} min`;
  }
  if (minutes > 0) {
    return `${minutes} min ${seconds % 60} s`;
  }
  return ms < 10_000 && ms % 1000 > 0 ? `${(ms / 1000).toFixed(3)} s` : `${seconds} s`;
}

class SkeinTimeline extends HTMLElement {
  #plot = made("div", { className: "plot", role: "group" });
  #axis = made("div", { className: "axis" });
  #note = made("p", { className: "note" });
  #tools = made("div", { className: "tools" });
  // Name and bar of each entry, in their order.
  #lanes = [];
  #entries = [];
  // What is shown, of all that there is; none is all of it.
  #span = null;
  #all = [0, 1];
  #drag = null;
  #clock = null;
  #changed = new MutationObserver(() => this.#read());

  constructor() {
    super();
    const tools = { "Zoom in": () => this.#zoom(0.5), "Zoom out": () => this.#zoom(2), Earlier: () => this.#move(-0.25), Later: () => this.#move(0.25), All: () => this.#show(null) };
    for (const [name, act] of Object.entries(tools)) {
      const button = made("button", { type: "button" }, name);
      button.addEventListener("click", act);
      this.#tools.append(button);
    }
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [look];
    root.append(this.#tools, this.#plot, this.#note, made("slot"));
    const plot = this.#plot;
    plot.append(this.#axis);
    plot.addEventListener("keydown", (event) => this.#key(event));
    plot.addEventListener("pointerdown", (event) => this.#down(event));
    plot.addEventListener("pointermove", (event) => this.#dragged(event));
    plot.addEventListener("pointerup", () => this.#up());
    plot.addEventListener("pointercancel", () => this.#dropped());
    plot.addEventListener("dragstart", (event) => event.preventDefault());
  }

  connectedCallback() {
    this.#plot.ariaLabel = this.getAttribute("label") ?? "Over time";
    this.#changed.observe(this, { subtree: true, childList: true, characterData: true, attributeFilter: ["data-name", "data-from", "data-to", "data-open", "data-node"] });
    this.#read();
  }

  disconnectedCallback() {
    this.#changed.disconnect();
    clearInterval(this.#clock);
  }

  #read() {
    const time = (text) => (text === undefined ? null : Date.parse(text));
    const entries = [...this.querySelectorAll("[data-from], [data-to], [data-open]")].map((place) => {
      const [state, link] = [place.querySelector(".state"), place.querySelector("a[href]")];
      return {
        from: time(place.dataset.from),
        to: time(place.dataset.to),
        node: place.dataset.node,
        name: (place.dataset.name ?? (link ?? place.querySelector("strong"))?.textContent ?? "").trim(),
        href: link?.href,
        kind: [...(state?.classList ?? [])].find((one) => one !== "state") ?? "plain",
        state: state?.textContent.trim() ?? "",
      };
    });
    this.#entries = entries.filter(({ from, to }) => !Number.isNaN(from) && !Number.isNaN(to));
    clearInterval(this.#clock);
    // What goes on grows, as long as somebody sees it.
    this.#clock = entries.some(({ to }) => to === null) ? setInterval(() => document.hidden || this.#draw(), 1000) : null;
    this.#draw();
  }

  #draw() {
    const [now, entries] = [Date.now(), this.#entries];
    const known = entries.flatMap(({ from, to }) => [from, to ?? now]).filter((at) => at !== null);
    const nothing = entries.length === 0;
    this.#plot.hidden = this.#tools.hidden = this.#note.hidden = nothing;
    if (nothing) {
      return;
    }
    const [first, last] = [Math.min(...known), Math.max(...known)];
    const edge = Math.max(1, (last - first) * 0.02);
    this.#all = [first - edge, last + edge];
    const [from, to] = this.#span ?? this.#all;
    const at = (time) => ((time - from) / (to - from)) * 100;
    this.#ticks(from, to, at);
    while (this.#lanes.length < entries.length) {
      this.#lanes.push(this.#lane());
    }
    for (const [name, bar] of this.#lanes.splice(entries.length)) {
      name.remove();
      bar.parentElement.remove();
    }
    entries.forEach((entry, number) => {
      // A bar that is wholly elsewhere stays where it can be come to.
      const [begins, ends] = [entry.from ?? this.#all[0], entry.to ?? now].map((time) => Math.min(Math.max(at(time), -1), 101));
      const [name, bar] = this.#lanes[number];
      const words = this.#words(entry, now);
      name.textContent = name.title = [entry.name, entry.state].filter(Boolean).join(" ");
      bar.className = `bar ${entry.kind} ${entry.from === null ? "before" : ""} ${entry.to === null ? "open" : ""}`;
      [bar.style.left, bar.style.width] = [`${begins}%`, `${ends - begins}%`];
      bar.ariaLabel = bar.title = words;
      // What leads nowhere is a picture.
      entry.href ? bar.setAttribute("href", entry.href) : bar.removeAttribute("href");
      bar.role = entry.href ? null : "img";
    });
    const bars = this.#bars();
    const on = bars.find((bar) => bar.tabIndex === 0) ?? bars[0];
    bars.forEach((bar) => (bar.tabIndex = bar === on ? 0 : -1));
    this.#say(this.shadowRoot.activeElement);
  }

  #words({ name, state, from, to, node }, now) {
    const took = from === null ? "" : `, ${to === null ? "so far" : "took"} ${lasting(Math.max(0, (to ?? now) - from))}`;
    const begun = from === null ? "when it began is not known" : `began ${told(from)}`;
    return `${name}: ${state.replace(/^\W+/u, "")}; ${begun}, ${to === null ? "not over" : `ended ${told(to)}`}${took}${node ? `, node ${node}` : ""}`;
  }

  #lane() {
    const bar = made("a", { draggable: false, tabIndex: -1 });
    const [name, lane] = [made("div", { className: "name" }), made("div", { className: "lane" }, bar)];
    for (const kind of ["focus", "pointerenter"]) {
      bar.addEventListener(kind, () => this.#say(bar));
    }
    bar.addEventListener("focus", () => this.#bars().forEach((one) => (one.tabIndex = one === bar ? 0 : -1)));
    this.#plot.append(name, lane);
    return [name, bar];
  }

  #bars() {
    return this.#lanes.map(([, bar]) => bar);
  }

  #say(bar) {
    const opens = this.#entries.some(({ href }) => href) ? "; Enter opens it" : "";
    const hint = `Point at a bar, or move along them with the arrow keys${opens}. Draw over a span to see it larger, or use + and -; 0 shows all.`;
    this.#note.textContent = this.#bars().includes(bar) ? bar.ariaLabel : hint;
  }

  #ticks(from, to, at) {
    const step = STEPS.find((step) => (to - from) / step <= 6) ?? (to - from) / 4;
    const [cut, end] = step >= 864e5 ? [0, 10] : step >= 6e4 ? [11, 16] : step >= 1e3 ? [11, 19] : [11, 23];
    const ticks = [];
    for (let time = Math.ceil(from / step) * step; time < to; time += step) {
      const tick = made("span", { className: "tick" }, `${new Date(time).toISOString().slice(cut, end)}${ticks.length === 0 ? " UTC" : ""}`);
      tick.style.left = `${at(time)}%`;
      ticks.push(tick);
    }
    this.#axis.replaceChildren(...ticks);
  }

  #show(span) {
    const wide = span && span[1] - span[0];
    this.#span = span && wide < this.#all[1] - this.#all[0] ? span : null;
    this.#draw();
  }

  #zoom(by) {
    const [from, to] = this.#span ?? this.#all;
    const on = this.#entries[this.#bars().indexOf(this.shadowRoot.activeElement)];
    const middle = on ? ((on.from ?? from) + (on.to ?? Date.now())) / 2 : (from + to) / 2;
    const half = Math.max(5, ((to - from) / 2) * by);
    this.#show([middle - half, middle + half]);
  }

  #move(by) {
    const [from, to] = this.#span ?? this.#all;
    const along = (to - from) * by;
    this.#show([from + along, to + along]);
  }

  #key(event) {
    const bars = this.#bars();
    const to = { ArrowDown: 1, ArrowUp: -1, Home: -bars.length, End: bars.length }[event.key];
    const act = { "+": () => this.#zoom(0.5), "-": () => this.#zoom(2), 0: () => this.#show(null), ArrowLeft: () => this.#move(-0.25), ArrowRight: () => this.#move(0.25) }[event.key];
    if (to !== undefined) {
      bars[Math.min(Math.max(bars.indexOf(this.shadowRoot.activeElement) + to, 0), bars.length - 1)].focus();
    }
    act?.();
    if (to !== undefined || act !== undefined) {
      event.preventDefault();
    }
  }

  #place(event) {
    const { left, width } = this.#axis.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1);
  }

  #down(event) {
    if (event.button === 0 && event.clientX > this.#axis.getBoundingClientRect().left) {
      this.#drag = { from: this.#place(event), to: this.#place(event), seen: made("div", { className: "chosen" }) };
      this.#axis.append(this.#drag.seen);
    }
  }

  #dragged(event) {
    if (this.#drag !== null) {
      this.#drag.to = this.#place(event);
      const [from, to] = [this.#drag.from, this.#drag.to].toSorted((one, other) => one - other);
      [this.#drag.seen.style.left, this.#drag.seen.style.width] = [`${from * 100}%`, `${(to - from) * 100}%`];
    }
  }

  #up() {
    const drag = this.#dropped();
    // Less than that is a click.
    if (drag !== null && Math.abs(drag.to - drag.from) > 0.01) {
      const [begin, end] = this.#span ?? this.#all;
      const [from, to] = [drag.from, drag.to].toSorted((one, other) => one - other).map((place) => begin + (end - begin) * place);
      this.#plot.addEventListener("click", (event) => event.preventDefault(), { once: true, capture: true });
      this.#show([from, Math.max(to, from + 10)]);
    }
  }

  #dropped() {
    const drag = this.#drag;
    drag?.seen.remove();
    this.#drag = null;
    return drag;
  }
}

customElements.define("skein-timeline", SkeinTimeline);
