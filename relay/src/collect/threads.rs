//! The threads that serve connections: one for each processor, each with a runtime of its own.
//!
//! A connection stays on the thread it was given to. What its requests need is then in that processor's caches, and a
//! thread that has something to do never wakes another to share it, which under load costs more than it brings. Owns
//! which thread takes a connection: the one with the fewest; and that time limits, of which every request sets some,
//! cost next to nothing. Leaves to `http` what is done with a connection.

use std::io;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// The threads. They end when this is dropped, and whatever still runs on them with them.
pub struct Threads(Vec<Thread>);

struct Thread {
    runtime: Option<Runtime>,
    /// Held once by each task that runs here.
    busy: Arc<()>,
}

impl Threads {
    /// Starts them.
    ///
    /// # Errors
    /// When the system grants no thread.
    pub fn start() -> io::Result<Self> {
        let threads = available_parallelism().map_or(1, usize::from);
        (0..threads).map(|_| Thread::start()).collect::<io::Result<_>>().map(Self)
    }

    /// Runs what `make` makes on the thread that has the least to do. `make` itself is run here, but what it registers
    /// with a runtime, such as a socket, it registers with that thread's.
    pub(super) fn spawn<F>(&self, make: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(thread) = self.0.iter().min_by_key(|thread| Arc::strong_count(&thread.busy)) else { return };
        let Some(runtime) = &thread.runtime else { return };
        let (_entered, busy) = (runtime.enter(), Arc::clone(&thread.busy));
        let task = make();
        runtime.spawn(async move {
            task.await;
            drop(busy);
        });
    }
}

impl Thread {
    fn start() -> io::Result<Self> {
        // Of this kind, because its one thread runs by itself, not only while somebody waits on it.
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("connections").enable_all().build()?;
        runtime.spawn(tick());
        Ok(Self { runtime: Some(runtime), busy: Arc::default() })
    }
}

/// Keeps a runtime's next timer near. One that is told of a timer sooner than its next, or has none, wakes itself by a
/// system call; connections wait for seconds, so with this their limits are never sooner.
async fn tick() {
    loop {
        tokio::time::sleep(TICK).await;
    }
}

/// Rare enough to cost nothing, and shorter than connections commonly wait for anything.
const TICK: Duration = Duration::from_secs(1);

impl Drop for Thread {
    fn drop(&mut self) {
        // Waiting for a thread would hold up the runtime this is dropped on.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::sync::oneshot::channel;

    use super::*;

    #[tokio::test]
    async fn the_thread_with_the_fewest_tasks_takes_the_next() {
        let threads = Threads((0..2).map(|_| Thread::start()).collect::<io::Result<_>>().expect("threads"));
        let (tell, mut told) = unbounded_channel();
        let mut running = Vec::new();
        for _ in 0..4 {
            let (stop, stopped) = channel::<()>();
            running.push(stop);
            let tell = tell.clone();
            threads.spawn(move || async move {
                let _ = tell.send(std::thread::current().id());
                let _ = stopped.await;
            });
        }
        let mut ids = Vec::new();
        for _ in 0..4 {
            ids.push(told.recv().await.expect("a task ran"));
        }
        ids.sort_unstable_by_key(|id| format!("{id:?}"));
        assert!(ids[0] == ids[1] && ids[1] != ids[2] && ids[2] == ids[3], "{ids:?}");
    }
}
