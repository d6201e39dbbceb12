//! One mistake, one line: what only follows from a mistake is not told, and what caused one is.

use super::OWN;
use super::faults::{after_site, check};
use crate::collect::sources;

#[test]
fn nobody_is_told_of_an_unknown_site_while_a_site_has_no_good_key() {
    let tables = format!(
        "[[destination]]\nname = 'e'\nsite = 'my shop'\nplatform = 'echo'\n{OWN}\
         [[source]]\nname = 'w'\nsite = 'shp'\nkind = 'woocommerce'\nsecret = \"${{TOKEN}}\"\n"
    );
    let name = "expected a name of 1 to 64 letters, digits, `-`, `_` or `.`";
    check(
        &format!("[[site]]\nkey = 'my shop'\n{tables}"),
        &[&format!("2: site.\"my shop\".key: {name}, found `my shop`")],
    );
    check(
        &format!("[[site]]\n{tables}"),
        &["1: site[0].key: missing; expected the name the tag and destinations use for this site"],
    );
    check(&tables, &["1: site: missing; expected at least one [[site]] with a key"]);
    check(
        &format!("[[site]]\nkey = 'other'\n{tables}"),
        &[
            "5: destination.e.site: unknown site `my shop`; known here: other",
            "11: source.w.site: unknown site `shp`; known here: other",
        ],
    );
}

#[test]
fn a_misspelt_key_that_says_how_others_are_read_is_named() {
    after_site(
        "[[destination]]\nname = 'e'\nsite = 'shop'\nplatformx = 'echo'\naccount = '1'\n",
        &[
            "3: destination.e.platform: missing; expected a platform: echo, google-ads",
            "6: destination.e.platformx: unknown key; did you mean `platform`?",
        ],
    );
    let kinds: Vec<&str> = sources::ALL.iter().map(|kind| kind.name).collect();
    after_site(
        "[[source]]\nname = 'x'\nsite = 'shop'\nkinds = 'stripe'\nsecret = \"${TOKEN}\"\n",
        &[
            &format!("3: source.x.kind: missing; expected a kind of source: {}", kinds.join(", ")),
            "6: source.x.kinds: unknown key; did you mean `kind`?",
        ],
    );
}
