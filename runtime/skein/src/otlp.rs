//! Spans for a collector: OTLP over HTTP.
//!
//! What ends is put into a bounded queue that a thread of the SDK's empties; a queue that is full, because the collector is slow
//! or gone, drops spans, and nobody waits for it but the end of the process, a moment. What is dropped or not taken is counted, and a
//! line says when a collector begins to take nothing and when it takes spans again. Lines are not sent: what they say may be
//! for this machine's people only. A span has its name, its times, and the ids that its fields name.
//!
//! A span that begins work for somebody else's request has the field `trace`, which makes it part of that trace here too. Its
//! parent is not known then; it gets one that nobody has sent, made of the trace's own number.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceState, TracerProvider as _,
};
use opentelemetry::{Context as SpanParent, ContextGuard};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanExporter as Exporter,
    SpanProcessor,
};
use skein_types::TraceId;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// For a request to the collector.
const PATIENCE: Duration = Duration::from_secs(5);
/// For what is left to be sent when the process ends.
const LAST: Duration = Duration::from_secs(2);
/// Spans that wait; more are dropped.
const QUEUE: usize = 4_096;
/// Between two sendings of what has ended.
const EVERY: Duration = Duration::from_secs(1);
/// Where a collector takes spans, if only its address is named.
const PATH: &str = "/v1/traces";

/// The way to the collector. Dropped, it sends what is left, for a moment.
#[derive(Debug)]
pub(crate) struct Spans(SdkTracerProvider);

impl Spans {
    /// To this endpoint, as a process of this name.
    pub(crate) fn to(process: &'static str, endpoint: &str) -> Result<Self, String> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(whole(endpoint)?)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let settings = BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(EVERY);
        let waiting = Arc::<AtomicUsize>::default();
        let watched = Watched { exporter, waiting: Arc::clone(&waiting), failing: AtomicBool::default() };
        let batches = BatchSpanProcessor::builder(watched).with_batch_config(settings.build()).build();
        let batches = Bounded { batches, waiting };
        let resource = Resource::builder_empty().with_service_name(process).build();
        let provider = SdkTracerProvider::builder().with_span_processor(batches).with_resource(resource);
        Ok(Self(provider.build()))
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// Spans of this process that no collector got.
pub(crate) fn lost() -> Arc<AtomicU64> {
    static LOST: LazyLock<Arc<AtomicU64>> = LazyLock::new(Arc::default);
    Arc::clone(&LOST)
}

/// The queue, as far as it is full: the SDK's own drops spans without saying how many.
#[derive(Debug)]
struct Bounded {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, span: &mut Span, context: &SpanParent) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < QUEUE {
            self.batches.on_end(span);
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            lost().fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// What sends, and whether that works.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    waiting: Arc<AtomicUsize>,
    failing: AtomicBool,
}

impl Exporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let sent = self.exporter.export(batch).await;
        let failed = self.failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Ok(()) if failed => tracing::warn!("the collector takes spans again"),
            Ok(()) => {}
            Err(error) => {
                lost().fetch_add(count as u64, Ordering::Relaxed);
                if !failed {
                    tracing::warn!(%error, "the collector takes no spans; they are lost until it does");
                }
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Only an address means the usual path there.
fn whole(endpoint: &str) -> Result<String, String> {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    match rest.map(|rest| rest.split_once('/')) {
        Some(None | Some((_, ""))) => Ok(format!("{}{PATH}", endpoint.trim_end_matches('/'))),
        Some(Some(_)) => Ok(endpoint.to_owned()),
        None => Err(format!("{endpoint:?} is no http:// or https:// URL")),
    }
}

/// What sends spans of Skein itself.
pub(crate) fn layer<S>(spans: &Spans) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let sent = tracing_opentelemetry::layer::<S>()
        .with_tracer(spans.0.tracer("skein"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false);
    let ours =
        |of: &Metadata<'_>| of.is_span() && of.target().starts_with("skein") && *of.level() <= Level::INFO;
    let joined = Layer::<S>::and_then(Join, sent);
    let left = Layer::<S>::and_then(joined, Leave);
    Box::new(Layer::<S>::with_filter(left, filter_fn(ours)))
}

thread_local! {
    /// The parent of the span that is being made on this thread.
    static PARENT: RefCell<Option<ContextGuard>> = const { RefCell::new(None) };
}

/// Before a span is made: names its parent, if it says of which trace it is.
struct Join;
/// After that: the next one on this thread has another.
struct Leave;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Join {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut trace = OfTrace(None);
        span.record(&mut trace);
        if let Some(trace) = trace.0 {
            PARENT.with(|parent| {
                *parent.borrow_mut() = Some(SpanParent::new().with_remote_span_context(of(trace)).attach())
            });
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Leave {
    fn on_new_span(&self, _: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        PARENT.with(|parent| drop(parent.borrow_mut().take()));
    }
}

fn of(trace: TraceId) -> SpanContext {
    let bytes = trace.bytes();
    let [a, b, c, d, e, f, g, h, ..] = bytes;
    let parent = SpanId::from_bytes([a, b, c, d, e, f, g, h | 1]);
    let trace = opentelemetry::trace::TraceId::from_bytes(bytes);
    SpanContext::new(trace, parent, TraceFlags::SAMPLED, true, TraceState::default())
}

struct OfTrace(Option<TraceId>);

impl Visit for OfTrace {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "trace" {
            self.0 = format!("{value:?}").parse().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_address_alone_means_the_usual_path() {
        for (endpoint, meant) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("https://collector.example/", "https://collector.example/v1/traces"),
            ("http://collector.example/otlp/v1/traces", "http://collector.example/otlp/v1/traces"),
        ] {
            assert_eq!(whole(endpoint).as_deref(), Ok(meant));
        }
        assert!(whole("collector:4317").is_err());
    }
}
