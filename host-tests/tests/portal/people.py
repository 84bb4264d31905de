"""People with a browser each, as the tests of the portal have them.

A script is given JSON as its argument: where the server is, and whose token is which. It prints JSON, and fails where something is
not as people would find it."""

import json
import pathlib
import re
import shutil
import sys
from contextlib import contextmanager

import axe_playwright_python
from playwright.sync_api import expect, sync_playwright

# As root, on a machine without a display, and speaking to nobody but the server.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Nothing that a person waits for here takes as long, however busy the machine is.
PATIENCE_MS = int(__import__("os").environ.get("PW_MS", 120_000))
AXE = pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js"
# As whoever knows their browser makes a form that no page offers.
FORGED = """([action, fields]) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action });
  const secret = document.querySelector("input[name=form]").value;
  for (const [name, value] of Object.entries({ form: secret, ...fields })) {
    form.append(Object.assign(document.createElement("input"), { name, value }));
  }
  document.body.append(form);
  form.submit();
}"""
GIVEN = json.loads(sys.argv[1])
ADDRESS = GIVEN["address"]


def chromium():
    found = shutil.which("chromium")
    assert found, "no chromium: `cargo xtask setup` installs it"
    return found


@contextmanager
def browser():
    """A browser that nobody used before."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        yield opened
        opened.close()


class Person:
    """Somebody at a window of their own."""

    def __init__(self, opened, name, **window):
        self.name = name
        self.context = opened.new_context(base_url=ADDRESS, **window)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.errors = []
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(f"{self.page.url}: {error}"))

    def _said(self, message):
        # That a page was refused is the page's own matter.
        if message.type == "error" and "the server responded with a status" not in message.text:
            self.errors.append(f"{self.page.url}: {message.text}")

    def signs_in(self, path="/"):
        """Goes somewhere, is asked for the token, and comes to where it was to go."""
        self.page.goto(path)
        expect(self.page).to_have_title("Sign in · Skein")
        self.page.get_by_label("Token").fill(GIVEN["tokens"][self.name])
        self.clicks("Sign in")
        expect(self.page.locator(".who")).to_contain_text(self.name)
        assert self.page.url == ADDRESS + path, self.page.url
        return self

    def clicks(self, name, where=None):
        """A button or a link, by what stands on it."""
        place = where or self.page
        button = place.get_by_role("button", name=name, exact=True)
        link = place.get_by_role("link", name=name, exact=True)
        button.or_(link).first.click()

    def state(self):
        """Where a campaign is."""
        return self.page.locator("dl .state").first

    def starts(self):
        """Says yes to what the page says that it leads to."""
        self.clicks("Start")
        self.sees(re.compile(r"\d+ datasets are migrated"))
        self.page.get_by_label("Reason").fill("it is time")
        self.clicks("Start")

    def goes_on(self):
        """With open eyes: more failed than may."""
        self.clicks("Resume")
        self.page.get_by_label("Go on although").check()
        self.clicks("Resume")

    def approves(self, campaign):
        """What waits for this person is on the first page. Answers whether anything does."""
        self.page.goto("/")
        waits = self.page.locator("section", has=self.page.get_by_role("heading", name="Waits for you"))
        mine = waits.get_by_role("link", name=campaign)
        if mine.count() == 0:
            return False
        mine.first.click()
        if not self.page.url.endswith("/plan"):
            self.clicks("Plan and approvals")
        self.page.get_by_label("Note, if you like").first.fill(f"looked at by {self.name}")
        self.clicks("Approve")
        self.sees(f"looked at by {self.name}")
        return True

    def opens_the_failure(self):
        """From a failed run to its log."""
        self.sees("Failed runs")
        failed = self.page.locator("section", has=self.page.get_by_role("heading", name="Failed runs"))
        failed.get_by_role("link", name="Log").first.click()
        self.sees(GIVEN["cause"])

    def takes_back(self):
        """All of it."""
        self.clicks("Roll back")
        self.sees("become what they were before")
        self.page.get_by_label("Reason").fill("it was not time")
        self.clicks("Roll back")

    def forges(self, action, **fields):
        """Sends a form that stands on no page, with the secret of the page that is open."""
        with self.page.expect_navigation():
            self.page.evaluate(FORGED, [action, fields])

    def sees(self, text):
        expect(self.page.locator("main")).to_contain_text(text)

    def is_refused(self, code):
        """The page says that it was not done, and why."""
        expect(self.page.locator("main .bad").first).to_contain_text(code)
        self.sees("What to do")


def findings(page):
    """What axe-core finds that keeps people out."""
    page.evaluate(AXE.read_text() + "; 0")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{page.url}: {one['impact']}: {one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def tell(**what):
    print(json.dumps(what))
