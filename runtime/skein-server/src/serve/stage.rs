//! How far a server is on its way to its end.

use tokio::sync::watch;

/// Where a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// It works.
    Serving,
    /// Its nodes come to their end, through it. It answers, but is not ready for more.
    Draining,
    /// It takes no more connections, and answers what is under way.
    Closing,
}

/// Where the server is, for those who have to know.
#[derive(Clone, Debug)]
pub(crate) struct Stages(watch::Receiver<Stage>);

impl Stages {
    pub(super) fn new() -> (watch::Sender<Stage>, Self) {
        let (sender, receiver) = watch::channel(Stage::Serving);
        (sender, Self(receiver))
    }

    /// Whether it takes work.
    pub(crate) fn is_ready(&self) -> bool {
        *self.0.borrow() == Stage::Serving
    }

    /// Done when it takes no more work.
    pub(crate) async fn draining(&mut self) {
        self.reached(Stage::Draining).await;
    }

    /// Done when it takes no more connections.
    pub(super) async fn closing(&mut self) {
        self.reached(Stage::Closing).await;
    }

    /// Whoever would tell is gone only when all is over.
    async fn reached(&mut self, stage: Stage) {
        self.0.wait_for(|at| *at >= stage).await.map(drop).ok();
    }
}
