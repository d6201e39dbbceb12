//! What the pipeline does inside a transaction, as the specification has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::UnixMs;
use shared::visitor::Visitor;

use super::{Known, Noted, Row, State, pair};
use crate::store::{Held, Identity, Incoming, Note, Seq, StoreError, Transaction};

impl Transaction for State {
    fn visitor(&mut self, site: &str, id: &str) -> Result<Option<Visitor>, StoreError> {
        Ok(self.visitors.get(&pair(site, id)).cloned())
    }

    fn put_visitor(&mut self, site: &str, id: &str, visitor: &Visitor) -> Result<(), StoreError> {
        self.visitors.insert(pair(site, id), visitor.clone());
        Ok(())
    }

    fn identity(&mut self, site: &str, key: &str) -> Result<Option<Identity>, StoreError> {
        let identity = |known: &Known| Identity {
            visitor: known.visitor.clone(),
            visitors: u32::try_from(known.visitors.len()).unwrap_or(u32::MAX),
        };
        Ok(self.identities.get(&pair(site, key)).map(identity))
    }

    fn link(&mut self, site: &str, key: &str, visitor: &str, now: UnixMs) -> Result<(), StoreError> {
        let nobody = || Known { visitor: String::new(), visitors: BTreeSet::new(), seen: now };
        let known = self.identities.entry(pair(site, key)).or_insert_with(nobody);
        visitor.clone_into(&mut known.visitor);
        known.visitors.insert(visitor.to_owned());
        known.seen = now.max(known.seen);
        Ok(())
    }

    fn claim(&mut self, site: &str, key: &str, now: UnixMs) -> Result<bool, StoreError> {
        let free = !self.claimed(site, key)?;
        if free {
            self.dedup.insert(pair(site, key), now);
        }
        Ok(free)
    }

    fn claimed(&mut self, site: &str, key: &str) -> Result<bool, StoreError> {
        Ok(self.dedup.contains_key(&pair(site, key)))
    }

    fn note(&mut self, site: &str, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.notes.get(&pair(site, key)).map(|noted| noted.text.clone()))
    }

    fn put_note(&mut self, site: &str, key: &str, note: Note<'_>, now: UnixMs) -> Result<(), StoreError> {
        let Note { visitor, text } = note;
        let nothing = || Noted { visitor: None, text: String::new(), at: now };
        let noted = self.notes.entry(pair(site, key)).or_insert_with(nothing);
        // Somebody's it stays, or it would outlive their erasure.
        let visitor = visitor.map(str::to_owned).or_else(|| noted.visitor.take());
        *noted = Noted { visitor, text: text.to_owned(), at: now };
        Ok(())
    }

    fn held(&mut self, site: &str, key: &str) -> Result<Option<Held>, StoreError> {
        let id = self.held_keys.get(&pair(site, key));
        Ok(id.and_then(|id| self.held.get(&pair(site, id))).cloned())
    }

    fn hold(&mut self, held: &Held, keys: &[String]) -> Result<(), StoreError> {
        self.held.insert(pair(&held.site, &held.id), held.clone());
        for key in keys {
            self.held_keys.insert(pair(&held.site, key), held.id.clone());
        }
        Ok(())
    }

    fn let_go(&mut self, site: &str, id: &str) -> Result<(), StoreError> {
        self.held.remove(&pair(site, id));
        self.held_keys.retain(|(of_site, _), held| of_site != site || held != id);
        Ok(())
    }

    fn append(&mut self, incoming: Incoming) -> Result<Seq, StoreError> {
        self.head += 1;
        let Incoming { site, received, event } = incoming;
        self.log.insert(self.head, Row { site, received, event: Some(Arc::from(event.into_event())) });
        Ok(self.head)
    }
}
