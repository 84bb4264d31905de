"""Somebody who has read nothing, before what the demo leaves (`cargo xtask demo --walk`) or before the server of a test: from the
first page to a campaign that was approved and taken back, by what the pages say alone. No path is typed but that of the first page."""

import re

from people import ADDRESS, GIVEN, Person, browser, expect, tell

COLUMN = GIVEN["column"]
NAME = f"no more {COLUMN}"


def waits_for(person, state):
    """The page of a campaign says by itself how it is getting on."""
    expect(person.state()).to_contain_text(state)


with browser() as opened:
    me = Person(opened, "admin").signs_in("/")
    me.clicks("New campaign")
    me.page.get_by_label("Module", exact=True).select_option("columns@1")
    me.clicks("Go on")
    me.page.get_by_label("Name", exact=True).fill(NAME)
    me.page.get_by_label("Team", exact=True).first.select_option(GIVEN["team"])
    me.page.get_by_label("name (required)").fill(f"no-{COLUMN}")
    # The page says that it is JSON; what is wrong is said where it was typed, and nothing of it is lost.
    steps = me.page.get_by_label("steps", exact=True)
    steps.fill(f"drop {COLUMN}")
    me.clicks("Make and plan it")
    expect(me.page.get_by_role("alert")).to_contain_text("steps")
    expect(me.page.get_by_label("Name", exact=True)).to_have_value(NAME)
    me.page.get_by_label("steps", exact=True).fill(f'[{{ "drop": "{COLUMN}" }}]')
    me.clicks("Make and plan it")

    # It is being planned; its own page says when that is done, and whose word it waits for.
    me.page.get_by_role("link", name=re.compile("getting on|Rollout|Progress")).first.click()
    waits_for(me, "awaiting approval")
    campaign = me.page.url
    me.clicks("Plan and approvals")
    for name in GIVEN["owners"]:
        me.sees(name)
    me.clicks("Sign out")

    owners = [Person(opened, name) for name in GIVEN["owners"]]
    # Of those who may, as many as are asked for: whoever comes later finds nothing that waits.
    asked = [owner for owner in owners if owner.signs_in("/").approves(NAME)]
    assert asked, "nobody was asked"

    me.signs_in("/")
    me.clicks(NAME)
    assert me.page.url == campaign, me.page.url
    waits_for(me, "approved")
    me.starts()
    waits_for(me, "soaking")
    me.takes_back()
    waits_for(me, "rolled back")
    assert me.page.url.startswith(ADDRESS)
    tell(errors=[error for one in [me, *owners] for error in one.errors], campaign=campaign.rsplit("/", 1)[1])
