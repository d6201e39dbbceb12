//! Writes what is stored as JSON: byte for byte what `serde_json` writes, in a third of the time.
//!
//! Nearly all of an event is text without anything to escape, which `serde_json` passes through byte by byte. Here
//! sixteen bytes are looked at together and what needs no escape is copied whole. Everything that is not text is left
//! to `serde_json`. Owns nothing of what is written.

use std::fmt::Display;

use serde::ser::{
    Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};
use serde_json::{Error, Result};

/// Appends `value` to `out`.
///
/// # Errors
/// When the value has a shape that nothing stored has: a name that is no text, an enum that holds something.
pub(super) fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> Result<()> {
    value.serialize(Json { out })
}

/// One value's writer.
struct Json<'a> {
    out: &'a mut Vec<u8>,
}

/// Members of an object or a list so far.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
    end: u8,
}

impl<'a> Members<'a> {
    fn begin(out: &'a mut Vec<u8>, start: u8, end: u8) -> Self {
        out.push(start);
        Self { out, first: true, end }
    }

    fn comma(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
        }
    }

    /// A field's name, which stands in our own code and has nothing to escape.
    fn name(&mut self, name: &'static str) {
        debug_assert!(!needs_escape(name.as_bytes()), "{name}");
        self.out.reserve(name.len() + 4);
        self.comma();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn close(self) -> Result<()> {
        self.out.push(self.end);
        Ok(())
    }
}

/// Writes text between quotes.
fn text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if needs_escape(bytes) {
        // Writing into memory does not fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    out.extend_from_slice(bytes);
    out.push(b'"');
}

/// Whether a quote, a backslash or a control character is among the bytes.
fn needs_escape(bytes: &[u8]) -> bool {
    shared::bytes::any(bytes, |byte| (byte == b'"') | (byte == b'\\') | (byte < 0x20))
}

/// What nothing stored holds.
fn unknown<T>(what: &'static str) -> Result<T> {
    Err(serde::ser::Error::custom(what))
}

/// Leaves plain values to `serde_json`.
macro_rules! plain {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, value: $type) -> Result<()> {
            serde_json::to_writer(self.out, &value)
        })*
    };
}

impl<'a> Serializer for Json<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Members<'a>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Impossible<(), Error>;

    plain! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_bytes: &[u8],
    }

    fn serialize_str(self, value: &str) -> Result<()> {
        text(self.out, value);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<()> {
        self.serialize_str(&value.to_string())
    }

    fn serialize_none(self) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<()> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let mut members = Members::begin(self.out, b'{', b'}');
        members.name(variant);
        write(members.out, value)?;
        members.close()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>> {
        Ok(Members::begin(self.out, b'[', b']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Members<'a>> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct> {
        unknown("a tuple struct is never stored")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        unknown("a tuple variant is never stored")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>> {
        Ok(Members::begin(self.out, b'{', b'}'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        unknown("a struct variant is never stored")
    }
}

impl SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.comma();
        write(self.out, value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl SerializeTuple for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<()> {
        self.comma();
        let start = self.out.len();
        write(self.out, name)?;
        if self.out.get(start) != Some(&b'"') {
            return unknown("a name is text");
        }
        self.out.push(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        write(self.out, value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        self.name(name);
        write(self.out, value)
    }

    fn end(self) -> Result<()> {
        self.close()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::Event;
    use shared::visitor::Visitor;

    use super::*;

    fn same(value: &impl Serialize) {
        let mut written = Vec::new();
        write(&mut written, value).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(value).unwrap());
    }

    #[test]
    fn an_event_and_a_visitor_come_out_as_serde_json_writes_them() {
        let digest = "c3374bcfe3572e09f37602e0e179782352c5e117a4a3767824abbaa21bbdef8b";
        let event: Event = serde_json::from_str(&format!(
            r#"{{"event":"Purchase","event_id":"e \"1\"","time":1795183509123,"source":"web","visitor_id":"v1",
                "page":{{"url":"https://shop.example/?a=1","title":"Zwei\nZeilen \u0007 Käse"}},
                "click_ids":{{"fbclid":{{"value":"x","seen_at":1}},"gclid":"y"}},"cookies":{{"_fbp":"fb.1.1.1"}},
                "campaign":{{"source":"s"}},"context":{{"ip":"203.0.113.9"}},
                "user":{{"email":[{{"plain":"{digest}","google":null}}],"clear":{{"city":"köln"}}}},
                "properties":{{"value":59.9,"currency":"EUR","items":[{{"id":"7","quantity":2}},{{}}],
                    "list":[1,-2.5,"x\\y",true,[]],"big":1e300,"empty":[]}},
                "consent":{{"ad_storage":"granted"}}}}"#
        ))
        .unwrap();
        same(&event);
        let mut visitor = Visitor::default();
        same(&visitor);
        assert!(visitor.absorb(&event));
        same(&visitor);
    }

    #[test]
    fn a_name_that_is_no_text_is_refused() {
        let mut out = Vec::new();
        assert!(write(&mut out, &std::collections::BTreeMap::from([(1, 2)])).is_err());
    }

    proptest! {
        #[test]
        fn any_text_comes_out_as_serde_json_writes_it(text in "[ -~]{0,20}|\\PC{0,20}|[\\x00-\\x7f\u{80}\"]{0,30}") {
            same(&text);
        }
    }
}
