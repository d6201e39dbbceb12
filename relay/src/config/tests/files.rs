//! Values that name a file: read beside the configuration, given to the platform as text, and never shown.

use super::*;

/// A platform whose key is a file's text; it complains about anything but a letter between braces.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keyed {
    key_file: Secret,
}

fn configure_keyed(settings: Settings) -> Result<Box<dyn Platform>, SettingError> {
    let own: Keyed = settings.read()?;
    match own.key_file.expose().trim() {
        "{a}" => Ok(Box::new(Echo { own: nobody(), names: BTreeMap::new() })),
        other => Err(SettingError::invalid("key_file", format!("expected {{a}}, not {other}"))),
    }
}

fn nobody() -> EchoSettings {
    EchoSettings { account: String::new(), access_token: Secret::new(""), retries: 0, oauth: None }
}

const KEYED: &[Kind] = &[Kind {
    name: "keyed",
    keys: &[Key::file("key_file", "a key")],
    standard: |_| None,
    signals: &[],
    configure: configure_keyed,
}];

/// What becomes of a destination whose key is `value`, in a directory with the files `good.json` and `bad.json`.
fn check(value: &str, expected: Result<&[Advice], &str>) {
    let directory = tempfile::tempdir().expect("a directory");
    write(&directory.path().join("good.json"), "{a}\n", 0o600);
    write(&directory.path().join("open.json"), "{a}", 0o644);
    write(&directory.path().join("bad.json"), "{s3cret}", 0o600);
    let text = format!(
        "{SITE}api_keys = [\"${{API_KEY}}\"]\norigins = [\"https://a.example\"]\n[[destination]]\nname = \"k\"\n\
         site = \"shop\"\nplatform = \"keyed\"\nkey_file = {value}\n"
    );
    let document = Document {
        file: "a.toml",
        text: &text,
        directory: directory.path(),
        assets: Path::new("dist/tag"),
        readable_by_others: true,
    };
    let found = parse(&document, KEYED, &|name| match name {
        "KEY" => Some("{a}".to_owned()),
        "PATH_OF_KEY" => Some("hidden/key.json".to_owned()),
        other => variables(other),
    });
    match (found, expected) {
        (Ok(loaded), Ok(advice)) => {
            let of_key = loaded.warnings.into_iter().filter(|warning| warning.key.ends_with("key_file"));
            assert_eq!(of_key.map(|warning| warning.what).collect::<Vec<_>>(), advice, "{value}");
        }
        (Err(error), Err(words)) => {
            let error = error.to_string();
            assert!(error.contains(words), "{value}: {error}");
            assert!(!error.contains("s3cret") && !error.contains("hidden"), "{error}");
        }
        (found, _) => panic!("{value}: {found:?}"),
    }
}

#[cfg(unix)]
fn write(path: &Path, text: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).expect("writable");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
}

#[test]
fn a_file_is_read_beside_the_configuration() {
    check("\"good.json\"", Ok(&[]));
    check("\"./good.json\"", Ok(&[]));
    #[cfg(unix)]
    check("\"open.json\"", Ok(&[Advice::ReadableKeyFile]));
}

#[test]
fn the_text_itself_may_stand_there_or_in_the_environment() {
    check("\"${KEY}\"", Ok(&[]));
    check("'{a}'", Ok(&[Advice::ReadableSecret]));
}

#[test]
fn what_cannot_be_read_is_told_without_secrets() {
    check("\"none.json\"", Err("file `none.json` cannot be read (entity not found)"));
    check("\"${PATH_OF_KEY}\"", Err("file `${PATH_OF_KEY}` cannot be read"));
    check("\"bad.json\"", Err("expected {a}, not ********"));
    check("5", Err("expected the path of a file, found a whole number"));
}
