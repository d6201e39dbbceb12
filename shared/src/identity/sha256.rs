//! The rounds of SHA-256 as the tag has them: with constants that are computed, because stored ones do not compress.
//!
//! Owns FIPS 180-4, section 6.2.2, for the browser; the relay takes the library's, which is faster. A test holds the two
//! together. A few microseconds a block more than stored constants, and some hundred bytes of the tag less than the
//! library's smallest form.

/// Works one block into the state.
pub(super) fn compress(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    let (mut prime, mut root) = (1, 1.0);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for t in 0..64 {
        let word = words[t & 15];
        let first = turned(e, [6, 11, 25])
            .wrapping_add(h)
            .wrapping_add(g ^ e & (f ^ g))
            .wrapping_add(word)
            .wrapping_add(constant(&mut prime, &mut root));
        let second = turned(a, [2, 13, 22]).wrapping_add(a & b | c & (a | b));
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(first), c, b, a, first.wrapping_add(second));
        // The word that has been used makes room for the one sixteen rounds on.
        let (near, far) = (words[t + 14 & 15], words[t + 1 & 15]);
        words[t & 15] = word
            .wrapping_add(near.rotate_right(17) ^ near.rotate_right(19) ^ near >> 10)
            .wrapping_add(words[t + 9 & 15])
            .wrapping_add(far.rotate_right(7) ^ far.rotate_right(18) ^ far >> 3);
    }
    for (word, change) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(change);
    }
}

fn turned(word: u32, [first, second, third]: [u32; 3]) -> u32 {
    word.rotate_right(first) ^ word.rotate_right(second) ^ word.rotate_right(third)
}

/// The first 32 bits of the fraction of the next prime's cube root (section 4.2.2). `prime` and `root` are those before.
fn constant(prime: &mut u32, root: &mut f64) -> u32 {
    loop {
        *prime += 1;
        if (2..*prime).take_while(|divisor| divisor * divisor <= *prime).all(|divisor| *prime % divisor != 0)
        {
            break;
        }
    }
    // Newton's steps from the root before, which is near. A double has 50 bits behind the point here.
    for _ in 0..6 {
        *root -= (*root - f64::from(*prime) / (*root * *root)) / 3.0;
    }
    (*root * 4_294_967_296.0) as u64 as u32
}

#[cfg(test)]
mod tests {
    use sha2::block_api::compress256;

    use super::*;

    #[test]
    fn the_constants_are_those_of_the_standard() {
        let (mut prime, mut root) = (1, 1.0);
        let constants: Vec<u32> = (0..64).map(|_| constant(&mut prime, &mut root)).collect();
        assert_eq!((constants[0], constants[1], constants[63]), (0x428a_2f98, 0x7137_4491, 0xc671_78f2));
    }

    proptest::proptest! {
        #[test]
        fn a_block_gives_what_the_library_gives(
            state: [u32; 8],
            halves: ([u8; 32], [u8; 32]),
        ) {
            let mut block = [0; 64];
            block[..32].copy_from_slice(&halves.0);
            block[32..].copy_from_slice(&halves.1);
            let (mut ours, mut theirs) = (state, state);
            compress(&mut ours, &block);
            compress256(&mut theirs, &[block]);
            proptest::prop_assert_eq!(ours, theirs);
        }
    }
}
