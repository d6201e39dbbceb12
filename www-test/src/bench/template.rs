//! Requests that cost their sender little: built once, and what differs from one to the next is written anew into the
//! same places. Owns the places; leaves to [`super::senders`] what is written there.

/// Something that differs: what stands for it until it is written. Nothing else in a request looks like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// An event's id, 36 letters. Each event begins with its own, as far as marks go.
    Event,
    /// A visitor's id, 36 letters.
    Visitor,
    /// The digest of an e-mail address, 64 letters.
    Email,
    /// The digest of a telephone number, 64 letters.
    Phone,
    /// The number of an order, 12 digits.
    Order,
}

impl Mark {
    const ALL: [Self; 5] = [Self::Event, Self::Visitor, Self::Email, Self::Phone, Self::Order];

    /// What stands for it.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Event => "ffffffff-ffff-ffff-ffff-ffffffffffff",
            Self::Visitor => "eeeeeeee-eeee-eeee-eeee-eeeeeeeeeeee",
            Self::Email => "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
            Self::Phone => "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            Self::Order => "999999999999",
        }
    }
}

/// A request with its marks.
pub(super) struct Template {
    bytes: Vec<u8>,
    marks: Vec<(usize, Mark)>,
}

impl Template {
    /// Of a request in which marks stand.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let mut marks = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let here = Mark::ALL.into_iter().find(|mark| bytes[at..].starts_with(mark.text().as_bytes()));
            match here {
                Some(mark) => {
                    marks.push((at, mark));
                    at += mark.text().len();
                }
                None => at += 1,
            }
        }
        Self { bytes, marks }
    }

    /// Writes into every place, in their order, and gives the request.
    pub(super) fn fill(&mut self, mut write: impl FnMut(Mark) -> String) -> &[u8] {
        for (at, mark) in &self.marks {
            let text = write(*mark);
            debug_assert_eq!(text.len(), mark.text().len(), "{mark:?}");
            self.bytes[*at..*at + text.len()].copy_from_slice(text.as_bytes());
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marks_change_each_time() {
        let text = |parts: [&str; 2]| format!("<{}> 9999 <{}>", parts[0], parts[1]);
        let mut template = Template::new(text([Mark::Order.text(), Mark::Event.text()]).into_bytes());
        for letter in ["1", "2"] {
            let parts = [letter.repeat(12), letter.repeat(36)];
            let filled = template.fill(|mark| letter.repeat(mark.text().len())).to_vec();
            assert_eq!(String::from_utf8(filled).expect("text"), text([&parts[0], &parts[1]]));
        }
    }

    #[test]
    fn no_mark_is_taken_for_another() {
        for mark in Mark::ALL {
            let template = Template::new(format!("\"{}\"", mark.text()).into_bytes());
            assert_eq!(template.marks, [(1, mark)]);
        }
    }
}
