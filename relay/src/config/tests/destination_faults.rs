//! Broken `[[destination]]` tables and exactly the lines they lead to.

use super::OWN;
use super::faults::{after_site, in_destination};
#[test]
fn destinations_are_checked() {
    after_site(
        "[[destination]]\n",
        &[
            "3: destination[0].name: missing; expected a name of its own for this destination",
            "3: destination[0].site: missing; expected the key of a [[site]]",
            "3: destination[0].platform: missing; expected a platform: echo, google-ads",
        ],
    );
    after_site(
        "[[destination]]\nname = 'e'\nsite = 'shp'\nplatform = 'google_ads'\n",
        &[
            "5: destination.e.site: unknown site `shp`; did you mean `shop`?",
            "6: destination.e.platform: unknown platform `google_ads`; did you mean `google-ads`?",
        ],
    );
    after_site(
        "[[destination]]\nname = 'e'\nsite = 'x'\nplatform = 'myspace'\n",
        &[
            "5: destination.e.site: unknown site `x`; known here: shop",
            "6: destination.e.platform: unknown platform `myspace`; known here: echo, google-ads",
        ],
    );
    let again = format!("{OWN}[[destination]]\nname = \"e\"\nsite = \"shop\"\nplatform = \"echo\"\n{OWN}");
    in_destination(
        &again,
        &["10: destination.e.name: destination `e` is taken since line 4; choose another"],
    );
    let endpoint =
        "expected an address without a path such as `http://127.0.0.1:9100`, found `127.0.0.1:9100`";
    in_destination(
        &format!("{OWN}endpoint = '127.0.0.1:9100'"),
        &[&format!("9: destination.e.endpoint: {endpoint}")],
    );
    in_destination(
        &format!("{OWN}consent = ['ad_storage', 'ads', 'ad_userdata']"),
        &[
            "9: destination.e.consent[1]: unknown purpose `ads`; known here: ad_storage, ad_user_data, ad_personalization",
            "9: destination.e.consent[2]: unknown purpose `ad_userdata`; did you mean `ad_user_data`?",
        ],
    );
    let switch = "expected the event's name at the platform, or false to switch it off";
    in_destination(
        &format!("{OWN}events = {{ Lead = 5, PageView = true, Search = '' }}"),
        &[
            &format!("9: destination.e.events.Lead: {switch}, found a whole number"),
            &format!("9: destination.e.events.PageView: {switch}, found `true`"),
            &format!("9: destination.e.events.Search: {switch}, found ``"),
        ],
    );
}

#[test]
fn settings_of_a_platform_are_said_in_the_same_words() {
    let needs = "missing; expected a value";
    in_destination(
        "",
        &[
            "3: destination.e.account: missing; expected an account, digits only",
            &format!("3: destination.e.access_token: {needs}"),
        ],
    );
    in_destination(
        &format!("{OWN}acount = 1\nevnts = {{}}\nfoo = 2"),
        &[
            "9: destination.e.acount: unknown key; did you mean `account`?",
            "10: destination.e.evnts: unknown key; did you mean `events`?",
            "11: destination.e.foo: unknown key; known here: account, access_token, retries, oauth, name, site, \
         platform, consent, look_back_days, timeout_ms, events, endpoint",
        ],
    );
    in_destination(
        "account = '1'\naccess_token = 123456789\nretries = 'many'\n",
        &[
            "8: destination.e.access_token: expected a text, found a whole number",
            "9: destination.e.retries: expected a whole number of 0 or more, found a text",
        ],
    );
    in_destination(
        &format!("{OWN}[destination.oauth]\nclient_id = 1\n"),
        &["10: destination.e.oauth.client_id: expected a text, found a whole number"],
    );
    in_destination(
        &format!("{OWN}oauth = {{ client = '1' }}\n"),
        &["9: destination.e.oauth.client: unknown key; did you mean `client_id`?"],
    );
    in_destination(&format!("{OWN}oauth = {{}}\n"), &[&format!("9: destination.e.oauth.client_id: {needs}")]);
    in_destination(
        &format!("{OWN}oauth = {{ client_id = '' }}\n"),
        &["9: destination.e.oauth.client_id: expected an id"],
    );
    // A platform that quotes a secret is not let through.
    in_destination(
        "account = 'one'\naccess_token = \"${TOKEN}\"",
        &["7: destination.e.account: expected digits (the token is ********), found `one`"],
    );
    in_destination(
        "account = 'one'\naccess_token = 'literal-token'",
        &["7: destination.e.account: expected digits (the token is ********), found `one`"],
    );
}

/// A platform stops at its first mistake; an operator should not have to.
#[test]
fn what_is_wrong_behind_the_first_mistake_is_told_as_well() {
    in_destination(
        "account = 'one'\naccess_token = \"${TOKEN}\"\nretries = 'many'\noauth = { client_id = '' }\nacount = '1'\n",
        &[
            "7: destination.e.account: expected digits (the token is ********), found `one`",
            "9: destination.e.retries: expected a whole number of 0 or more, found a text",
            "10: destination.e.oauth.client_id: expected an id",
            "11: destination.e.acount: unknown key; did you mean `account`?",
        ],
    );
    // Also where a key is missing that the first look is at, and where it came from the environment.
    in_destination(
        "access_token = \"${TOKEN}\"\noauth = { client_id = '' }\n",
        &[
            "3: destination.e.account: missing; expected an account, digits only",
            "8: destination.e.oauth.client_id: expected an id",
        ],
    );
    in_destination(
        "account = \"${NOPE}\"\naccess_token = \"${TOKEN}\"\noauth = { client_id = '' }\n",
        &[
            "7: destination.e.account: environment variable NOPE is not set; export it or write the value here",
            "9: destination.e.oauth.client_id: expected an id",
        ],
    );
}

#[test]
fn what_may_be_a_secret_in_the_wrong_place_is_not_quoted() {
    for token in ["EAAB1cSmxl0ZCVd09mx", "https://a.b/T0", "a=b"] {
        in_destination(
            &format!("account = '{token}'\naccess_token = \"${{TOKEN}}\""),
            &["7: destination.e.account: expected digits (the token is ********)"],
        );
    }
    in_destination(
        "account = \"${ADDRESS}\"\naccess_token = \"${TOKEN}\"",
        &["7: destination.e.account: expected digits (the token is ********)"],
    );
}
