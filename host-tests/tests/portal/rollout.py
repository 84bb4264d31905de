"""A campaign from its plan to its end and back, by three people: one starts it, one approves, and one may only look."""

from people import GIVEN, Person, browser, expect, tell

campaign = f"/campaigns/{GIVEN['campaign']}"

with browser() as opened:
    olga = Person(opened, "olga").signs_in(campaign)
    expect(olga.state()).to_contain_text("draft")

    # Who may only look sees why, and is refused whatever the way.
    vic = Person(opened, "vic").signs_in(campaign)
    expect(vic.page.get_by_role("button", name="Plan", exact=True)).to_be_disabled()
    expect(vic.page.locator(".steps .note").first).to_contain_text("role")
    vic.page.goto(f"{campaign}/ask/cancel")
    vic.is_refused("SK0691")
    vic.forges(f"{campaign}/actions/plan", expect="draft")
    vic.is_refused("SK0691")
    vic.page.goto(campaign)
    expect(vic.state()).to_contain_text("draft")

    # To an operator of another team it is not there, nor is what they forge about it.
    eve = Person(opened, "eve").signs_in("/campaigns")
    assert eve.page.get_by_role("link", name="remarks").count() == 0
    eve.forges(f"{campaign}/actions/plan", expect="draft")
    expect(eve.page.locator("main .bad")).to_contain_text("SK0680")
    eve.page.goto(campaign)
    expect(eve.page.locator("main .bad")).to_contain_text("SK0680")
    olga.page.goto(campaign)
    expect(olga.state()).to_contain_text("draft")

    # Others see it move, and do not load the page again.
    vic.page.evaluate("window.same = 1")
    olga.clicks("Plan")
    expect(vic.state()).to_contain_text("awaiting approval")
    assert vic.page.evaluate("window.same") == 1, "the page was loaded again"

    # Whoever made it approves nothing of it; another one does.
    ada = Person(opened, "ada").signs_in(f"{campaign}/plan")
    approve = ada.page.get_by_role("button", name="Approve", exact=True)
    assert approve.count() == 0 or approve.first.is_disabled()
    expect(ada.page.locator(".why-not").first).to_be_visible()
    plan = ada.page.locator("main dl code").first.inner_text()
    ada.forges(f"{campaign}/actions/approve", expect="awaiting_approval", plan=plan, slice="pay")
    expect(ada.page.locator("main .bad").first).to_be_visible()
    expect(vic.state()).to_contain_text("awaiting approval")
    owners = [Person(opened, name).signs_in("/") for name in ("ben", "dan")]
    assert any([owner.approves("remarks") for owner in owners])
    expect(vic.state()).to_contain_text("approved")

    # An author makes campaigns and starts none.
    ada.page.goto(campaign)
    expect(ada.page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    assert ada.page.get_by_role("link", name="Start", exact=True).count() == 0
    ada.forges(f"{campaign}/actions/start", expect="approved", plan=plan)
    ada.is_refused("SK0691")
    expect(vic.state()).to_contain_text("approved")

    olga.page.goto(campaign)
    olga.starts()
    olga.page.evaluate("window.same = 1")
    halted, ended = [olga.state().filter(has_text=text) for text in ("halted", "soaking")]
    expect(halted.or_(ended)).to_be_visible()
    if halted.count():
        olga.goes_on()
    expect(ended).to_be_visible()
    expect(vic.state()).to_contain_text("soaking")
    assert vic.page.evaluate("window.same") == 1, "the page was loaded again"

    # Whoever signs out in one window sees it in the others as soon as something happens, and no page within a page.
    gone = Person(opened, "vic").signs_in(campaign)
    other = gone.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_title("Sign in · Skein")

    # A square is opened by the first button alone: the others have their own meaning everywhere.
    square = vic.page.locator("skein-heat-map canvas")
    square.hover(position={"x": 5, "y": 5})
    expect(vic.page.locator("skein-heat-map .note")).to_contain_text("Run 0")
    square.click(button="right", position={"x": 5, "y": 5})
    assert vic.page.evaluate("window.same") == 1, "a run was opened"

    olga.opens_the_failure()
    olga.page.goto(campaign)
    olga.takes_back()
    expect(gone.page.locator("main .alarm")).to_contain_text("signed in")
    assert (gone.page.locator("nav").count(), gone.page.locator("main").count()) == (1, 1), "a page within a page"
    gone.page.locator("main .alarm").get_by_role("link", name="Sign in").click()
    expect(gone.page).to_have_title("Sign in · Skein")
    assert gone.page.url.endswith("?to=" + campaign.replace("/", "%2F")), gone.page.url
    expect(olga.state()).to_contain_text("rolled back")
    expect(vic.state()).to_contain_text("rolled back")
    tell(errors=[error for person in (olga, vic, ada, eve, *owners) for error in person.errors])
