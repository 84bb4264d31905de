"""A browser at the portal: what pages weigh, how soon something is seen, and how the heat map moves.

Reads one line of JSON: `{"link": ..., "origin": ..., "campaign": ...}`. Answers one: for each page its first contentful paint in
milliseconds, the bytes that came over the wire for it by a browser that has nothing yet, and its DOM nodes; and the frames a second
while a pointer moves over the heat map and drags it along.
"""

import json
import sys

from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]
ROUNDS = 5
MOVES = 240
# Of so many moves the first half hovers, and the other half drags.
TURN = 60
HEIGHT = 900

PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
NODES = "() => document.getElementsByTagName('*').length"
# Frames are counted by the page itself while the pointer moves.
COUNT = "() => { window.frames_seen = []; const see = (t) => { window.frames_seen.push(t); requestAnimationFrame(see); }; requestAnimationFrame(see); }"
SEEN = """() => {
  const times = window.frames_seen;
  const gaps = times.slice(1).map((t, at) => t - times[at]).sort((a, b) => a - b);
  return { fps: (times.length - 1) * 1000 / (times.at(-1) - times[0]), slow: gaps[Math.floor(gaps.length * 0.95)] };
}"""


def median(values):
    return sorted(values)[len(values) // 2]


def look(browser, cookies, at):
    """A page in a browser that has nothing yet."""
    context = browser.new_context(viewport={"width": 1280, "height": HEIGHT})
    context.add_cookies(cookies)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    weight = {"bytes": 0}
    session.on("Network.loadingFinished", lambda said: weight.update(bytes=weight["bytes"] + said["encodedDataLength"]))
    page.goto(at, wait_until="load")
    page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
    page.wait_for_timeout(500)
    seen = {"paint_ms": page.evaluate(PAINT), "bytes": weight["bytes"], "nodes": page.evaluate(NODES)}
    context.close()
    return seen


def moved(browser, cookies, at):
    context = browser.new_context(viewport={"width": 1280, "height": HEIGHT})
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(at, wait_until="load")
    canvas = page.locator("skein-heat-map canvas")
    canvas.wait_for()
    page.wait_for_timeout(1000)
    canvas.scroll_into_view_if_needed()
    # What of it is on the screen: elsewhere there is nothing to point at.
    box = canvas.bounding_box()
    left, top = box["x"] + 4, max(box["y"], 0) + 4
    width, height = box["width"] - 8, min(box["y"] + box["height"], HEIGHT) - 4 - top
    assert width > 100 and height > 100, box
    page.evaluate(COUNT)
    for number in range(MOVES):
        step = number % TURN
        if step == TURN // 2:
            page.mouse.down()
        # Across, and up and down: what is dragged goes the whole height, down in one turn and up in the next.
        down = step / (TURN // 2) % 1 if number // TURN % 2 else 1 - step / (TURN // 2) % 1
        page.mouse.move(left + width * step / TURN, top + height * down)
        if step == TURN - 1:
            page.mouse.up()
    seen = page.evaluate(SEEN)
    context.close()
    return seen


def main():
    asked = json.loads(sys.stdin.readline())
    origin, campaign = asked["origin"], asked["campaign"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = browser.new_context()
        page = context.new_page()
        page.goto(asked["link"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{origin}/")
        cookies = context.cookies()
        context.close()
        pages = {}
        for name, path in [
            ("overview", "/"), ("datasets", "/datasets"), ("campaigns", "/campaigns"),
            ("campaign", f"/campaigns/{campaign}"), ("plan", f"/campaigns/{campaign}/plan"),
            ("runs", f"/campaigns/{campaign}/runs"),
        ]:
            rounds = [look(browser, cookies, origin + path) for _ in range(ROUNDS)]
            pages[name] = {what: median([one[what] for one in rounds]) for what in ("paint_ms", "bytes", "nodes")}
        answer = {"pages": pages, "map": moved(browser, cookies, f"{origin}/campaigns/{campaign}")}
        browser.close()
    print(json.dumps(answer), flush=True)


main()
