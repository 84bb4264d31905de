"""The same without JavaScript: what is promised is read, approved, started and taken back with pages and forms alone."""

import time

from people import GIVEN, PATIENCE_MS, Person, browser, expect, tell

campaign = f"/campaigns/{GIVEN['campaign']}"


def comes_to(person, state):
    """Asks for the page again until it is so."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < end:
        person.page.goto(campaign)
        now = person.state().inner_text()
        if state in now:
            return
        if "halted" in now:
            person.goes_on()
        time.sleep(0.2)
    raise AssertionError(f"it is {now}, and was to be {state}")


with browser() as opened:
    people = {name: Person(opened, name, java_script_enabled=False) for name in ("olga", "ben", "dan")}
    olga = people["olga"].signs_in(campaign)
    olga.clicks("Plan")
    comes_to(olga, "awaiting approval")
    owners = [people[name].signs_in("/") for name in ("ben", "dan")]
    owners[0].page.goto(f"{campaign}/plan")
    owners[0].page.get_by_label("Say something").fill("who else reads this?")
    owners[0].clicks("Send")
    owners[0].sees("who else reads this?")
    assert any([owner.approves("remarks") for owner in owners])
    comes_to(olga, "approved")
    olga.starts()
    comes_to(olga, "soaking")
    olga.opens_the_failure()
    olga.page.goto(campaign)
    olga.takes_back()
    comes_to(olga, "rolled back")
    olga.clicks("Sign out")
    expect(olga.page).to_have_title("Sign in · Skein")
    olga.page.goto(campaign)
    expect(olga.page).to_have_title("Sign in · Skein")
    tell(errors=[])
