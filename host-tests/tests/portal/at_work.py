"""Somebody watches an attempt that is at work: what it has done moves by itself, what they type stays, and how it ended is said."""

import re
import urllib.request

from people import ADDRESS, GIVEN, Person, browser, expect, tell

PAGE = f"/attempts/{GIVEN['attempt']}"
RUN = f"/campaigns/{GIVEN['campaign']}/runs/0"


def rows(person):
    """Rows that went through it, as the page says."""
    return int(re.match(r"[0-9,]+", person.page.locator(".bar").first.inner_text().strip()).group().replace(",", ""))


def moves(person):
    """It gets on while nobody does anything."""
    before = person.page.locator(".bar").first.inner_text().strip()
    expect(person.page.locator(".bar").first).not_to_have_text(before)


def lets_go():
    """It is as fast as it can be again."""
    head = {"Authorization": f"Bearer {GIVEN['tokens']['admin']}", "If-Match": "*"}
    quota = f"{ADDRESS}/v1/quotas/campaign:{GIVEN['campaign']}"
    urllib.request.urlopen(urllib.request.Request(quota, method="DELETE", headers=head)).close()


with browser() as opened:
    vic = Person(opened, "vic").signs_in(RUN)
    vic.sees("At work")
    bar = vic.page.locator("skein-timeline .plot .bar.open")
    expect(bar).to_have_count(1)
    assert "not over, so far" in bar.get_attribute("aria-label")
    vic.clicks(GIVEN["attempt"])
    expect(vic.page.locator(".stepper [aria-current=step]")).to_contain_text("Transforms")
    find = vic.page.get_by_label("Lines with")
    find.fill("print")
    before = rows(vic)
    moves(vic)
    moves(vic)
    assert rows(vic) > before, before
    expect(find).to_have_value("print")
    vic.clicks("Find")
    expect(vic.page.locator("mark").first).to_have_text("print")
    moves(vic)
    expect(vic.page.locator("mark").first).to_have_text("print")

    lets_go()
    expect(vic.page.locator("main dl .state").first).to_contain_text("succeeded")
    expect(vic.page.locator("[data-at-work]")).to_have_count(0)
    tell(errors=vic.errors)
