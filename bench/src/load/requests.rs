//! Ten thousand requests of 200 clients: lists, single things, and one in ten that changes something.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::Context as _;
use skein_bench::report::Figure;
use skein_bench::series::Series;
use skein_types::Clock;

use super::beside;

const CLIENTS: usize = 200;
const REQUESTS: usize = 10_000;
const LISTS: [&str; 6] =
    ["datasets", "campaigns", "modules", "events", "nodes", "datasets?prefix=orders-0017&limit=50"];

/// What one client saw: milliseconds of each answer, those of requests that change something apart, and answers that are errors.
#[derive(Default)]
struct Seen {
    looks: Vec<f64>,
    changes: Vec<f64>,
    errors: Vec<String>,
}

pub(super) fn measure(address: &str, clock: &dyn Clock) -> anyhow::Result<Vec<Figure>> {
    let next = AtomicUsize::new(0);
    let started = clock.elapsed();
    let seen: Vec<Seen> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| client(address, &next, clock))).collect();
        let ended = clients.into_iter().map(|client| match client.join() {
            Ok(seen) => seen,
            Err(_) => anyhow::bail!("a client panicked"),
        });
        ended.collect::<anyhow::Result<_>>()
    })?;
    let took = (clock.elapsed() - started).as_secs_f64();
    let errors: Vec<&String> = seen.iter().flat_map(|seen| &seen.errors).collect();
    anyhow::ensure!(errors.is_empty(), "{} of {REQUESTS} are errors, such as {}", errors.len(), errors[0]);
    let looks = Times::of(seen.iter().flat_map(|seen| seen.looks.iter().copied()).collect())?;
    let changes = Times::of(seen.iter().flat_map(|seen| seen.changes.iter().copied()).collect())?;
    Ok(vec![
        beside("requests", "", REQUESTS as f64),
        beside("answers that are errors", "", errors.len() as f64),
        beside("requests a second", "", REQUESTS as f64 / took),
        beside("look, median", "ms", looks.median),
        beside("look, p95", "ms", looks.p95),
        beside("look, longest", "ms", looks.most),
        beside("change, durable, median", "ms", changes.median),
        beside("change, durable, p95", "ms", changes.p95),
        beside("change, durable, longest", "ms", changes.most),
    ])
}

pub(super) struct Times {
    pub(super) median: f64,
    pub(super) p95: f64,
    pub(super) most: f64,
}

impl Times {
    pub(super) fn of(mut ms: Vec<f64>) -> anyhow::Result<Self> {
        ms.sort_by(f64::total_cmp);
        let p95 = *ms.get((ms.len() * 95).div_ceil(100).saturating_sub(1)).context("nothing was timed")?;
        let summary = Series::new(ms).context("nothing was timed")?.summary();
        Ok(Self { median: summary.median, p95, most: summary.max })
    }
}

fn client(address: &str, next: &AtomicUsize, clock: &dyn Clock) -> anyhow::Result<Seen> {
    let http = reqwest::blocking::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let mut seen = Seen::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= REQUESTS {
            return Ok(seen);
        }
        let change = number.is_multiple_of(10);
        let request = match change {
            true => http.put(format!("{address}/v1/teams/team-{number}")).body("{\"note\":\"under load\"}"),
            false => http.get(format!("{address}/v1/{}", LISTS[number % LISTS.len()])),
        };
        let started = clock.elapsed();
        let answer = request.header("content-type", "application/json").send();
        let told = answer.and_then(|answer| {
            let status = answer.status();
            answer.text().map(|text| (status, text))
        });
        let ms = (clock.elapsed() - started).as_secs_f64() * 1e3;
        match told {
            Ok((status, _)) if status.is_success() => match change {
                true => seen.changes.push(ms),
                false => seen.looks.push(ms),
            },
            Ok((status, text)) => seen.errors.push(format!("{status} {text}")),
            Err(error) => seen.errors.push(format!("{error:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn the_95th_of_a_hundred_is_the_95th() {
        let times = Times::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!((times.median, times.p95, times.most), (50.5, 95.0, 100.0));
    }
}
