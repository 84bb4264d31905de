//! Names looked up, with an end.
//!
//! The system's resolver takes as long as it likes: with three dead name servers more than half a minute. So it is asked in a thread
//! of its own, and whoever waits goes away at the deadline. The thread stays until the resolver gives up; there are never more
//! than a few of them.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use crate::receiver::Host;

/// Of receivers in trouble eight are tried at a time, for no longer than 5 s each. A resolver that says nothing gives up after half a
/// minute: no more than 48 wait for it, so others are looked up all the same.
const LOOKUPS_MAX: usize = 64;
/// A name with more addresses is answered with the first of them.
const ADDRESSES_MAX: usize = 16;

/// Who knows the addresses of names.
pub trait Names: Send + Sync + Debug {
    /// The addresses of a host. May take its time.
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// This machine's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }
}

/// A name without an address for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// The resolver says no.
    Unknown(io::ErrorKind),
    /// The resolver says nothing.
    Late,
    /// Too many lookups wait for the resolver already.
    Busy,
}

/// Asks, a few at a time.
#[derive(Clone, Debug)]
pub(crate) struct Lookups {
    names: Arc<dyn Names>,
    under_way: Arc<AtomicUsize>,
}

impl Lookups {
    pub(crate) fn new(names: Arc<dyn Names>) -> Self {
        Self { names, under_way: Arc::new(AtomicUsize::new(0)) }
    }

    /// The addresses of a host, at least one.
    pub(crate) fn addresses(
        &self,
        (host, port): (Host<'_>, u16),
        patience: Duration,
    ) -> Result<Vec<SocketAddr>, LookupError> {
        let name = match host {
            Host::Address(address) => return Ok(vec![SocketAddr::new(address, port)]),
            Host::Name(name) => name.to_owned(),
        };
        let seat = Seat::take(&self.under_way).ok_or(LookupError::Busy)?;
        let (answer, answered) = sync_channel(1);
        let names = Arc::clone(&self.names);
        let ask = move || {
            let _seat = seat;
            // Nobody may be waiting any more.
            answer.send(names.addresses(&name)).ok();
        };
        let thread = std::thread::Builder::new().name("skein-notify-names".to_owned()).spawn(ask);
        thread.map_err(|error| LookupError::Unknown(error.kind()))?;
        let found = match answered.recv_timeout(patience) {
            Ok(found) => found.map_err(|error| LookupError::Unknown(error.kind()))?,
            Err(RecvTimeoutError::Timeout) => return Err(LookupError::Late),
            Err(RecvTimeoutError::Disconnected) => return Err(LookupError::Unknown(io::ErrorKind::Other)),
        };
        let addresses: Vec<_> =
            found.into_iter().take(ADDRESSES_MAX).map(|address| SocketAddr::new(address, port)).collect();
        if addresses.is_empty() { Err(LookupError::Unknown(io::ErrorKind::NotFound)) } else { Ok(addresses) }
    }
}

/// One of the lookups that may be under way.
#[derive(Debug)]
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(under_way: &Arc<AtomicUsize>) -> Option<Self> {
        let free = |taken: usize| (taken < LOOKUPS_MAX).then_some(taken + 1);
        under_way.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        Some(Self(Arc::clone(under_way)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::IpAddr;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use skein_types::{Clock as _, SystemClock};

    use super::{ADDRESSES_MAX, LOOKUPS_MAX, LookupError, Lookups, Names, SystemNames};
    use crate::receiver::Host;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_address_is_not_looked_up() {
        let lookups = Lookups::new(Arc::new(Refuses));
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(lookups.addresses((Host::Address(address), 80), LONG), Ok(vec![(address, 80).into()]));
    }

    #[derive(Debug)]
    struct Refuses;
    impl Names for Refuses {
        fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
            match host {
                "none" => Ok(Vec::new()),
                "many" => Ok(vec!["192.0.2.7".parse().unwrap(); 1_000]),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    #[test]
    fn names_without_addresses_and_with_a_thousand_are_answered() {
        let lookups = Lookups::new(Arc::new(Refuses));
        let ask = |name| lookups.addresses((Host::Name(name), 80), LONG);
        assert_eq!(ask("other"), Err(LookupError::Unknown(io::ErrorKind::NotFound)));
        assert_eq!(ask("none"), Err(LookupError::Unknown(io::ErrorKind::NotFound)));
        assert_eq!(ask("many").unwrap().len(), ADDRESSES_MAX);
    }

    #[test]
    fn this_machine_knows_itself() {
        let found =
            Lookups::new(Arc::new(SystemNames)).addresses((Host::Name("localhost"), 80), LONG).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80), "{found:?}");
    }

    /// Answers when it is told to.
    #[derive(Debug)]
    struct Hangs(Mutex<Receiver<()>>);
    impl Names for Hangs {
        fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            self.0.lock().unwrap().recv().unwrap();
            Ok(vec!["192.0.2.7".parse().unwrap()])
        }
    }

    fn hanging() -> (SyncSender<()>, Lookups) {
        let (go, wait) = sync_channel(LOOKUPS_MAX);
        (go, Lookups::new(Arc::new(Hangs(Mutex::new(wait)))))
    }

    #[test]
    fn a_resolver_that_hangs_holds_a_few_threads_and_nobody_else() {
        let (go, lookups) = hanging();
        let ask = |patience| lookups.addresses((Host::Name("a"), 80), patience);
        for _ in 0..LOOKUPS_MAX {
            assert_eq!(ask(SHORT), Err(LookupError::Late));
        }
        assert_eq!(ask(LONG), Err(LookupError::Busy));
        (0..LOOKUPS_MAX).for_each(|_| go.send(()).unwrap());
        go.send(()).unwrap();
        let clock = SystemClock::start();
        while ask(LONG) == Err(LookupError::Busy) {
            assert!(clock.elapsed() < LONG, "seats are not given back");
            std::thread::yield_now();
        }
    }
}
