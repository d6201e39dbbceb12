//! Settings that are right, and the key each wrong one is laid at.

use crate::platform::settings::tests::settings;
use crate::platform::{Platform, SettingError};

const OAUTH: &str =
    "oauth = { client_id = \"c\", client_secret = \"s-cret\", refresh_token = \"r-fresh\" }\n";
const NEEDED: &str =
    "operating_account = \"4445556666\"\nconversion_actions = { Purchase = \"7\", Lead = \"8\" }\n";

fn configure(text: String) -> Result<Box<dyn Platform>, SettingError> {
    (super::super::KIND.configure)(settings(text.leak()))
}

fn configured(more: &str) -> Result<Box<dyn Platform>, SettingError> {
    configure(format!("{NEEDED}{OAUTH}{more}"))
}

#[test]
fn settings_that_are_right_are_taken() {
    for more in [
        "",
        "login_account = \"111-222-3333\"",
        "action_type = \"WEBPAGE\"",
        "validate_only = true",
        "quota_project = \"my-project-123\"",
        "transaction_id_prefix = \"\"",
        "unknown_country = \"regulated\"",
        "merchant = { id = \"5\", feed_label = \"DE\", feed_language = \"de\" }",
        "custom_variables = { margin = \"4711\" }",
        "adjustments = { customer_id = \"444-555-6666\" }",
        "adjustments = { customer_id = \"4445556666\", api_version = \"v25\", developer_token = \"d\" }",
        "status_after_s = 60",
    ] {
        assert!(configured(more).is_ok(), "{more}: {:?}", configured(more).err());
    }
}

#[test]
fn settings_that_are_wrong_name_their_key() {
    let check = |more: &str, words: &str| {
        let error = configured(more).expect_err(more).to_string();
        assert!(error.contains(words), "{more}: {error}");
    };
    check("login_account = \"12\"", "`login_account`: expected a customer id of ten digits");
    check("action_type = \"upload\"", "expected `UPLOAD_CLICKS` or `WEBPAGE`");
    check("quota_project = \"a b\"", "`quota_project`");
    check("transaction_id_prefix = \"a b\"", "`transaction_id_prefix`");
    check("unknown_country = \"mars\"", "expected `regulated` or `unregulated`");
    check("merchant = { id = \"x\" }", "`merchant`: expected `id`");
    check("merchant = { id = \"5\", feed_language = \"german\" }", "`merchant`: expected `feed_language`");
    check("merchant = { id = \"5\", feed_label = \"a b\" }", "`merchant`: expected `feed_label`");
    check("custom_variables = { margin = \" \" }", "`custom_variables`");
    check("adjustments = { customer_id = \"1\" }", "`adjustments`: expected a customer id");
    check(
        "adjustments = { customer_id = \"4445556666\", api_version = \"26\" }",
        "`adjustments`: expected `api_version`",
    );
    check("adjustments = { customer_id = \"4445556666\", developer_token = \"a b\" }", "`adjustments`");
    check("service_account = \"{}\"", "`oauth`: expected either");
    check("status_after_s = 0", "expected a nonzero u32");
}

#[test]
fn required_values_are_checked() {
    let check = |text: &str, words: &str| {
        let error = configure(text.to_owned()).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
    };
    let actions =
        |table: &str| format!("operating_account = \"4445556666\"\nconversion_actions = {table}\n{OAUTH}");
    check(&actions("{}"), "`conversion_actions`: expected at least one");
    check(
        &actions("{ Lead = \"customers/1/conversionActions/2\" }"),
        "`conversion_actions`: expected digits for Lead",
    );
    check(&actions("{ Refund = \"1\" }"), "`conversion_actions`: expected no Refund");
    check(&NEEDED.replace("4445556666", "44455566"), "`operating_account`: expected a customer id");
    check(NEEDED, "`oauth`: expected { client_id");
    check(&format!("{NEEDED}service_account = \"{{}}\""), "`service_account`: expected the JSON key file");
    check(&format!("{NEEDED}{}", OAUTH.replace("s-cret", "s cret")), "`oauth`: expected client_id");
    check(&format!("{NEEDED}oauth = {{ client_id = \"c\" }}"), "missing field `client_secret`");
}

#[test]
fn names_are_entries_of_the_table_or_ids() {
    let named = |theirs: &str| {
        let mut settings = settings(format!("{NEEDED}{OAUTH}").leak());
        settings.names.insert("FormSubmit".to_owned(), theirs.to_owned());
        (super::super::KIND.configure)(settings).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(named("Lead"), Ok(()));
    assert_eq!(named("7008009003"), Ok(()));
    let error = named("Leads").expect_err("no such entry");
    assert!(error.contains("`events`") && error.contains("FormSubmit"), "{error}");
}

#[test]
fn the_settings_do_not_print_their_secrets() {
    let google = configured("adjustments = { customer_id = \"4445556666\", developer_token = \"d-token\" }");
    let shown = format!("{:?}", google.expect("valid"));
    for secret in ["s-cret", "r-fresh", "d-token"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
