//! The browser module: what it makes of an address's parameters, of cookies, of its own memory, and of a person's value.
//!
//! An input is lines, as the page lays them before the module. A panic there would end the tag on the page.

use shared::click_id::{find, valid};
use shared::identity::{Field, Room, Text};
use shared::{UserData, limits};
use tag::text::Answer;
use tag::touches::{Touches, absorb, known_of};
use tag::{capture, person};

/// Asks the module everything.
pub fn run(bytes: &[u8]) {
    landing(bytes);
    cookies(bytes);
    values(bytes);
}

/// What is known and a landing, then the same landing again.
fn landing(bytes: &[u8]) {
    let mut question = bytes;
    let known = known_of(&mut question);
    let found = answered(bytes.len(), |answer| capture::landing(question, answer));
    for touch in Touches(&found) {
        let Ok(name) = std::str::from_utf8(touch.name) else { panic!("a name of the registry is text") };
        match (find(name), std::str::from_utf8(touch.value)) {
            (Some(spec), Ok(value)) => assert!(valid(spec, value), "{name}: {value:?}"),
            (Some(_), Err(_)) => panic!("{name}: not text"),
            (None, _) => assert!(name.starts_with("utm_") && !touch.value.contains(&b'@'), "{name}"),
        }
    }
    for now_ms in [0.0, 1_795_435_200_000.0, f64::MAX, f64::NAN] {
        let once = answered(bytes.len(), |answer| absorb(known, &found, now_ms, answer));
        assert!(once.len() <= known.len() + found.len() + 3, "nothing is made up");
        let twice = answered(bytes.len(), |answer| absorb(&once, &found, now_ms, answer));
        assert_eq!(names(&twice), names(&once), "a landing changes nothing the second time");
    }
}

fn names(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut names: Vec<(&[u8], &[u8])> = Touches(text).map(|touch| (touch.name, touch.value)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn cookies(bytes: &[u8]) {
    let kept = answered(bytes.len(), |answer| capture::ad_cookies(bytes, answer));
    let again = answered(kept.len(), |answer| capture::ad_cookies(&kept, answer));
    assert_eq!(again, kept, "what was kept is worth keeping");
}

/// A value as each field: two lines, digests by form as the relay reads them.
fn values(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let text = text.lines().next().unwrap_or_default().trim();
    let lower = text.to_lowercase();
    for field in Field::ALL {
        let question = Text { exact: text.as_bytes(), lower: lower.as_bytes(), country: b"GB" };
        let mut room = vec![0; 6 * Room::for_text(limits::IDENTITY * 3)];
        let answer = answered(4_096, |answer| person::value(field, question, Room::new(&mut room), answer));
        let answer = String::from_utf8(answer).expect("text");
        if let Some((_, json)) = answer.split_once('\n').filter(|(_, json)| !json.is_empty()) {
            let user = format!("{{\"{}\":[{json}]}}", field.name());
            let read: UserData =
                serde_json::from_str(&user).unwrap_or_else(|error| panic!("{error}: {user}"));
            assert!(read.has(field), "{user}");
        }
    }
}

fn answered(most: usize, rule: impl FnOnce(&mut Answer<'_>)) -> Vec<u8> {
    let mut memory = vec![0; most * 2 + 64];
    let mut answer = Answer::new(&mut memory);
    rule(&mut answer);
    answer.text().to_vec()
}

/// Landings and cookies as the page asks about them.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "fbclid\n1795000000000\nIwAR0\nutm_source\n1795000000000\nfacebook\n\n\n\ngclid\n1795435200000\nCj0KCQiA\nutm_campaign\n1795435200000\nspring",
        "\n\n\nwbraid\n1\nCjkKCQ\ngclid\n1\nCj0K\nttclid\n1\nE.C.P.x\nmsclkid\n1\n0123456789abcdef0123456789abcdef",
        "_fbp\nfb.1.2.3\n_ttp\na%20b=c\n_ga_ABC\nGS1.1\n_uetmsclkid\n_uet0123456789abcdef0123456789abcdef",
        "ada.lovelace+x@gmail.com",
        "020 7946 0123",
        "São Paulo",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
