//! Looks for bytes in a text, sixteen at a time.
//!
//! Nearly every text that comes in holds none of what is looked for, and is looked at whole. Owns nothing of what they mean.

/// Whether any byte is `wanted`, which should need no branch: then the compiler asks it of sixteen bytes at once.
pub fn any(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> bool {
    let in_sixteen = |sixteen: &[u8; 16]| sixteen.iter().fold(false, |found, byte| found | wanted(*byte));
    let (sixteens, rest) = bytes.as_chunks();
    // What is left over is looked at together with bytes before it, if there are any.
    sixteens.iter().any(in_sixteen)
        || match bytes.last_chunk() {
            Some(last) => !rest.is_empty() && in_sixteen(last),
            None => rest.iter().any(|byte| wanted(*byte)),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_found_wherever_it_stands_and_no_other_is() {
        for length in 0..70 {
            let mut text = vec![b'a'; length];
            assert!(!any(&text, |byte| byte == b'@'));
            for place in 0..length {
                text[place] = b'@';
                assert!(any(&text, |byte| byte == b'@'), "{place} of {length}");
                text[place] = b'a';
            }
        }
    }
}
