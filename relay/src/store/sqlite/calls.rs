//! What may be asked of the store, and which of its threads answers: the trait, call by call.

use std::pin::Pin;
use std::sync::Arc;

use shared::UnixMs;
use shared::visitor::Visitor;
use tokio::sync::{oneshot, watch};

use super::job::Command;
use super::recent::Entry;
use super::session::Session;
use super::whereabouts::Whereabouts;
use super::{SqliteStore, forget, held, reader, session, settle};
use crate::secret::Secret;
use crate::store::{
    Answer, Backlog, DeadLetter, Erased, Incoming, Logged, Pending, Person, Receipt, Retention, Seq,
    Settlement, Standing, Store, StoreError, Verdict,
};

impl Store for SqliteStore {
    fn append(&self, mut events: Vec<Incoming>) -> Answer<'_, Vec<Verdict>> {
        let pipeline = Arc::clone(&self.pipeline);
        Box::pin(async move {
            self.in_place(Whereabouts::seen_lately)?;
            let room = self.room_now(events.len())?;
            // Here and not in the writer, of which there is only one.
            events.iter_mut().for_each(|incoming| incoming.event.write_ahead(session::json_of));
            let append = move |session: &mut Session<'_>| {
                events.into_iter().map(|incoming| pipeline.decide(session, incoming)).collect()
            };
            self.submit(room, append).await
        })
    }

    fn release(&self, now: UnixMs, limit: usize) -> Answer<'_, usize> {
        let pipeline = Arc::clone(&self.pipeline);
        Box::pin(self.write(move |session| held::release(session, &*pipeline, now, limit)))
    }

    fn next_release(&self) -> Answer<'_, Option<UnixMs>> {
        Box::pin(self.ask(held::next_release))
    }

    fn read(&self, after: Seq, limit: usize) -> Answer<'_, Vec<Logged>> {
        Box::pin(async move {
            if self.room.is_closed() {
                return Err(StoreError::Closed);
            }
            // What is delivered must be recorded, and no longer could be.
            self.published.sound()?;
            let head = *self.published.head.borrow();
            let recent = self.published.recent().read(after, limit);
            match recent {
                Some(entries) if entries.is_empty() => Ok(Vec::new()),
                // By a reader as well, for reading JSON takes time that the runtime's threads owe to requests.
                Some(entries) => self.ask(move |_| entries.iter().map(Entry::logged).collect()).await,
                None => self.ask(move |connection| reader::read(connection, after, head, limit)).await,
            }
        })
    }

    fn cursor(&self, destination: &str, from_start: bool) -> Answer<'_, Seq> {
        let destination = destination.to_owned();
        Box::pin(self.write(move |session| settle::cursor(session, &destination, from_start)))
    }

    fn due(&self, destination: &str, now: UnixMs, limit: usize) -> Answer<'_, Vec<Pending>> {
        let destination = destination.to_owned();
        Box::pin(async move {
            self.published.sound()?;
            let head = *self.published.head.borrow();
            self.ask(move |connection| reader::due(connection, &destination, now, head, limit)).await
        })
    }

    fn settle(&self, destination: &str, settlement: Settlement) -> Answer<'_, ()> {
        let destination = destination.to_owned();
        Box::pin(self.write(move |session| settle::settle(session, &destination, &settlement)))
    }

    fn requeue(&self, destination: &str, events: Vec<Seq>, due: UnixMs) -> Answer<'_, u64> {
        let destination = destination.to_owned();
        Box::pin(async move {
            let kept =
                self.write(move |session| settle::requeue(session, &destination, &events, due)).await?;
            self.published.requeues.send_modify(|count| *count += 1);
            Ok(kept)
        })
    }

    fn discard(&self, destination: &str, events: Vec<Seq>) -> Answer<'_, u64> {
        let destination = destination.to_owned();
        Box::pin(self.write(move |session| settle::discard(session, &destination, &events)))
    }

    fn requeues(&self) -> watch::Receiver<u64> {
        self.published.requeues.subscribe()
    }

    fn receipts(&self, destination: &str, now: UnixMs, limit: usize) -> Answer<'_, Vec<Receipt>> {
        let destination = destination.to_owned();
        Box::pin(self.ask(move |connection| reader::receipts(connection, &destination, now, limit)))
    }

    fn backlog(&self, destination: &str) -> Answer<'_, Backlog> {
        let destination = destination.to_owned();
        Box::pin(async move {
            let counted = self.ask(move |connection| reader::backlog(connection, &destination)).await?;
            // Read after the cursor, so that it is not behind it; it still would be, of a cursor that was begun at the end of
            // a log whose last events are not published yet.
            let head = counted.cursor.max(*self.published.head.borrow());
            Ok(Backlog { head, ..counted })
        })
    }

    fn dead_letters(&self, destination: &str, limit: usize) -> Answer<'_, Vec<DeadLetter>> {
        let destination = destination.to_owned();
        Box::pin(self.ask(move |connection| reader::dead_letters(connection, &destination, limit)))
    }

    fn standing(&self, destination: &str, seq: Seq) -> Answer<'_, Standing> {
        let destination = destination.to_owned();
        Box::pin(self.ask(move |connection| reader::standing(connection, &destination, seq)))
    }

    fn note(&self, site: &str, key: &str) -> Answer<'_, Option<String>> {
        let (site, key) = (site.to_owned(), key.to_owned());
        Box::pin(self.ask(move |connection| reader::note(connection, &site, &key)))
    }

    fn any_claimed(&self, site: &str, keys: Vec<String>) -> Answer<'_, bool> {
        let (site, listed) = (site.to_owned(), serde_json::Value::from(keys).to_string());
        Box::pin(self.ask(move |connection| reader::any_claimed(connection, &site, &listed)))
    }

    fn remember(&self, destination: &str, key: &'static str, value: Secret) -> Answer<'_, ()> {
        let destination = destination.to_owned();
        Box::pin(self.write(move |session| settle::remember(session, &destination, key, &value)))
    }

    fn recall(&self, destination: &str, key: &'static str) -> Answer<'_, Option<Secret>> {
        let destination = destination.to_owned();
        Box::pin(self.ask(move |connection| reader::recall(connection, &destination, key)))
    }

    fn visitor(&self, site: &str, id: &str) -> Answer<'_, Option<Visitor>> {
        let (site, id) = (site.to_owned(), id.to_owned());
        Box::pin(self.ask(move |connection| reader::visitor(connection, &site, &id)))
    }

    fn erase(&self, site: &str, person: Person) -> Answer<'_, Erased> {
        let erased = forget::erase(self, site.to_owned(), person);
        Box::pin(async move {
            // The next start may open another file, in which the person still is.
            self.in_place(Whereabouts::seen_lately)?;
            erased.await
        })
    }

    fn prune(&self, retention: Retention, destinations: &[String]) -> Answer<'_, u64> {
        let destinations = destinations.to_vec();
        Box::pin(async move { forget::prune(self, retention, &destinations).await })
    }

    fn ping(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.in_place(Whereabouts::seen_now)?;
            let write = |session: &mut Session<'_>| {
                // A transaction without a change would not reach the disk; this one writes a row as it is.
                let sql = "INSERT OR REPLACE INTO log_head VALUES (1, ?1)";
                session.execute("write at all", sql, [session.head()]).map(drop)
            };
            self.submit(self.room_now(1)?, write).await
        })
    }

    fn watch(&self) -> watch::Receiver<Seq> {
        self.published.head.subscribe()
    }

    fn ended(&self) -> Pin<Box<dyn Future<Output = StoreError> + Send + '_>> {
        Box::pin(self.published.ended())
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            if self.room.is_closed() {
                return Err(StoreError::Closed);
            }
            self.room.close();
            self.readers.close();
            let (reply, answer) = oneshot::channel();
            self.writer.commands.send(Command::Close(Some(reply))).map_err(|_| StoreError::Closed)?;
            answer.await.unwrap_or(Err(StoreError::Closed))
        })
    }
}
