//! A person to be erased, and what an erasure came to.
//!
//! The store knows people by visitor ids, by the identity keys that lead to visitors, and by the digests inside events.
//! Which keys and digests belong to an e-mail address or a phone number is for others to say (`attribute`).

/// Who is to be erased; whoever fits one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Person {
    /// Ids of visitors.
    #[serde(default)]
    pub visitors: Vec<String>,
    /// Identity keys. A key goes, and so does every visitor seen under it, unless it is a shared one.
    #[serde(default)]
    pub keys: Vec<String>,
    /// Digests, each of 64 hexadecimal digits: every event that holds one goes.
    #[serde(default)]
    pub digests: Vec<String>,
    /// A key under which more visitors were seen than this is shared (a shop's own address) and leads to nobody.
    #[serde(default)]
    pub most_visitors: u32,
}

impl Person {
    /// One visitor.
    pub fn visitor(id: impl Into<String>) -> Self {
        Self { visitors: vec![id.into()], ..Self::default() }
    }
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Erased {
    /// Memories of visitors.
    pub visitors: u64,
    /// Events of the log, blanked.
    pub events: u64,
}
