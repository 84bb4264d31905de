//! The list of campaigns in each of its orders: as pages, the API and the command list it.

use crate::house::House;

#[test]
fn campaigns_are_in_the_order_that_the_address_says() {
    let house = House::open();
    let failed = house.makes_one("zebra");
    house.plans(&failed);
    house.rolls_out(&failed);
    let moved = house.makes_again("aardvark");
    house.makes_again("middle");
    house.plans(&moved);
    for (order, expected) in [
        ("oldest", ["zebra", "aardvark", "middle"]),
        ("newest", ["middle", "aardvark", "zebra"]),
        ("name", ["aardvark", "middle", "zebra"]),
        ("failed", ["zebra", "middle", "aardvark"]),
        ("moved", ["aardvark", "middle", "zebra"]),
    ] {
        let page = house.browser("olga").page(&format!("/campaigns?order={order}"));
        let list = page.split_once("<tbody>").unwrap().1;
        let at = expected.map(|name| list.find(&format!(">{name}</a>")).unwrap());
        assert!(at.is_sorted(), "{order}: {page}");
        let asked = |after: &str| house.get(&format!("campaigns?limit=1&order={order}{after}"));
        let (mut page, mut names) = (asked(""), Vec::new());
        loop {
            names.push(page["items"][0]["name"].as_str().unwrap().to_owned());
            let Some(next) = page["next"].as_str() else { break };
            page = asked(&format!("&after={next}"));
        }
        assert_eq!(names, expected, "{order}");
        let call = house.service.call("campaign").env("SKEIN_TOKEN", house.token("olga"));
        let listed = call.arg("list").arg("--order").arg(order).finish();
        let items = listed.json();
        let names: Vec<_> = items.as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, expected, "{order}");
    }
    let refused = house.browser("olga").asks("/campaigns?order=sideways");
    assert!(refused.status == 400 && refused.body.contains("sideways"), "{refused:?}");
}
