//! Threads without which a process only seems to work.

/// Held by such a thread while it works. If the thread panics the process is aborted: started again, it goes on from what is on
/// the disk, while one that goes on without the thread would answer and do nothing. A panic that is caught within the thread
/// ends nobody.
#[derive(Debug)]
pub struct Vital;

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
