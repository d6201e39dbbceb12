//! Secrets that cannot be right or hardly are, wherever they stand, and messages that have room for one.

use super::faults::{after_site, in_destination};
use super::said;

const ENDS: &str = "begins or ends with a blank, a line end or another character that nobody sees and that would be part of it; \
                    take it away, also in the file that the environment is made of";

/// A table with a secret, what it has before that, and the secret's key.
const TABLES: [(&str, &str, &str); 6] = [
    ("source", "kind = 'shopify'\nshop = 'mug-shop.myshopify.com'", "secret"),
    ("source", "kind = 'woocommerce'", "secret"),
    ("source", "kind = 'stripe'", "secret"),
    ("source", "kind = 'jotform'", "token"),
    ("destination", "platform = 'webhook'\nurl = 'https://hooks.example/'", "secret"),
    ("destination", "platform = 'meta'\npixel_id = '1'", "access_token"),
];

#[test]
fn what_nobody_sees_at_an_end_is_refused() {
    for (table, lines, key) in TABLES {
        for secret in ["${CRLF}", "hunter2-hunter2-hunter2\\n", "\\thunter2-hunter2-hunter2"] {
            let text = format!("[[{table}]]\nname = 'x'\nsite = 'shop'\n{lines}\n{key} = \"{secret}\"");
            let line = 10 + lines.lines().count();
            assert_eq!(said(&text), [format!("a.toml:{line}: {table}.x.{key}: {ENDS}")], "{text}");
        }
    }
    let source = "[[source]]\nname = 'x'\nsite = 'shop'\nkind = 'json'\nauth = { type = 'bearer', token = \"${CRLF}\" }\n\
                  [[source.rule]]\nevent = 'Lead'\nid = 'id'";
    assert_eq!(said(source), [format!("a.toml:11: source.x.auth.token: {ENDS}")]);
    let signed = "[site.token]\nsecret = \"${CRLF}\"\nprevious_secret = \" hunter2-hunter2-hunter2\"";
    assert_eq!(
        said(signed),
        [
            format!("a.toml:8: site.shop.token.secret: {ENDS}"),
            format!("a.toml:9: site.shop.token.previous_secret: {ENDS}"),
        ]
    );
    let traces = "[telemetry]\ntraces = 'https://otlp.example'\nauthorization = \"Bearer ${CRLF}\"";
    assert_eq!(said(traces), [format!("a.toml:9: telemetry.authorization: {ENDS}")]);
}

#[test]
fn a_blank_is_part_of_a_secret_only_where_its_sender_may_have_made_it_so() {
    let source = |kind: &str| {
        said(&format!("[[source]]\nname = 'x'\nsite = 'shop'\n{kind}\nsecret = ' hunter2-hunter2 '"))
    };
    assert_eq!(source("kind = 'woocommerce'"), [""; 0]);
    assert_eq!(source("kind = 'typeform'"), [format!("a.toml:11: source.x.secret: {ENDS}")]);
}

#[test]
fn what_is_hardly_the_secret_is_said() {
    let check = |table: &str, secret: &str, expected: &str| {
        let place =
            if table.starts_with("[[source]]") { "source.x.secret" } else { "destination.x.access_token" };
        let text = format!("{table}{secret}");
        let line = 6 + text.lines().count();
        assert_eq!(said(&text), [format!("a.toml:{line}: {place}: {expected}")], "{text}");
    };
    let stripe = "[[source]]\nname = 'x'\nsite = 'shop'\nkind = 'stripe'\nsecret = ";
    let meta =
        "[[destination]]\nname = 'x'\nsite = 'shop'\nplatform = 'meta'\npixel_id = '1'\naccess_token = ";
    let quoted = "stands in quotes, which are part of it here; take them away, also in the file for `--env-file`, which keeps them";
    check(meta, "'\"hunter2\"'", quoted);
    check(stripe, "\"'whsec_hunter2'\"", quoted);
    let reference =
        "looks like the name of an environment variable; the variable's value is written `${NAME}`";
    check(meta, "'$META_ACCESS_TOKEN'", reference);
    let begins = "does not begin with `whsec_`, so it is hardly the secret that belongs here";
    check(stripe, "'sk_live_hunter2'", begins);
    check(stripe, "\"${TOKEN}\"", begins);
    assert_eq!(said(&format!("{stripe}'whsec_hunter2'")), [""; 0]);
    assert_eq!(
        said("api_keys = ['\"hunter2-hunter2-hunter2\"']"),
        [format!("a.toml:7: site.shop.api_keys[0]: {quoted}")]
    );
}

#[test]
fn what_could_never_be_sent_or_is_nothing_is_refused() {
    after_site(
        "[telemetry]\ntraces = 'https://otlp.example'\nauthorization = \"Bearer a\\nX-B: b\"",
        &["5: telemetry.authorization: expected the value of the header, one line such as `Bearer …`"],
    );
    for nothing in ["", " "] {
        after_site(
            &format!("[site.token]\nsecret = '{nothing}'"),
            &[
                "4: site.shop.token.secret: expected what the site's server signs with; `openssl rand -hex 32` makes one",
            ],
        );
    }
}

#[test]
fn what_an_address_may_hold_is_not_quoted() {
    for address in ["http://me:hunter2@otlp.example:4318", "https://otlp.example/?key=hunter2"] {
        after_site(
            &format!("[telemetry]\ntraces = '{address}'"),
            &[
                "4: telemetry.traces: expected the address of an OTLP collector that speaks HTTP, such as `http://127.0.0.1:4318`",
            ],
        );
        after_site(
            &format!("[server]\npublic_url = '{address}'"),
            &[
                "4: server.public_url: expected the relay's public address without a path, such as `https://t.shop.example`",
            ],
        );
        in_destination(
            &format!("account = '1'\naccess_token = \"${{TOKEN}}\"\nendpoint = '{address}'"),
            &[
                "9: destination.e.endpoint: expected an address without a path such as `http://127.0.0.1:9100`",
            ],
        );
    }
}

#[test]
fn a_short_value_does_not_hide_the_words_of_a_message() {
    in_destination(
        "account = 'one'\naccess_token = 'e'",
        &["7: destination.e.account: expected digits (the token is e), found `one`"],
    );
    in_destination(
        "account = 'one'\naccess_token = 'tokens'",
        &["7: destination.e.account: expected digits (the token is ********), found `one`"],
    );
}

#[test]
fn a_name_out_of_the_environment_is_told_as_it_is_written() {
    let table = "[[destination]]\nname = \"${ADDRESS}\"\nsite = \"shop\"\nplatform = \"echo\"\n\
                 account = \"1\"\naccess_token = \"${TOKEN}\"\n";
    after_site(
        &format!("{table}{table}"),
        &[
            "10: destination.\"${ADDRESS}\".name: destination `${ADDRESS}` is taken since line 4; choose another",
        ],
    );
}
