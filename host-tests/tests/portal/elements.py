"""Each custom element does what it is for: by pointer and by keys, in both themes, while the part of the page that it is in is made anew;
and takes whatever strangers wrote for text."""

import re

from people import ADDRESS, GIVEN, Person, browser, expect, findings, tell

# Of the design's numbers, for a page with all its files.
MOST_BYTES = 150_000
AT, MARKUP = GIVEN["at"], GIVEN["markup"]
LEVELS = ["info", "debug", "warn", "error"]
# As the page has it in a part that says how things are by now; what it is asked for next is said by the test.
LIVE = """(selector) => {
  const [live, part, inside] = [document.createElement("skein-live"), document.createElement("div"), document.querySelector(selector)];
  live.setAttribute("events", "/v1/events/stream?tick=true");
  part.setAttribute("hx-get", "/live/of-the-test");
  part.setAttribute("hx-trigger", "skein:changed");
  part.setAttribute("hx-swap", "innerMorph");
  inside.replaceWith(live);
  live.append(part);
  part.append(inside);
  htmx.process(part);
}"""
# Where the lines stand in their box: how far down, and which is the first.
BOX = """() => {
  const log = document.querySelector("skein-log"), box = log.shadowRoot.querySelector(".lines");
  const edge = box.getBoundingClientRect().top;
  const first = [...log.querySelectorAll("tbody tr")].find((row) => !row.hidden && row.getBoundingClientRect().bottom > edge + 1);
  return { end: box.scrollHeight - box.scrollTop - box.clientHeight < 2, first: first.id, scrolls: box.scrollHeight > box.clientHeight };
}"""
PAINTED = "(name) => [...CSS.highlights.get(name)].map((range) => range.toString())"
# What the axis shows, of the time of a day in milliseconds.
EDGE = """() => {
  const ticks = [...document.querySelector("skein-timeline").shadowRoot.querySelectorAll(".tick")].slice(0, 2);
  const [[one, at], [other, behind]] = ticks.map((tick) => [Date.parse(`2026-01-01T${tick.textContent.replace(" UTC", "")}Z`), parseFloat(tick.style.left)]);
  const each = (other - one) / (behind - at);
  return { begins: one - at * each, lasts: 100 * each };
}"""
# Elements that only markup could have made.
MADE = """(name) => [...document.querySelectorAll(name)].flatMap((one) => [...one.querySelectorAll("*"), ...one.shadowRoot.querySelectorAll("*")])
  .filter((one) => one.matches("script, img, [onerror]")).length"""


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def lines(numbers, at="/attempts/x"):
    """A part with a log, as the server makes it. Line 30, 60 and so on say what is looked for."""
    rows = [
        f'<tr id="line-{n}" data-level="{LEVELS[n % 4]}"><td class="number"><a href="{at}?after={n - 1}#line-{n}">{n}</a></td>'
        f"<td>{LEVELS[n % 4]} log</td><td></td><td class=\"said\">{'Sought' if n % 30 == 0 else 'said'} {n} {escaped(MARKUP)}</td></tr>"
        for n in numbers
    ]
    return f'<skein-log id="lines"><table><tbody>{"".join(rows)}</tbody></table></skein-log>'


class Looker(Person):
    """Somebody who looks at one element, in a page whose live part the test decides about."""

    def opens(self, page, element):
        self.page.goto(AT[page])
        self.page.evaluate("(name) => customElements.whenDefined(name)", element)
        return self.page.locator(element)

    def lives(self, selector):
        """From now on it is in a part that says how things are by now."""
        self.part = self.page.evaluate("(selector) => document.querySelector(selector).outerHTML", selector)
        self.page.route("**/live/of-the-test", lambda route: route.fulfill(body=self.part, content_type="text/html"))
        with self.page.expect_response("**/live/of-the-test"):
            self.page.evaluate(LIVE, selector)

    def gets(self, part):
        """The part is asked for again, and this is what there is."""
        self.part = part
        with self.page.expect_response("**/live/of-the-test"):
            self.page.evaluate("document.querySelector('skein-live > div').dispatchEvent(new CustomEvent('skein:changed'))")

    def waits(self, what, *given):
        self.page.wait_for_function(what, arg=given[0] if given else None)

    def focus_label(self):
        return self.page.evaluate("document.activeElement.shadowRoot.activeElement.ariaLabel")

    def focus(self):
        return self.page.evaluate("(document.activeElement.shadowRoot?.activeElement ?? document.activeElement).textContent.trim()")


def alike(one, other, of=None):
    return abs(one - other) < 0.02 * (of or other)


def is_text(me, element):
    assert me.page.evaluate(MADE, element) == 0, f"markup in {element}"
    assert me.page.evaluate("window.hurt === undefined"), f"{element} ran what a stranger wrote"


def log(me, found):
    box = me.opens("log", "skein-log")
    expect(box.get_by_role("button", name="Follow")).to_be_hidden()
    search = box.get_by_label("Search these lines")
    search.fill("<SCRIPT>window")
    expect(box.get_by_role("status")).to_contain_text("1 of ")
    assert set(me.page.evaluate(PAINTED, "skein-found")) == {"<script>window"}
    is_text(me, "skein-log")
    # What is typed is text and no pattern.
    search.fill("window.hurt.1")
    expect(box.get_by_role("status")).to_have_text("0 found")
    search.fill("")

    # A line has a link, which leads to it however many there are.
    me.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=ADDRESS)
    me.page.evaluate("navigator.clipboard.writeText('something else')")
    box.locator("#line-2 a").click()
    expect(box.get_by_role("status")).to_contain_text("Copied the link of line 2")
    assert me.page.url == ADDRESS + AT["log"] + "#line-2", "the address is that of the line, too"
    link = me.page.evaluate("navigator.clipboard.readText()")
    assert link == f"{ADDRESS}{AT['log']}?after=1#line-2", link
    me.page.goto(link)
    assert box.locator("tbody tr").first.get_attribute("id") == "line-2"
    expect(me.page.locator("tr:target")).to_contain_text("print")

    # Where lines come, the last ones are in sight, until somebody looks at others.
    me.lives("skein-log")
    follow = box.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "false")
    follow.click()
    me.gets(lines(range(1, 91)))
    expect(box.locator("#line-90")).to_have_count(1)
    assert me.page.evaluate(BOX)["end"] and me.page.evaluate(BOX)["scrolls"]
    me.gets(lines(range(31, 121)))
    expect(box.locator("#line-120")).to_have_count(1)
    assert me.page.evaluate(BOX)["end"], "the last line is in sight"
    box.get_by_role("region").hover()
    me.page.mouse.wheel(0, -700)
    expect(follow).to_have_attribute("aria-pressed", "false")
    first = me.page.evaluate(BOX)["first"]
    me.gets(lines(range(36, 126)))
    expect(box.locator("#line-125")).to_have_count(1)
    assert me.page.evaluate(BOX)["first"] == first, "what somebody reads does not move"

    # From place to place, and none is lost when the part is made anew or put in whole.
    search.press_sequentially("sought")
    expect(box.get_by_role("status")).to_have_text("1 of 3, line 60")
    search.press("Enter")
    expect(box.get_by_role("status")).to_have_text("2 of 3, line 90")
    search.press("Shift+Enter")
    expect(box.get_by_role("status")).to_have_text("1 of 3, line 60")
    me.page.locator("#line-60 a").focus()
    me.page.keyboard.press("N")
    expect(box.get_by_role("status")).to_have_text("3 of 3, line 120")
    for place in ("1 of 3, line 60", "2 of 3, line 90"):
        me.page.keyboard.press("n")
        expect(box.get_by_role("status")).to_have_text(place)
    me.page.keyboard.press("/")
    expect(search).to_be_focused()
    expect(search).to_have_value("sought")
    me.gets(lines(range(41, 131)))
    expect(box.locator("#line-130")).to_have_count(1)
    expect(box.get_by_role("status")).to_have_text("2 of 3, line 90")
    assert me.page.evaluate(PAINTED, "skein-here") == ["Sought"]
    me.page.evaluate("(part) => { document.querySelector('skein-live > div').innerHTML = part; }", lines(range(41, 131)))
    expect(search).to_have_value("sought")
    assert len(me.page.evaluate(PAINTED, "skein-found")) == 3

    # By level; what is not shown is not found.
    box.get_by_label("Show").select_option("warn")
    shown = box.locator("tbody tr:visible")
    expect(shown).to_have_count(45)
    expect(box.get_by_role("status")).to_have_text("1 found")
    me.gets(lines(range(41, 133)))
    expect(box.locator("#line-132")).to_have_count(1)
    expect(shown).to_have_count(46)
    me.page.evaluate("document.querySelectorAll('skein-log tr').forEach((row) => row.removeAttribute('hidden'))")
    expect(shown).to_have_count(46)
    follow.click()
    assert me.page.evaluate(BOX)["end"]
    is_text(me, "skein-log")
    found += findings(me.page)
    # What has no level is always shown, and where nothing has one there is none to choose.
    me.gets(re.sub('data-level="[a-z]+"', 'data-level=""', lines(range(41, 51))))
    expect(shown).to_have_count(10)
    expect(box.get_by_label("Show")).to_be_hidden()


def timeline(me, found):
    over = me.opens("run", "skein-timeline")
    bars = over.locator(".plot .bar")
    rows = over.locator("tbody tr")
    expect(bars).to_have_count(rows.count())
    for said in ("a whole run: failed; began 2", " UTC, ended 2", " UTC, took ", ", node nod_"):
        assert said in bars.first.get_attribute("aria-label"), said
    expect(over.locator(".axis")).to_contain_text("UTC")
    expect(over.locator(".name").first).to_have_text("a whole run ✗ failed")
    bars.last.hover()
    expect(over.locator(".note")).to_have_text(bars.last.get_attribute("aria-label"))

    # Along the bars and closer with keys; what is made anew leaves it so.
    def wide():
        return bars.last.evaluate("(bar) => parseFloat(bar.style.width)")

    whole = wide()
    bars.first.focus()
    expect(over.locator(".note")).to_have_text(bars.first.get_attribute("aria-label"))
    me.page.keyboard.press("End")
    expect(over.locator(".note")).to_have_text(bars.last.get_attribute("aria-label"))
    me.page.keyboard.press("+")
    assert abs(wide() - 2 * whole) < whole / 10 or wide() > 100, (whole, wide())
    closer = wide()
    def changed(route):
        part = route.fetch()
        route.fulfill(response=part, body=part.text().replace('data-name="a whole run"', 'data-name="Changed"'))

    me.page.route("**/live/campaigns/**", changed)
    me.page.evaluate("document.querySelector('skein-live > div').dispatchEvent(new CustomEvent('skein:changed'))")
    expect(over.locator(".name").first).to_contain_text("Changed")
    assert wide() == closer and "Changed" in me.focus_label(), "it is where it was"
    me.page.keyboard.press("0")
    assert wide() == whole

    # Along the time: keys and buttons do the same.
    press, click = me.page.keyboard.press, lambda name: over.get_by_role("button", name=name).click()
    all_of_it = me.page.evaluate(EDGE)["lasts"]
    bars.last.focus()
    for act, closer, further, earlier, later in (
        (press, "+", "-", "ArrowLeft", "ArrowRight"),
        (click, "Zoom in", "Zoom out", "Earlier", "Later"),
    ):
        act(closer)
        near = me.page.evaluate(EDGE)
        assert alike(near["lasts"], all_of_it / 2)
        act(later)
        assert alike(me.page.evaluate(EDGE)["begins"], near["begins"] + near["lasts"] / 4, near["lasts"])
        act(earlier)
        assert alike(me.page.evaluate(EDGE)["begins"], near["begins"], near["lasts"])
        act(further)
        assert alike(me.page.evaluate(EDGE)["lasts"], all_of_it)
        click("All")
        assert wide() == whole
    # From bar to bar, and no further than there are.
    bars.last.focus()
    for key, at in (("Home", 0), ("ArrowUp", 0), ("ArrowDown", min(1, bars.count() - 1))):
        press(key)
        assert me.focus_label() == bars.nth(at).get_attribute("aria-label"), key

    # A span is drawn over with the pointer.
    axis = over.locator(".axis").bounding_box()
    me.page.mouse.move(axis["x"] + 1, axis["y"] + 5)
    me.page.mouse.down()
    me.page.mouse.move(axis["x"] + axis["width"] / 2, axis["y"] + 5, steps=4)
    me.page.mouse.up()
    assert wide() > 1.9 * whole, (whole, wide())
    over.get_by_role("button", name="All").click()
    assert wide() == whole

    # What goes on has no end; and names are text.
    me.page.unroute("**/live/campaigns/**")
    me.page.evaluate("""(markup) => {
      const row = document.querySelector("skein-timeline tbody tr");
      row.dataset.name = row.querySelector(".state").textContent = markup;
      row.removeAttribute("data-to");
    }""", MARKUP)
    expect(over.locator(".name").first).to_contain_text(MARKUP)
    expect(bars.first).to_have_class("bar bad  open")
    assert "not over, so far" in bars.first.get_attribute("aria-label")
    is_text(me, "skein-timeline")
    found += findings(me.page)
    bars.last.focus()
    me.page.keyboard.press("Enter")
    me.page.wait_for_url("**/attempts/*")

    waves = me.opens("campaign", "skein-timeline")
    expect(waves.locator(".plot .bar")).to_have_count(waves.locator("li").count())
    for bar in waves.locator(".plot .bar").all():
        assert "promoted; began 2" in bar.get_attribute("aria-label")


def diff(me, found):
    me.opens("sample", "skein-diff")
    columns = me.page.locator("skein-diff", has=me.page.locator("table.diff"))
    rows = me.page.locator("skein-diff", has=me.page.locator("table.rows"))
    assert me.page.evaluate(PAINTED, "skein-gone") == ["Utf8"] and me.page.evaluate(PAINTED, "skein-new") == ["Int64"]

    # From change to change, with keys and buttons.
    columns.get_by_role("button", name="Next change").click()
    expect(columns.get_by_role("status")).to_have_text("1 of 2 changes")
    assert "dropped" in me.focus()
    me.page.keyboard.press("n")
    assert "retyped" in me.focus(), me.focus()
    rows.get_by_role("button", name="Next change").click()
    for key, place in ("n", 2), ("n", 3), ("p", 2):
        me.page.keyboard.press(key)
        expect(rows.get_by_role("status")).to_have_text(f"{place} of 5 changes")
    rows.get_by_role("button", name="Change before").click()
    expect(rows.get_by_role("status")).to_have_text("1 of 5 changes")

    # Only what changed; also when the part is made anew.
    both = columns.locator("tbody tr:visible")
    all_of_it = both.count()
    columns.get_by_role("button", name="Only what changed").click()
    expect(both).to_have_count(2)
    me.page.evaluate("document.querySelectorAll('table.diff tr').forEach((row) => row.removeAttribute('hidden'))")
    expect(both).to_have_count(2)
    columns.get_by_role("button", name="Only what changed").click()
    expect(both).to_have_count(all_of_it)
    heads = rows.locator("thead th:visible")
    expect(heads).to_have_count(7)
    rows.get_by_role("button", name="Only what changed").click()
    assert [head.split()[0] for head in heads.all_text_contents()] == ["Row", "id", "remark", "amount"]

    # Beside each other or one below the other, as it fits or as somebody likes.
    def below():
        was, is_ = [columns.locator("tr.changed td").nth(at).bounding_box() for at in (1, 2)]
        return was["y"] < is_["y"] and was["x"] == is_["x"]

    assert not below()
    columns.get_by_role("combobox").select_option("one below the other")
    assert below()
    columns.get_by_role("combobox").select_option("as it fits")
    assert not below()
    me.page.set_viewport_size({"width": 560, "height": 900})
    me.waits("() => document.querySelectorAll('skein-diff')[1].matches(':state(below)')")
    assert below()
    columns.get_by_role("combobox").select_option("side by side")
    assert not below()
    columns.get_by_role("combobox").select_option("as it fits")
    me.page.set_viewport_size({"width": 1280, "height": 900})

    # Of long texts words, of a word letters; all of it is text.
    def painted(was, is_):
        me.page.evaluate("""([was, is]) => {
          const cell = document.querySelector("table.rows tbody td"), [del, ins] = ["del", "ins"].map((name) => document.createElement(name));
          [del.textContent, ins.textContent] = [was, is];
          cell.replaceChildren(del, " → ", ins);
        }""", [was, is_])

    assert sorted(me.page.evaluate(PAINTED, "skein-gone")) == ["Utf8"]
    painted("the old house by the sea", "the new house by the sea")
    assert sorted(me.page.evaluate(PAINTED, "skein-gone")) == ["Utf8", "old"]
    assert sorted(me.page.evaluate(PAINTED, "skein-new")) == ["Int64", "new"]
    painted("colour", "color")
    assert sorted(me.page.evaluate(PAINTED, "skein-gone")) == ["Utf8", "u"]
    painted(MARKUP, MARKUP.replace("hurt=1", "hurt=2"))
    assert sorted(me.page.evaluate(PAINTED, "skein-new")) == ["2", "2", "Int64"]
    is_text(me, "skein-diff")
    found += findings(me.page)


def gauge(me, found):
    me.opens("log", "skein-gauge")
    meters = me.page.get_by_role("meter")
    expect(meters).to_have_count(4)
    memory = me.page.get_by_role("meter", name="Memory at most")
    expect(memory).to_have_attribute("aria-valuemax", str(64 << 20))
    assert memory.get_attribute("aria-valuetext").endswith("%")
    assert 0 < int(memory.get_attribute("aria-valuenow")) < 64 << 20

    def says(used, words):
        me.page.evaluate("""([used, words]) => {
          const gauge = [...document.querySelectorAll("skein-gauge")].find((one) => one.querySelector("[aria-label='Memory at most']"));
          for (const [name, value] of Object.entries({ used, limit: 200, near: 180 })) { gauge.setAttribute(name, value); }
          gauge.lastChild.textContent = words;
        }""", [used, words])
        return memory.locator(".used")

    expect(says(100, " so many")).to_have_class("used ")
    expect(memory).to_have_attribute("aria-valuetext", "so many")
    assert memory.locator(".used").evaluate("(used) => used.style.width") == "50%"
    me.page.evaluate("[...document.querySelectorAll('skein-gauge')][1].setAttribute('used', 20)")
    assert memory.locator(".used").evaluate("(used) => used.style.width") == "10%"
    assert memory.locator(".mark").evaluate("(mark) => mark.style.left") == "90%"
    expect(says(179, " not yet")).to_have_class("used ")
    expect(says(180, " nearly")).to_have_class("used near")
    expect(says(230, MARKUP)).to_have_class("used full")
    expect(memory).to_have_attribute("aria-valuenow", "200")
    expect(memory).to_have_attribute("aria-valuetext", MARKUP)
    # What is there to be used up is not bad when it is.
    near = "(near) => [...document.querySelectorAll('skein-gauge')][1].toggleAttribute('near', near)"
    me.page.evaluate(near, False)
    expect(memory.locator(".used")).to_have_class("used ")
    expect(memory.locator(".mark")).to_be_hidden()
    is_text(me, "skein-gauge")
    found += findings(me.page)
    moves = "(used) => getComputedStyle(used).transitionDuration"
    assert memory.locator(".used").evaluate(moves) != "0s"
    me.page.emulate_media(reduced_motion="reduce")
    assert memory.locator(".used").evaluate(moves) == "0s", "it moves before who asked that nothing does"


def weights(opened):
    """What each page costs with all its files, from a browser that has none; it loads those alone of which it has an element."""
    me = Looker(opened, "admin").signs_in("/")
    network, sizes = me.context.new_cdp_session(me.page), []
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.on("Network.loadingFinished", lambda one: sizes.append(one["encodedDataLength"]))
    weights = {}
    for name, path in AT.items():
        sizes.clear()
        me.page.goto(path)
        for file in ("heat-map", "log", "timeline", "diff", "gauge"):
            there = me.page.locator(f"skein-{file}").count() > 0
            loaded = me.page.locator(f'script[src$="-{file}.js"]').count() > 0
            assert there == loaded, f"{path}: {file}"
        assert me.page.locator(":not(:defined)").count() == 0, path
        weights[name] = sum(sizes)
        assert weights[name] < MOST_BYTES, (name, weights)
    return weights


def without_scripts(opened):
    """What the server made is all there."""
    plain = Looker(opened, "admin", java_script_enabled=False).signs_in("/")
    plain.page.goto(AT["log"])
    expect(plain.page.locator("#line-1")).to_contain_text(MARKUP)
    expect(plain.page.get_by_role("meter")).to_have_count(4)
    plain.page.locator("#line-2 a").click()
    expect(plain.page.locator("tbody tr[id]")).to_have_count(1)
    plain.page.goto(AT["sample"])
    expect(plain.page.locator("table.rows tbody tr").first).to_be_visible()
    plain.page.goto(AT["run"])
    expect(plain.page.locator("skein-timeline tbody tr").first).to_be_visible()


found, errors = [], []
with browser() as opened:
    for theme in ("light", "dark"):
        me = Looker(opened, "admin", color_scheme=theme, viewport={"width": 1280, "height": 900}).signs_in("/")
        for looks_at in (log, timeline, diff, gauge):
            looks_at(me, found)
        errors += me.errors
    without_scripts(opened)
    weighed = weights(opened)
tell(found=found, errors=errors, weights=weighed)
