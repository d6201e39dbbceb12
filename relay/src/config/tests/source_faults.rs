//! Broken `[[source]]` tables and the lines they lead to.

use super::faults::after_site;
use crate::collect::sources;

#[test]
fn a_source_is_held_to_its_keys() {
    let source = |more: &str| format!("[[source]]\nname = \"mugs\"\nsite = \"shop\"\n{more}");
    after_site(
        &source("kind = \"shopfy\"\n"),
        &["6: source.mugs.kind: unknown kind of source `shopfy`; did you mean `shopify`?"],
    );
    after_site(
        &source("kind = \"woocommerce\"\nsecrt = \"hunter2\"\n"),
        &[
            "3: source.mugs.secret: missing; expected the secret of the webhook as it was typed; secret",
            "7: source.mugs.secrt: unknown key; did you mean `secret`?",
        ],
    );
    after_site(
        &source("kind = \"stripe\"\nsecret = 4711\n"),
        &["7: source.mugs.secret: expected a text, found a whole number"],
    );
    after_site(
        &source("kind = \"stripe\"\nsecret = \"${NO_SUCH}\"\nrefunds = \"none\"\n"),
        &[
            "7: source.mugs.secret: environment variable NO_SUCH is not set; export it or write the value here",
            "8: source.mugs.refunds: expected `charge.refunded` or `refund.created`, found `none`",
        ],
    );
    after_site(
        &source("kind = \"stripe\"\nsecret = \"s\"\nrefunds = \"charge.refundet\"\n"),
        &[
            "8: source.mugs.refunds: expected `charge.refunded` or `refund.created`, found `charge.refundet`; did you mean \
         `charge.refunded`?",
        ],
    );
    // What is not like any of them may be a secret that was put into the wrong place.
    after_site(
        &source("kind = \"stripe\"\nsecret = \"s\"\nrefunds = \"whsec_MDEyMzQ1Njc4OWFi\"\n"),
        &["8: source.mugs.refunds: expected `charge.refunded` or `refund.created`, found another text"],
    );
    after_site(
        &source("kind = \"stripe\"\nsecret = \"s\"\nrefunds = 5\n"),
        &["8: source.mugs.refunds: expected a text, found a whole number"],
    );
    let twice =
        format!("{0}kind = \"stripe\"\nsecret = \"s\"\n{0}kind = \"stripe\"\nsecret = \"s\"\n", source(""));
    after_site(&twice, &["9: source.mugs.name: source `mugs` is taken since line 4; choose another"]);
    let kinds: Vec<&str> = sources::ALL.iter().map(|kind| kind.name).collect();
    let missing = format!("3: source.\"a/b\".kind: missing; expected a kind of source: {}", kinds.join(", "));
    after_site(
        "[[source]]\nname = \"a/b\"\nsite = \"shp\"\n",
        &[
            &missing,
            "4: source.\"a/b\".name: expected a name of 1 to 64 letters, digits, `-`, `_` or `.`, found `a/b`",
            "5: source.\"a/b\".site: unknown site `shp`; did you mean `shop`?",
        ],
    );
}

/// A mapping is where an operator makes mistakes: each is told with its line, and all of them at once.
#[test]
fn a_mapping_is_held_to_its_language() {
    let json = |more: &str, expected: &[&str]| {
        let head = "[[source]]\nname = \"zap\"\nsite = \"shop\"\nkind = \"json\"\n";
        after_site(
            &format!("{head}auth = {{ type = \"bearer\", token = \"${{TOKEN}}\" }}\n{more}"),
            expected,
        );
    };
    let path = "no path; expected one such as `deal.stage`, `lines[0].id`, `lines[*].id`, `[\"a.b\"]` or `$.currency`";
    json(
        "[[source.rule]]\nevent = \"Lead\"\nid = \"a..b\"\nwhen = [\n  { path = \"a\", equals = 1 },\n  { path = \"b[\", above = 0 },\n]\n\
         [source.rule.map]\nvalue = { path = \"c\", minor_units = 9 }\nemail = \"$\"\nmail = \"m\"\n\
         [[source.rule]]\nevent = \"Lead\"\nid = \"id\"\nidd = \"x\"",
        &[
            &format!("10: source.zap.rule[0].id: {path}"),
            &format!("13: source.zap.rule[0].when[1].path: {path}"),
            "16: source.zap.rule[0].map.value.minor_units: expected how many decimals a whole number hides, 0 to 6",
            "18: source.zap.rule[0].map.mail: no field of ours; expected one such as `email`, `phone`, `first_name`, \
             `full_name`, `value`, `currency`, `order_id`, `time`, `visitor_id`, a click id or a UTM parameter",
            "22: source.zap.rule[1].idd: unknown key; did you mean `id`?",
        ],
    );
    json(
        "[[source.rule]]\nevent = \"Lead\"\n",
        &[
            "8: source.zap.rule[0]: a rule needs `id`, or `order_id` in its `map`, so that a repeat does not count again",
        ],
    );
    json(
        "[[source.rule]]\nevent = \"Lead\"\nid = \"i\"\nstage = \"s\"",
        &["8: source.zap.rule[0]: a rule needs either `event`, a name, or `stage`, a path, with `events`"],
    );
    json(
        "[[source.rule]]\nevent = \"Lead\"\nid = \"i\"\nwhen = [{ path = \"a\", equal = 1 }]",
        &["11: source.zap.rule[0].when[0].equal: unknown key; did you mean `equals`?"],
    );
    json(
        "[[source.rule]]\nevent = 5\nid = \"i\"\nwhen = { path = \"a\" }",
        &[
            "9: source.zap.rule[0].event: expected a text, found a whole number",
            "11: source.zap.rule[0].when: expected a list, found a table",
        ],
    );
    json(
        "",
        &[
            "3: source.zap.rule: missing; expected a list of tables `[[source.rule]]`: `when` it applies, `event` or \
        `stage` with `events`, `id`, `each`, `map`, `items`, `properties`, `tokens`",
        ],
    );
    after_site(
        "[[source]]\nname = \"zap\"\nsite = \"shop\"\nkind = \"json\"\n[source.auth]\ntype = \"hmac\"\nheader = \"X-S\"\n\
         secret = \"hunter2\"\nsigned = \"none\"\n[[source.rule]]\nevent = \"Lead\"\nid = \"i\"",
        &[
            "11: source.zap.auth.signed: expected a text with `{body}` in it, such as `{timestamp}.{body}`, found `none`",
        ],
    );
}
