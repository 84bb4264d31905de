"""Somebody who has read nothing, before what `cargo xtask demo --keep` leaves: from the first page to a campaign that was approved and taken
back, by what the pages say alone. No path is typed but that of the first page."""

import re

from people import ADDRESS, Person, browser, expect, tell


def waits_for(person, state):
    """The page of a campaign says by itself how it is getting on."""
    expect(person.state()).to_contain_text(state)


with browser() as opened:
    me = Person(opened, "admin").signs_in("/")
    me.clicks("New campaign")
    me.page.get_by_label("Module", exact=True).select_option("columns@1")
    me.clicks("Go on")
    me.page.get_by_label("Name", exact=True).fill("no more amounts")
    me.page.get_by_label("Team", exact=True).first.select_option("pay")
    me.page.get_by_label("name (required)").fill("no-amount")
    # The page says that it is JSON; what is wrong is said where it was typed, and nothing of it is lost.
    steps = me.page.get_by_label("steps", exact=True)
    steps.fill("drop amount")
    me.clicks("Make and plan it")
    expect(me.page.get_by_role("alert")).to_contain_text("steps")
    expect(me.page.get_by_label("Name", exact=True)).to_have_value("no more amounts")
    me.page.get_by_label("steps", exact=True).fill('[{ "drop": "amount" }]')
    me.clicks("Make and plan it")

    # It is being planned; its own page says when that is done, and whose word it waits for.
    me.page.get_by_role("link", name=re.compile("getting on|Rollout|Progress")).first.click()
    waits_for(me, "awaiting approval")
    campaign = me.page.url
    me.clicks("Plan and approvals")
    me.sees("could be given by ben, dan")
    me.clicks("Sign out")

    owner = Person(opened, "ben").signs_in("/")
    assert owner.approves("no more amounts")

    me.signs_in("/")
    me.clicks("no more amounts")
    assert me.page.url == campaign, me.page.url
    waits_for(me, "approved")
    me.starts()
    waits_for(me, "soaking")
    me.takes_back()
    waits_for(me, "rolled back")
    assert me.page.url.startswith(ADDRESS)
    tell(errors=me.errors + owner.errors, campaign=campaign.rsplit("/", 1)[1])
