//! Bytes, by the piece: lines of a text, and an answer put together in memory that is there already.
//!
//! Exists for the sake of size: one small function each instead of the standard library's general ones, which are
//! compiled anew for every use, and no allocation. Owns no rule of the tag.

use shared::words::split;

/// Walks the lines of a text.
#[derive(Clone, Debug)]
pub struct Lines<'a>(pub &'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline(never)]
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = split(self.0, b'\n').unwrap_or((self.0, b""));
        self.0 = rest;
        Some(line)
    }
}

/// An answer, put together piece by piece. What finds no room is left out.
#[derive(Debug)]
pub struct Answer<'a> {
    memory: &'a mut [u8],
    length: usize,
}

impl<'a> Answer<'a> {
    /// An empty one, with this room.
    pub fn new(memory: &'a mut [u8]) -> Self {
        Self { memory, length: 0 }
    }

    /// How long it is.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What is there so far.
    pub fn text(&self) -> &[u8] {
        self.memory.get(..self.length).unwrap_or_default()
    }

    /// Takes back what was put since it was so long.
    pub fn cut(&mut self, length: usize) {
        self.length = length;
    }

    /// Appends.
    #[inline(never)]
    pub fn put(&mut self, piece: &[u8]) {
        if let Some(to) = self.memory.get_mut(self.length..).and_then(|rest| rest.get_mut(..piece.len())) {
            to.copy_from_slice(piece);
            self.length += piece.len();
        }
    }
}

/// Reads a whole number of decimal digits; 0 for anything else.
pub fn number(digits: &[u8]) -> f64 {
    let mut number = 0.0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return 0.0;
        }
        number = number * 10.0 + f64::from(digit);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_digits_and_nothing_else() {
        let check = |text: &str, expected| assert_eq!(number(text.as_bytes()), expected, "{text}");
        check("1795183509123", 1_795_183_509_123.0);
        check("", 0.0);
        check("-1", 0.0);
        check("1.5", 0.0);
    }

    #[test]
    fn lines_end_where_the_text_does() {
        let check = |text: &str, expected: &[&str]| {
            let lines: Vec<&[u8]> = Lines(text.as_bytes()).collect();
            assert_eq!(lines, expected.iter().map(|line| line.as_bytes()).collect::<Vec<_>>(), "{text:?}");
        };
        check("", &[]);
        check("a", &["a"]);
        check("a\n\nb\n", &["a", "", "b"]);
        check("\n", &[""]);
    }

    #[test]
    fn a_full_answer_takes_what_fits() {
        let mut memory = [0; 3];
        let mut answer = Answer::new(&mut memory);
        for piece in ["ab", "cd", "e"] {
            answer.put(piece.as_bytes());
        }
        assert_eq!((answer.text(), answer.length()), (&b"abe"[..], 3));
    }
}
