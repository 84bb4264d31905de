"""A form that is refused, with and without JavaScript: what was typed is there still, what is wrong has the focus, and it is sent from there."""

from people import ADDRESS, Person, browser, expect, findings, tell

QUOTA, POLICIES = "/quotas/team%3Apay", "/settings/policies"
found, errors = [], []
with browser() as opened:
    for scripts in (True, False):
        admin = Person(opened, "admin", java_script_enabled=scripts).signs_in(QUOTA)
        memory, slots = admin.page.get_by_label("memory at most", exact=True), admin.page.get_by_label("slots at most", exact=True)
        memory.fill("9QB")
        slots.fill("12")
        for _ in range(2):
            admin.clicks("Set")
            alert = admin.page.get_by_role("alert")
            expect(alert).to_contain_text("memory_limit")
            expect(memory).to_have_value("9QB")
            expect(slots).to_have_value("12")
            expect(memory).to_have_attribute("aria-invalid", "true")
            expect(memory).to_be_focused()
            if scripts:
                found += findings(admin.page)
        memory.fill("64GiB")
        admin.clicks("Set")
        expect(admin.page.get_by_role("alert")).to_have_count(0)
        assert admin.page.url == ADDRESS + QUOTA, admin.page.url
        admin.sees("64")

        admin.page.goto(POLICIES)
        admin.page.get_by_label("Name").fill(f"careful-{scripts}")
        written = admin.page.get_by_label("What holds, as JSON")
        written.fill('\n{ "budgets": 1 }')
        admin.clicks("Set")
        expect(alert).to_contain_text("policy")
        # Line breaks that it began with are not lost.
        expect(written).to_have_value('\n{ "budgets": 1 }')
        expect(admin.page.get_by_label("Name")).to_have_value(f"careful-{scripts}")
        written.fill('{ "budget": { "runs": 1 } }')
        admin.clicks("Set")
        expect(admin.page).to_have_title(f"Policy careful-{scripts} · Skein")
        errors += admin.errors
tell(found=found, errors=errors)
