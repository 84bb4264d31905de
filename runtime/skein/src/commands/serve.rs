//! `skein serve`: control, with the nodes of this machine.

mod admin_token;
mod names;
mod share;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use skein_api::node::Secret;
use skein_control::{
    Anchor, Compiler, Control, Herald, NodeCommand, Options, Reconciler, STOP_GRACE, SecretKeys,
    ServiceError, Supervisor,
};
use skein_server::{Reach, Server};
use skein_types::{Bytes, Clock, SystemClock, codes};

use crate::aside;
use crate::contexts::ADDRESS;
use crate::descriptors;
use crate::failure::{CommandResult, Failure};
use crate::home::Home;
use crate::logging::LogArgs;
use crate::oidc::Oidc;
use crate::otlp;
use crate::render;
use crate::scrape;
use crate::settings::Settings;
use names::Names;

/// Run a server on this machine: it takes modules, plans campaigns over many datasets, and has them carried out by nodes that it
/// starts and keeps running.
///
/// What it decides is in a ledger in its directory. It may be killed at any time: started again, it goes on where it was.
///
/// As it is started without more, it is for the one user of this machine: it listens on a loopback address, and whoever reaches it
/// may do anything. With `--access tokens` nobody is let in without a token; the first one, an admin's, is written to
/// `admin-token` in its directory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  skein serve
  skein serve --dir /var/lib/skein/server --listen 127.0.0.1:7447 --nodes 2
  skein serve --access tokens --listen 0.0.0.0:7447 --host skein.example.org
  skein serve --access tokens --url https://skein.example.org")]
pub(crate) struct ServeArgs {
    /// Where ledger, modules and compiled artifacts are kept [default: server in $SKEIN_HOME].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Where to listen; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7447")]
    pub(crate) listen: SocketAddr,
    /// Who is let in: the one user of this machine, or holders of tokens.
    #[arg(long, value_name = "WHO", value_enum, default_value_t = Access::SingleUser)]
    pub(crate) access: Access,
    /// A name by which clients know this server, beside localhost. May be given more than once.
    #[arg(long = "host", value_name = "NAME")]
    pub(crate) hosts: Vec<String>,
    /// Where people reach this server, if something stands in front of it: the address in links of notices, in the `source` of events and
    /// in what datasets say of who manages them. Its name counts as one of --host [default: by the first --host, or the address].
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Issue another admin's token, where all were lost, and write it to `admin-token` in the directory.
    #[arg(long)]
    pub(crate) new_admin_token: bool,
    /// Node processes [default: one for each two cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=64))]
    pub(crate) nodes: Option<u16>,
    /// Agents at a time in each node [default: the cores, divided among the nodes].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) slots: Option<u16>,
    /// Append heads of the ledger to this file: every minute in which something was decided, and whenever a campaign ends. It belongs where
    /// the server cannot change what is written; `skein audit verify --against` compares.
    #[arg(long, value_name = "FILE")]
    pub(crate) anchor: Option<PathBuf>,
    /// How fast published and kept versions are read again in the background, while no campaign works; 0 turns it off.
    #[arg(long, value_name = "BYTES/s", default_value = "8MiB/s", value_parser = rate)]
    pub(crate) scrub: Bytes,
    /// Answer `GET /metrics` at this loopback address too, to whoever asks; without it only the server itself does, to those who
    /// may see all teams.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) logs: LogArgs,
}

/// Bytes in a second.
fn rate(text: &str) -> Result<Bytes, String> {
    let bytes = text.strip_suffix("/s").unwrap_or(text);
    bytes.parse::<Bytes>().map_err(|error| error.to_string())
}

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Access {
    /// Whoever reaches it on this machine, as its one user.
    SingleUser,
    /// Holders of tokens that an admin issued.
    Tokens,
}

pub(crate) fn serve(settings: &Settings, args: &ServeArgs) -> CommandResult {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let home = Home::at(&settings.home);
    let exe = std::env::current_exe().map_err(|error| Failure::new(codes::IO, &error))?;
    let tokens_only = args.access == Access::Tokens;
    // Connections are files, and so are those of the ledger.
    descriptors::raised();
    let names = Names::of(args.url.as_deref(), &args.hosts)?;
    let reach = Reach { address: args.listen, tokens_only, hosts: names.hosts() };
    let server =
        Server::listen(reach).map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))?;
    let address = names::on_this_machine(server.address());
    let dir = args.dir.clone().unwrap_or_else(|| home.server());
    let options = Options {
        dir: dir.clone(),
        exe: exe.clone(),
        address: names.url(server.address()),
        nodes_at: format!("http://{}", server.nodes_at()),
        artifact_key: home.artifact_key()?,
        keys: home.keys(),
        secret_keys: SecretKeys { seal: home.secrets_key()?, digest: home.secret_digest_key()? },
        roots: settings.roots(),
        prices: settings.prices(),
        single_user: !tokens_only,
        notices: settings.notices(server.address())?,
        scrub: args.scrub,
        spans_lost: otlp::lost(),
        compiles_first,
        secret: secret()?,
    };
    if let Some(metrics) = args.metrics.filter(|metrics| !metrics.ip().is_loopback()) {
        return Err(Failure::text(codes::USAGE, format!("--metrics {metrics} is not a loopback address"))
            .hint(Some("others ask the server for /metrics, with the token of a viewer of all teams")));
    }
    let control = Control::open(options, Arc::clone(&clock)).map_err(|error| from_service(&error))?;
    if let Some((provider, secret)) = settings.oidc()? {
        let provider = Oidc::new(provider, secret, Arc::clone(&clock))
            .map_err(|problem| Failure::text(codes::SETTINGS_INVALID, problem))?;
        control.believe(Arc::new(provider));
    }
    let admin_token = match tokens_only || args.new_admin_token {
        true => admin_token::ready(&control, &dir, args.new_admin_token)?,
        false => None,
    };
    let reconciler = Reconciler::start(&control).map_err(|error| Failure::new(codes::IO, &error))?;
    let compiler = Compiler::start(&control).map_err(|error| from_service(&error))?;
    let herald = Herald::start(&control).map_err(|error| Failure::new(codes::IO, &error))?;
    let anchor = args.anchor.as_deref().map(|path| Anchor::start(&control, path)).transpose();
    let anchor = anchor.map_err(|error| from_service(&error))?;
    let cores = crate::datasets::default_threads();
    let nodes = args.nodes.map_or(cores.div_ceil(2), usize::from);
    let slots = args.slots.map_or(cores.div_ceil(nodes.max(1)), usize::from);
    let mut node_args = vec!["node".to_owned(), "--slots".to_owned(), slots.to_string()];
    node_args.extend(args.logs.for_nodes(settings));
    node_args.extend(share::arguments(cores, nodes, settings.bandwidth()));
    let command = NodeCommand { exe, args: node_args };
    let supervisor = Supervisor::start(nodes, &command, &control);
    tell_where(&dir, &address)?;
    render::line(&format!("listening on http://{}, {nodes} nodes with {slots} slots each", server.address()));
    match control.without_token().and_then(|who| control.portal_link(&who)) {
        Ok(link) => render::line(&format!("open {} (for once; another: skein portal)", link.url)),
        Err(_) => render::line(&format!("open {}/ and sign in with a token", control.address())),
    }
    if let Some(path) = admin_token {
        render::line(&format!("an admin's token is in {}", path.display()));
    }
    if let Some(metrics) = args.metrics {
        let counted = Arc::clone(&control);
        let page = move || counted.metrics_page().map_err(|error| error.to_string());
        render::line(&format!(
            "metrics at http://{}/metrics",
            scrape::start((metrics, args.hosts.clone()), clock, page)?
        ));
    }
    let answered = server.answer(&control, skein_portal::routes(), move || supervisor.stop(STOP_GRACE));
    drop((compiler, reconciler));
    // The last, so that what the end brings is noted still.
    drop(herald);
    drop(anchor);
    answered.map_err(|error| Failure::new(error.code(), &error).hint(error.hint()))
}

/// So that commands of this machine find the server without being told.
fn tell_where(dir: &Path, address: &str) -> CommandResult {
    let path = dir.join(ADDRESS);
    let told = aside::replace(&path, |file| writeln!(file, "{address}"));
    told.map_err(|error| Failure::text(codes::IO, format!("{}: {error}", path.display())))
}

/// Said at once: after a restore, or by a new engine, nothing is heard for as long as that takes.
fn compiles_first(modules: usize) {
    let are = if modules == 1 { "is" } else { "are" };
    render::line(&format!("{} {are} compiled first", render::counted(modules as u64, "module")));
}

/// New with each process.
fn secret() -> Result<Secret, Failure> {
    #[cfg(feature = "crash-points")]
    #[expect(clippy::disallowed_methods, reason = "a test that is a node itself, absent from release builds")]
    if let Ok(known) = std::env::var("SKEIN_FLEET_SECRET") {
        return Secret::new(&known).map_err(|error| Failure::new(error.code(), &error));
    }
    let random = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|part| part.simple().to_string());
    Secret::new(&random.concat()).map_err(|error| Failure::new(error.code(), &error))
}

fn from_service(error: &ServiceError) -> Failure {
    Failure::text(error.code, error.message.clone()).hint(error.hint.clone())
}
