//! "Did you mean": the known name nearest to one that is not known.

/// The name of `known` that `wrong` was probably meant to be, if any is near enough.
///
/// Near means: one letter wrong, missing, extra or swapped with its neighbour for every three letters of the
/// name. Case and the choice between `-` and `_` count for nothing, because people mix them up.
pub(super) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = folded(wrong);
    if wrong.len() > LONGEST {
        return None;
    }
    let near = |name: &'a str| {
        let letters = folded(name);
        let apart = distance(&wrong, &letters);
        (apart <= (letters.len().max(wrong.len()) / 3).max(1)).then_some((apart, name))
    };
    known.into_iter().filter_map(near).min().map(|(_, name)| name)
}

/// Longer texts are no misspelt keys, and comparing them would take long.
const LONGEST: usize = 64;

fn folded(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).map(|letter| if letter == '-' { '_' } else { letter }).collect()
}

/// How many edits lie between two names (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, right) in b.iter().enumerate() {
            let change = last[j] + usize::from(left != right);
            let mut least = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *left == b[j - 1] && a[i - 1] == *right {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_another_word_does_not() {
        let known = ["listen", "public_url", "trusted_proxies", "rate_limit", "pixel_id"];
        let check = |wrong, expected| assert_eq!(nearest(wrong, known), expected, "{wrong}");
        check("lisen", Some("listen"));
        check("listne", Some("listen"));
        check("public-url", Some("public_url"));
        check("PixelID", Some("pixel_id"));
        check("trusted_proxy", Some("trusted_proxies"));
        check("port", None);
        check("", None);
        check(&"listen".repeat(20), None);
    }

    #[test]
    fn a_swap_counts_once() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        let check = |a, b, expected| assert_eq!(distance(&letters(a), &letters(b)), expected, "{a} {b}");
        check("", "", 0);
        check("", "abc", 3);
        check("abc", "acb", 1);
        check("abc", "abd", 1);
        check("abcd", "bcd", 1);
        check("ab", "cd", 2);
    }
}
