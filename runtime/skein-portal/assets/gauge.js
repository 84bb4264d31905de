// How much is used of what there is a limit for, drawn with the place from which on little is left. What it says in words stands beside
// it, is the server's and stays: here it is read out with the meter. The server's own meter is not shown then.

const LOOK = `
  [role="meter"] { background: var(--faint); border: 1px solid var(--soft); border-radius: 3px; display: inline-block; height: .75rem;
    margin-right: .25rem; overflow: hidden; position: relative; vertical-align: middle; width: 7rem; }
  .used { background: var(--busy); height: 100%; transition: width .2s; }
  .near { background-color: var(--waits); }
  .full { background-color: var(--bad); }
  .near, .full { background-image: repeating-linear-gradient(135deg, transparent 0 4px, var(--ground) 4px 5px); }
  .mark { background: var(--ink); bottom: 0; position: absolute; top: 0; width: 1px; }
  @media (prefers-reduced-motion: reduce) { .used { transition: none; } }
  @media (forced-colors: active) { .used { background: CanvasText; forced-color-adjust: none; } }
`;
const look = new CSSStyleSheet();
look.replaceSync(LOOK);

class SkeinGauge extends HTMLElement {
  static observedAttributes = ["used", "limit", "near"];
  #meter = document.createElement("div");
  #used = document.createElement("div");
  #mark = document.createElement("div");
  #words = document.createElement("slot");
  // Words that change and numbers that do not, such as a name.
  #said = new MutationObserver(() => this.#draw());

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [look];
    this.#meter.setAttribute("role", "meter");
    this.#meter.setAttribute("aria-valuemin", "0");
    this.#mark.className = "mark";
    this.#meter.append(this.#used, this.#mark);
    root.append(this.#meter, this.#words);
  }

  connectedCallback() {
    this.#said.observe(this, { subtree: true, childList: true, characterData: true, attributeFilter: ["aria-label"] });
    this.#draw();
  }

  disconnectedCallback() {
    this.#said.disconnect();
  }

  attributeChangedCallback() {
    if (this.isConnected) {
      this.#draw();
    }
  }

  #draw() {
    const number = (name) => Math.max(0, Number(this.getAttribute(name)) || 0);
    const [used, limit] = [number("used"), Math.max(1, number("limit"))];
    const near = this.hasAttribute("near") ? number("near") : null;
    const shown = Math.min(used, limit);
    this.#meter.setAttribute("aria-label", this.querySelector("meter")?.getAttribute("aria-label") ?? "Used");
    this.#meter.setAttribute("aria-valuemax", String(limit));
    this.#meter.setAttribute("aria-valuenow", String(shown));
    this.#meter.setAttribute("aria-valuetext", this.textContent.trim());
    this.#used.style.width = `${(shown / limit) * 100}%`;
    let state = "";
    if (near !== null && used >= limit) {
      state = "full";
    } else if (near !== null && used >= near) {
      state = "near";
    }
    this.#used.className = `used ${state}`;
    this.#mark.hidden = near === null;
    this.#mark.style.left = `${((near ?? 0) / limit) * 100}%`;
  }
}

customElements.define("skein-gauge", SkeinGauge);
