"""Every page in both themes, and those of people who may do less, before axe-core; and no word of a stranger has done anything there."""

import pathlib

from people import GIVEN, Person, browser, findings, tell

found, hurt, errors = [], [], []
with browser() as opened:
    for theme in ("light", "dark"):
        admin = Person(opened, "admin", color_scheme=theme, viewport={"width": 1280, "height": 900})
        admin.page.goto("/sign-in")
        found += findings(admin.page)
        admin.signs_in("/")
        for path in GIVEN["pages"]:
            admin.page.goto(path)
            found += [f"{theme}: {one}" for one in findings(admin.page)]
            if admin.page.evaluate("window.hurt !== undefined"):
                hurt.append(path)
        for who, pages in GIVEN.get("others", {}).items():
            other = Person(opened, who, color_scheme=theme, viewport={"width": 1280, "height": 900})
            other.signs_in("/")
            for path in pages:
                other.page.goto(path)
                found += [f"{theme}, {who}: {one}" for one in findings(other.page)]
                if other.page.evaluate("window.hurt !== undefined"):
                    hurt.append(path)
            errors += other.errors
        for name, path in GIVEN.get("shots", {}).items():
            admin.page.goto(path)
            admin.page.wait_for_load_state("load")
            to = pathlib.Path(GIVEN["place"]) / f"{name}-{theme}.png"
            admin.page.screenshot(path=to)
        errors += admin.errors
tell(found=found, hurt=hurt, errors=errors)
