//! Plans that lie, and one that looks around.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::param;
use super::skein::migration::types::{Field, Origin, Refusal, SchemaPlan, Source};
use super::skein::migration::{config, log};

/// Without a lie: both columns computed from themselves.
pub(super) fn plan(s: Source) -> Result<SchemaPlan, Refusal> {
    let behave = param(&s.params, "behave").unwrap_or_default();
    let mut plan = SchemaPlan {
        target: s.schema,
        origins: vec![(0, Origin::Computed(vec![0])), (1, Origin::Computed(vec![1]))],
        reads: vec![0, 1],
        shape: param(&s.params, "shape").unwrap_or_else(|| "same".to_owned()),
        ext: Vec::new(),
    };
    if behave.starts_with("lie-") {
        plan.origins = vec![(0, Origin::Preserved(0)), (1, Origin::Preserved(1))];
    }
    match behave.as_str() {
        "plan-refuses" => {
            return Err(Refusal {
                code: "no".to_owned(),
                message: "not this schema".to_owned(),
                column: Some(1),
            });
        }
        "tell-plan" => {
            let message = format!("the key is {}", super::answers::secret());
            return Err(Refusal { code: "no".to_owned(), message, column: None });
        }
        "say-plan" => {
            super::resources::say("thinking it over");
            let key = ("key".to_owned(), super::answers::secret());
            log::write(log::Level::Warn, "both columns are computed", &[key]);
        }
        "plan-panics" => core::arch::wasm32::unreachable(),
        "plan-unknown-column" => plan.origins[0].1 = Origin::Computed(vec![99]),
        "plan-reads-unknown" => plan.reads.push(99),
        "plan-unknown-target" => plan.origins.push((99, Origin::Carried(0))),
        "plan-no-origin" => drop(plan.origins.pop()),
        "plan-two-origins" => plan.origins.push((0, Origin::Computed(vec![0]))),
        "plan-carried-type" => {
            (plan.origins[0].1, plan.target[0].data_type) = (Origin::Carried(0), "i".to_owned())
        }
        "plan-carried-nullable" => (plan.origins[0].1, plan.target[0].nullable) = (Origin::Carried(0), true),
        "plan-carried" => plan.origins[0].1 = Origin::Carried(0),
        "plan-preserved" | "preserved-changed" => plan.origins[0].1 = Origin::Preserved(0),
        "plan-undeclared" => plan.origins[0].1 = Origin::Computed(Vec::new()),
        "plan-not-read" => plan.reads.clear(),
        "plan-no-type" => plan.target[0].data_type = "no such type".to_owned(),
        "plan-impossible" => plan.target[0].data_type = "tin".to_owned(),
        "plan-parent" => plan.target[1].parent = Some(77),
        "plan-own-parent" => plan.target[0].parent = Some(0),
        "plan-same-names" => plan.target[1].name = plan.target[0].name.clone(),
        "plan-deep" => plan.target = deep(),
        "plan-wide" => plan.target = vec![plan.target[0].clone(); 100_000],
        "plan-wordy" => plan.target[0].name = "n".repeat(8 << 20),
        "plan-wide-list" => {
            plan.target[0].data_type = "+w:2147483647".to_owned();
            let item =
                Field { name: "item".to_owned(), data_type: "n".to_owned(), parent: Some(0), ..blank() };
            plan.target.insert(1, item);
            plan.origins[1].0 = 2;
        }
        "plan-wide-binary" => plan.target[0].data_type = "w:2147483647".to_owned(),
        "plan-must" => plan.ext.push(("must-understand".to_owned(), String::new())),
        "plan-observes" => plan.ext = observed(),
        "plan-shape" => plan.shape = "round".to_owned(),
        // Data will come under the source's names and types: see the tests of wrong schemas.
        "schema-name" => plan.target[0].name = "other".to_owned(),
        "schema-type" => plan.target[0].data_type = "i".to_owned(),
        "schema-fewer" => {
            plan.target.pop();
            plan.origins.pop();
        }
        _ => {}
    }
    Ok(plan)
}

fn blank() -> Field {
    Field {
        name: String::new(),
        parent: None,
        data_type: String::new(),
        nullable: true,
        metadata: Vec::new(),
    }
}

fn deep() -> Vec<Field> {
    let field = |depth: u32| Field {
        name: "d".to_owned(),
        parent: depth.checked_sub(1),
        data_type: "+s".to_owned(),
        ..blank()
    };
    (0..5000).map(field).collect()
}

/// All that a plan could depend on besides its arguments, and that could differ from one call to the next.
#[expect(clippy::disallowed_methods, reason = "what the host gives instead is what is looked at")]
fn observed() -> Vec<(String, String)> {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.set(CALLS.get() + 1);
    let wall = || format!("{:?}", SystemTime::now().duration_since(UNIX_EPOCH));
    let random = || RandomState::new().hash_one(1).to_string();
    let start = Instant::now();
    let mut seen = vec![("wall", wall()), ("random", random()), ("calls", CALLS.get().to_string())];
    std::thread::sleep(Duration::from_secs(1));
    seen.extend([
        ("wall later", wall()),
        ("random later", random()),
        ("elapsed", format!("{:?}", start.elapsed())),
        ("order", format!("{:?}", (0..50).collect::<HashSet<u32>>())),
        ("address", format!("{:p}", Box::new(7))),
        ("pages", core::arch::wasm32::memory_size(0).to_string()),
        ("new memory", fresh_bytes().to_string()),
        ("environment", format!("{:?}", std::env::vars().collect::<Vec<_>>())),
        ("arguments", format!("{:?}", std::env::args().collect::<Vec<_>>())),
        ("directory", format!("{:?}", std::env::current_dir())),
        ("file", format!("{:?}", std::fs::read("/proc/uptime"))),
        ("setting", format!("{:?}", config::get("setting"))),
    ]);
    seen.into_iter().map(|(what, value)| (what.to_owned(), value)).collect()
}

/// The sum of what stands in pages that nobody wrote to.
fn fresh_bytes() -> u64 {
    const PAGES: usize = 32;
    const PAGE: usize = 65_536;
    let before = core::arch::wasm32::memory_grow(0, PAGES);
    if before == usize::MAX {
        return u64::MAX;
    }
    // SAFETY: these pages were just added, and the allocator does not know of them.
    let pages = unsafe { std::slice::from_raw_parts((before * PAGE) as *const u8, PAGES * PAGE) };
    pages.iter().map(|byte| u64::from(*byte)).sum()
}
