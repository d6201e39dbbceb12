//! The overlay on the page: a panel in a shadow root, so that neither styles the other.
//!
//! Owns the elements and what each shows. Text goes in as text, never as markup. The panel is fixed and of one height, so
//! neither the page nor itself moves; it closes, folds to a bar, and is reached by keyboard, since every control is a button
//! or a `summary`. Its style sheet is a constructed one, which no `style-src` of the page forbids.

use js_sys::{Array, Reflect};
use shared::identity::Field;
use shared::{Consent, Event, Purpose, Signal, UserData};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CssStyleSheet, Document, Element, ShadowRoot, ShadowRootInit, ShadowRootMode};

use crate::advice::{Level, Message};
use crate::seen::{Entry, Seen};

const STYLE: &str = include_str!("view.css");

/// The panel.
#[derive(Debug)]
pub(crate) struct View {
    document: Document,
    count: Element,
    body: Element,
    site: Element,
    list: Element,
}

type Drawn<T = ()> = Result<T, JsValue>;

impl View {
    /// Puts a panel on the page that is empty, but for what there is to say of the whole site.
    pub(crate) fn on_page(site: &str, trouble: Option<&Message>) -> Drawn<Self> {
        let document = web_sys::window().and_then(|window| window.document()).ok_or("no document")?;
        let host = document.create_element("anytrack-inspect")?;
        let root = host.attach_shadow(&ShadowRootInit::new(ShadowRootMode::Open))?;
        dress(&root)?;
        let panel = element(&document, "section", "panel", "")?;
        panel.set_attribute("aria-label", "AnyTrack debug overlay")?;
        let body = element(&document, "div", "body", "")?;
        body.set_attribute("id", "body")?;
        let count = element(&document, "output", "count", "0 events")?;
        put(&panel, &head(&document, &host, &panel, &count, site)?)?;
        let about = element(&document, "details", "site", "")?;
        let list = element(&document, "ol", "events", "")?;
        put(&list, &element(&document, "li", "none", "No event yet.")?)?;
        if let Some(message) = trouble {
            put(&body, &said(&document, message)?)?;
        }
        put(&body, &about)?;
        put(&body, &list)?;
        put(&panel, &body)?;
        root.append_child(&panel)?;
        document.document_element().ok_or("no root element")?.append_child(&host)?;
        Ok(Self { document, count, body, site: about, list })
    }

    /// How many there are, and how many of them want a look.
    pub(crate) fn count(&self, seen: &Seen) -> Drawn {
        let (all, flagged) =
            (seen.entries.len(), seen.entries.iter().filter(|entry| wants_a_look(entry)).count());
        let events = if all == 1 { "1 event" } else { &format!("{all} events") };
        let text = if flagged > 0 { format!("{events}, {flagged} to look at") } else { events.to_owned() };
        self.count.set_text_content(Some(&text));
        self.count.class_list().toggle_with_force("flagged", flagged > 0).map(drop)
    }

    /// What holds for the whole page.
    pub(crate) fn site(&self, seen: &Seen) -> Drawn {
        self.site.set_text_content(None);
        let summary = element(&self.document, "summary", "", "")?;
        put(&summary, &element(&self.document, "b", "", "Visitor")?)?;
        put(&summary, &self.chip(&consent_word(&seen.site.consent, seen.site.required))?)?;
        put(&self.site, &summary)?;
        let facts = element(&self.document, "dl", "", "")?;
        self.fact(&facts, "visitor", seen.site.visitor.as_deref().unwrap_or("none yet"))?;
        for purpose in [Purpose::AdStorage, Purpose::AdUserData, Purpose::AdPersonalization] {
            let answer = match seen.site.consent.of(purpose) {
                Some(Signal::Granted) => "granted",
                Some(Signal::Denied) => "denied",
                None if seen.site.required => "no answer yet, and required",
                None => "not asked",
            };
            self.fact(&facts, purpose.name(), answer)?;
        }
        if let Some(event) = seen.newest() {
            self.marks(&facts, event)?;
            self.person(&facts, &event.user)?;
        }
        put(&self.site, &facts).map(drop)
    }

    /// One event, new or changed. It stays open when it was.
    pub(crate) fn entry(&self, entry: &Entry) -> Drawn {
        let row = element(&self.document, "li", entry.state.word(), "")?;
        row.set_attribute("data-id", &entry.event_id)?;
        let details = element(&self.document, "details", "", "")?;
        put(&details, &self.summary(entry)?)?;
        for message in &entry.messages {
            put(&details, &said(&self.document, message)?)?;
        }
        let facts = element(&self.document, "dl", "", "")?;
        self.fact(&facts, "id", &entry.event_id)?;
        self.fact(&facts, "time", &entry.time.rfc3339())?;
        if let Some(event) = &entry.event {
            self.properties(&facts, event)?;
            self.marks(&facts, event)?;
            self.person(&facts, &event.user)?;
        }
        put(&details, &facts)?;
        put(&row, &details)?;
        if let Some(none) = self.list.query_selector(".none")? {
            none.remove();
        }
        match self.row_of(&entry.event_id)? {
            Some(old) => {
                if old.query_selector("details[open]")?.is_some() {
                    details.set_attribute("open", "")?;
                }
                old.replace_with_with_node_1(&row)
            }
            // At the end, and in sight: what is there already does not move.
            None => {
                put(&self.list, &row)?;
                self.body.set_scroll_top(self.body.scroll_height());
                Ok(())
            }
        }
    }

    fn summary(&self, entry: &Entry) -> Drawn<Element> {
        let summary = element(&self.document, "summary", "", "")?;
        put(&summary, &element(&self.document, "b", "", &entry.name)?)?;
        let flagged = entry.messages.iter().filter(|message| message.level < Level::Note).count();
        if flagged > 0 {
            let flag = element(&self.document, "i", "flag", &format!("{flagged}"))?;
            flag.set_attribute("aria-label", &format!("{flagged} to look at"))?;
            put(&summary, &flag)?;
        }
        put(&summary, &element(&self.document, "time", "", &clock(&entry.time.rfc3339()))?)?;
        put(&summary, &self.chip(entry.state.word())?)?;
        Ok(summary)
    }

    fn properties(&self, facts: &Element, event: &Event) -> Drawn {
        let written = serde_wasm_bindgen::to_value(&event.properties)?;
        // A map of ours becomes a `Map` of JavaScript.
        for pair in Array::from(&written).iter() {
            let pair = Array::from(&pair);
            let value = pair.get(1);
            let text = value.as_string().or_else(|| plain(&value));
            self.fact(facts, &pair.get(0).as_string().unwrap_or_default(), &text.unwrap_or_default())?;
        }
        match &event.page.url {
            Some(url) => self.fact(facts, "page", url),
            None => Ok(()),
        }
    }

    /// Click ids, campaign and cookies.
    fn marks(&self, facts: &Element, event: &Event) -> Drawn {
        for (name, id) in &event.click_ids {
            let since = id.seen_at.map(|seen| format!(", first seen {}", seen.rfc3339())).unwrap_or_default();
            self.fact(facts, name, &format!("{}{since}", id.value))?;
        }
        if let Some(campaign) = &event.campaign {
            let parts = [
                ("utm_source", &campaign.source),
                ("utm_medium", &campaign.medium),
                ("utm_campaign", &campaign.name),
                ("utm_term", &campaign.term),
                ("utm_content", &campaign.content),
                ("utm_id", &campaign.id),
            ];
            for (name, value) in parts {
                if let Some(value) = value {
                    self.fact(facts, name, value)?;
                }
            }
        }
        event.cookies.iter().try_for_each(|(name, value)| self.fact(facts, &format!("cookie {name}"), value))
    }

    /// Digests by field and form; forms with the same digest share a line.
    fn person(&self, facts: &Element, user: &UserData) -> Drawn {
        for field in Field::ALL {
            let mut lines: Vec<(String, String)> = Vec::new();
            for form in field.forms() {
                let name = serde_wasm_bindgen::to_value(form)?.as_string().unwrap_or_default();
                for digest in user.digests(field, *form) {
                    let digest = digest.to_hex();
                    match lines.iter_mut().find(|(known, _)| *known == digest) {
                        Some((_, forms)) => *forms = format!("{forms}, {name}"),
                        None => lines.push((digest, name.clone())),
                    }
                }
            }
            for (digest, forms) in lines {
                self.fact(facts, field.name(), &format!("{digest} ({forms})"))?;
            }
        }
        let clear = [
            ("city, clear", &user.clear.city),
            ("region, clear", &user.clear.region),
            ("postal code, clear", &user.clear.postal_code),
            ("country, clear", &user.clear.country),
        ];
        for (name, value) in clear {
            if let Some(value) = value {
                self.fact(facts, name, value)?;
            }
        }
        Ok(())
    }

    fn fact(&self, facts: &Element, name: &str, value: &str) -> Drawn {
        put(facts, &element(&self.document, "dt", "", name)?)?;
        put(facts, &element(&self.document, "dd", "", value)?)
    }

    fn chip(&self, word: &str) -> Drawn<Element> {
        element(&self.document, "span", "chip", word)
    }

    fn row_of(&self, event_id: &str) -> Drawn<Option<Element>> {
        let rows = self.list.children();
        Ok((0..rows.length())
            .filter_map(|at| rows.item(at))
            .find(|row| row.get_attribute("data-id").as_deref() == Some(event_id)))
    }
}

fn said(document: &Document, message: &Message) -> Drawn<Element> {
    let kind = match message.level {
        Level::Refused => "message bad",
        Level::Advice => "message warn",
        Level::Note => "message",
    };
    element(document, "p", kind, &message.text)
}

/// Title, count and the two buttons.
fn head(document: &Document, host: &Element, panel: &Element, count: &Element, site: &str) -> Drawn<Element> {
    let head = element(document, "header", "", "")?;
    put(&head, &element(document, "strong", "", "AnyTrack")?)?;
    put(&head, &element(document, "span", "key", site)?)?;
    head.append_child(count)?;
    let fold = button(document, "Fold", "–")?;
    fold.set_attribute("aria-controls", "body")?;
    fold.set_attribute("aria-expanded", "true")?;
    let (folded, own) = (panel.clone(), fold.clone());
    on_click(&fold, move || {
        let closed = folded.class_list().toggle("folded").unwrap_or_default();
        let _ = own.set_attribute("aria-expanded", if closed { "false" } else { "true" });
        own.set_text_content(Some(if closed { "+" } else { "–" }));
    })?;
    let close = button(document, "Close", "×")?;
    let gone = host.clone();
    on_click(&close, move || gone.remove())?;
    put(&head, &fold)?;
    put(&head, &close)?;
    Ok(head)
}

fn button(document: &Document, label: &str, sign: &str) -> Drawn<Element> {
    let button = element(document, "button", "", sign)?;
    button.set_attribute("type", "button")?;
    button.set_attribute("aria-label", label)?;
    button.set_attribute("title", label)?;
    Ok(button)
}

/// The action lives as long as the page.
fn on_click(button: &Element, action: impl Fn() + 'static) -> Drawn {
    let action = Closure::<dyn Fn()>::new(action);
    button.add_event_listener_with_callback("click", action.as_ref().unchecked_ref())?;
    action.forget();
    Ok(())
}

fn put(parent: &Element, child: &Element) -> Drawn {
    parent.append_child(child).map(drop)
}

fn element(document: &Document, tag: &str, class: &str, text: &str) -> Drawn<Element> {
    let element = document.create_element(tag)?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    if !text.is_empty() {
        element.set_text_content(Some(text));
    }
    Ok(element)
}

fn dress(root: &ShadowRoot) -> Drawn {
    let sheet = CssStyleSheet::new()?;
    sheet.replace_sync(STYLE)?;
    Reflect::set(root, &"adoptedStyleSheets".into(), &Array::of1(&sheet)).map(drop)
}

fn wants_a_look(entry: &Entry) -> bool {
    entry.worst().is_some_and(|worst| worst < Level::Note)
}

fn consent_word(consent: &Consent, required: bool) -> String {
    let needed = [Purpose::AdStorage, Purpose::AdUserData];
    let word = if needed.iter().any(|purpose| consent.of(*purpose) == Some(Signal::Denied)) {
        "consent denied"
    } else if !consent.allows(&needed, required) {
        "consent missing"
    } else if consent.allows(&needed, true) {
        "consent granted"
    } else {
        "consent not asked"
    };
    word.to_owned()
}

/// Numbers, truth values and lists as JavaScript writes them.
fn plain(value: &JsValue) -> Option<String> {
    js_sys::JSON::stringify(value).ok()?.as_string()
}

/// Hours to seconds of an RFC 3339 time.
fn clock(time: &str) -> String {
    time.get(11..19).unwrap_or_default().to_owned()
}
