//! The rounds of SHA-256 as the tag has them: with constants that are computed, because stored ones do not compress.
//!
//! Owns FIPS 180-4, section 6.2.2, for the browser; the relay takes the library's, which is faster. A test holds the two
//! together. 0.3 kB of the tag less than the library's smallest form.

use std::cell::Cell;

thread_local! {
    static CONSTANTS: Cell<[u32; 64]> = const { Cell::new([0; 64]) };
}

/// Works one block into the state.
pub(super) fn compress(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut constants = CONSTANTS.get();
    if constants[0] == 0 {
        constants = cube_roots();
        CONSTANTS.set(constants);
    }
    let mut words = [0; 64];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        words[t] = mixed(words[t - 2], [17, 19], 10)
            .wrapping_add(words[t - 7])
            .wrapping_add(mixed(words[t - 15], [7, 18], 3))
            .wrapping_add(words[t - 16]);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (word, constant) in words.into_iter().zip(constants) {
        let first = turned(e, [6, 11, 25])
            .wrapping_add(h)
            .wrapping_add(g ^ e & (f ^ g))
            .wrapping_add(word)
            .wrapping_add(constant);
        let second = turned(a, [2, 13, 22]).wrapping_add(a & b | c & (a | b));
        (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(first), c, b, a, first.wrapping_add(second));
    }
    for (word, change) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(change);
    }
}

fn turned(word: u32, [first, second, third]: [u32; 3]) -> u32 {
    word.rotate_right(first) ^ word.rotate_right(second) ^ word.rotate_right(third)
}

fn mixed(word: u32, [first, second]: [u32; 2], shift: u32) -> u32 {
    word.rotate_right(first) ^ word.rotate_right(second) ^ word >> shift
}

/// The first 32 bits of the fractions of the cube roots of the first 64 primes (section 4.2.2).
fn cube_roots() -> [u32; 64] {
    let mut prime = 1_u32;
    [0; 64].map(|_: u32| {
        prime += 1;
        while (2..prime).any(|divisor| prime.is_multiple_of(divisor)) {
            prime += 1;
        }
        // Newton's steps, from above the largest root. A double has 50 bits behind the point here.
        let mut root = 7.0_f64;
        for _ in 0..20 {
            root -= (root - f64::from(prime) / (root * root)) / 3.0;
        }
        (root * 4_294_967_296.0) as u64 as u32
    })
}

#[cfg(test)]
mod tests {
    use sha2::block_api::compress256;

    use super::*;

    #[test]
    fn the_constants_are_those_of_the_standard() {
        let constants = cube_roots();
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
