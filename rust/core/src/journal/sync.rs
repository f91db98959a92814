//! Durability: a helper thread that syncs soon after a write, so that the writer never waits.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{Error, Result};

/// What has to reach the disk.
#[derive(Debug)]
struct Targets {
    /// Segments that were left since the last sync, oldest first.
    left: Vec<Arc<File>>,
    current: Arc<File>,
    /// The directory, when a segment was made since the last sync.
    directory: Option<Arc<File>>,
}

/// What writer and helper share.
#[derive(Debug)]
pub(super) struct Shared {
    targets: Mutex<Targets>,
    /// One sync at a time: else a later one could report earlier records as safe.
    syncing: Mutex<()>,
    dirty: AtomicBool,
    stop: AtomicBool,
    written: AtomicU64,
    synced: AtomicU64,
    failed: AtomicBool,
    cause: Mutex<Option<String>>,
}

/// A lock whose holder panicked is as good as any: all state behind ours is replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(current: Arc<File>, synced: u64) -> Self {
        Self {
            targets: Mutex::new(Targets {
                left: Vec::new(),
                current,
                directory: None,
            }),
            syncing: Mutex::new(()),
            dirty: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            written: AtomicU64::new(synced),
            synced: AtomicU64::new(synced),
            failed: AtomicBool::new(false),
            cause: Mutex::new(None),
        }
    }

    /// Records below `sequence` are in the kernel now.
    pub(super) fn wrote(&self, sequence: u64) {
        self.written.store(sequence, Ordering::Release);
        self.dirty.store(true, Ordering::Release);
    }

    /// The writer goes on in `next`; what it leaves behind is synced first.
    pub(super) fn rotated(&self, next: Arc<File>, directory: Arc<File>) {
        let mut targets = lock(&self.targets);
        let left = std::mem::replace(&mut targets.current, next);
        targets.left.push(left);
        targets.directory = Some(directory);
        self.dirty.store(true, Ordering::Release);
    }

    /// Records below this sequence are known to be on the disk.
    pub(super) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// From now on everything is refused; the first cause is kept.
    pub(super) fn poison(&self, cause: &str) -> Error {
        let mut kept = lock(&self.cause);
        let text = kept.get_or_insert_with(|| cause.to_owned()).clone();
        self.failed.store(true, Ordering::Release);
        Error::Journal(text)
    }

    /// Refuses once anything has failed: a cheap look in the good case.
    #[inline]
    pub(super) fn check(&self) -> Result<()> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::Journal(format!(
                "closed to all records since it failed: {}",
                self.cause().unwrap_or_default()
            )));
        }
        Ok(())
    }

    /// Why it was poisoned.
    pub(super) fn cause(&self) -> Option<String> {
        lock(&self.cause).clone()
    }

    /// Syncs what was written before the call.
    pub(super) fn sync(&self) -> Result<()> {
        let _one = lock(&self.syncing);
        self.check()?;
        self.dirty.store(false, Ordering::Release);
        // Before the files are taken: a record counted here is in one of them.
        let written = self.written.load(Ordering::Acquire);
        let (files, directory) = {
            let mut targets = lock(&self.targets);
            let mut files = std::mem::take(&mut targets.left);
            files.push(Arc::clone(&targets.current));
            (files, targets.directory.take())
        };
        let done = files
            .iter()
            .try_for_each(|file| file.sync_data())
            .and_then(|()| directory.map_or(Ok(()), |directory| directory.sync_all()));
        // After a failed fsync the kernel may have dropped the pages: trying again proves nothing.
        done.map_err(|error| self.poison(&format!("cannot sync: {error}")))?;
        self.synced.fetch_max(written, Ordering::AcqRel);
        Ok(())
    }

    fn run(&self, within: Duration) {
        // It looks twice in the time allowed. Being woken by the writer instead would cost the
        // writer a futex call per order.
        while !self.stop.load(Ordering::Acquire) {
            thread::park_timeout(within / 2);
            // A failure is in `cause`, where the writer finds it.
            if self.dirty.load(Ordering::Acquire) && self.sync().is_err() {
                return;
            }
        }
    }
}

/// The helper thread; ends when it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Helper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    /// Starts it: a sync begins at most `within` after a write.
    pub(super) fn start(shared: Arc<Shared>, within: Duration) -> Result<Self> {
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("journal-sync".into())
            .spawn(move || for_thread.run(within))
            .map_err(|error| Error::Journal(format!("cannot start the sync thread: {error}")))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Ends the thread and waits for it.
    pub(super) fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It can only have panicked if a lock or the clock is broken.
            if thread.join().is_err() {
                let _ = self.shared.poison("the sync thread died");
            }
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stop();
    }
}
