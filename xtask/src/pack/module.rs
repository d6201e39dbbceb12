//! Two changes to a WebAssembly module that no ready program makes.
//!
//! **Panics become traps.** The prebuilt standard library formats a text for every panic, some 3 kB compressed that
//! nobody reads: a panic ends in a trap either way, and the loader then falls back. So the functions that only
//! panic are replaced by the one instruction `unreachable`, and the optimiser drops what only they used.
//! **Names become short.** Imports and exports are renamed to a letter or two.
//!
//! Owns reading and writing of the sections it needs (WebAssembly core specification, chapter 5, "Binary format").

use std::collections::BTreeMap;

use crate::pack::Short;
use crate::{Error, Result};

/// Parts of the demangled names of functions that can only panic.
const PANICS: [&str; 16] = [
    "core::panicking::",
    "std::panicking::",
    "core::str::slice_error_fail",
    "core::slice::index::slice_",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_",
    "std::thread::local::panic_",
    "alloc::raw_vec::handle_error",
    "alloc::raw_vec::capacity_overflow",
    "alloc::alloc::handle_alloc_error",
    "::assert_failed",
    "::len_mismatch_fail",
    "rust_begin_unwind",
    "rust_panic",
];

/// A body of no locals whose only instruction is `unreachable`.
const TRAP: [u8; 4] = [3, 0, 0x00, 0x0b];

const CUSTOM: u8 = 0;
const IMPORT: u8 = 2;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

/// The module with every panic as a trap, and without its names.
pub(crate) fn without_panics(bytes: &[u8]) -> Result<Vec<u8>> {
    let sections = sections(bytes)?;
    let mut names = BTreeMap::new();
    let mut imported = 0;
    for section in &sections {
        match section.kind {
            CUSTOM => names.extend(function_names(section.body)?),
            IMPORT => {
                let functions = imports(section.body)?;
                imported = functions.iter().filter(|import| import.is_function).count();
            }
            _ => {}
        }
    }
    let panics = |index: usize| names.get(&(imported + index)).is_some_and(|name| is_panic(name));
    let mut module = bytes[..8].to_vec();
    for section in sections.iter().filter(|section| section.kind != CUSTOM) {
        let body = if section.kind == CODE { code(section.body, panics)? } else { section.body.to_vec() };
        append(&mut module, section.kind, &body);
    }
    Ok(module)
}

/// The module with short names of imports and exports.
pub(crate) fn with_short_names(bytes: &[u8]) -> Result<Short> {
    let mut short = Short { bytes: bytes[..8].to_vec(), imports: Vec::new(), exports: BTreeMap::new() };
    for section in sections(bytes)? {
        let body = match section.kind {
            IMPORT => {
                let list = imports(section.body)?;
                let mut body = number(list.len());
                for (index, import) in list.into_iter().enumerate() {
                    let name = letters(index);
                    // One JavaScript object holds them all, called `a`.
                    body.extend([1, b'a']);
                    body.extend(text(&name));
                    body.extend(import.rest);
                    short.imports.push(name);
                }
                body
            }
            EXPORT => {
                let mut reader = Reader::new(section.body);
                let count = reader.number()?;
                let mut body = number(count);
                for index in 0..count {
                    let (name, shorter) = (reader.text()?, letters(index));
                    body.extend(text(&shorter));
                    body.extend(reader.take(1)?);
                    body.extend(number(reader.number()?));
                    short.exports.insert(name, shorter);
                }
                body
            }
            _ => section.body.to_vec(),
        };
        append(&mut short.bytes, section.kind, &body);
    }
    Ok(short)
}

/// `a`, `b` … `z`, `ba`, `bb` …: no name twice.
fn letters(mut index: usize) -> String {
    let mut name = String::new();
    loop {
        name.insert(0, char::from(b'a' + (index % 26) as u8));
        index /= 26;
        if index == 0 {
            return name;
        }
    }
}

fn is_panic(name: &str) -> bool {
    // The compiler writes a crate's hash after its name: `core[c5930c85a12de822]::panicking::panic`.
    let mut plain = String::new();
    let mut depth = 0;
    for c in name.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    PANICS.iter().any(|part| plain.contains(part))
}

struct Section<'a> {
    kind: u8,
    body: &'a [u8],
}

fn sections(bytes: &[u8]) -> Result<Vec<Section<'_>>> {
    let mut reader = Reader::new(bytes);
    reader.take(8)?;
    let mut sections = Vec::new();
    while reader.at < bytes.len() {
        let kind = reader.take(1)?[0];
        let length = reader.number()?;
        sections.push(Section { kind, body: reader.take(length)? });
    }
    Ok(sections)
}

struct Import<'a> {
    is_function: bool,
    /// Kind and type, as they stand.
    rest: &'a [u8],
}

fn imports(body: &[u8]) -> Result<Vec<Import<'_>>> {
    let mut reader = Reader::new(body);
    let count = reader.number()?;
    let mut list = Vec::new();
    for _ in 0..count {
        // The module and the name in it.
        reader.text()?;
        reader.text()?;
        let start = reader.at;
        let kind = reader.take(1)?[0];
        match kind {
            0 => {
                reader.number()?;
            }
            // A table has a reference type before its limits, a memory has limits only.
            1 | 2 => {
                reader.take(usize::from(kind == 1))?;
                let flags = reader.number()?;
                reader.number()?;
                if flags & 1 == 1 {
                    reader.number()?;
                }
            }
            3 => {
                reader.take(2)?;
            }
            _ => return Err(Error::Module { at: start }),
        }
        list.push(Import { is_function: kind == 0, rest: &body[start..reader.at] });
    }
    Ok(list)
}

/// Names by function number, when this custom section holds names.
fn function_names(body: &[u8]) -> Result<BTreeMap<usize, String>> {
    let mut reader = Reader::new(body);
    let mut names = BTreeMap::new();
    if reader.text()? != "name" {
        return Ok(names);
    }
    while reader.at < body.len() {
        let kind = reader.take(1)?[0];
        let length = reader.number()?;
        let mut part = Reader::new(reader.take(length)?);
        // 1 is the part with the functions' names.
        if kind == 1 {
            for _ in 0..part.number()? {
                names.insert(part.number()?, part.text()?);
            }
        }
    }
    Ok(names)
}

/// The code section with traps in place of the chosen functions.
fn code(body: &[u8], panics: impl Fn(usize) -> bool) -> Result<Vec<u8>> {
    let mut reader = Reader::new(body);
    let count = reader.number()?;
    let mut code = number(count);
    for index in 0..count {
        let length = reader.number()?;
        let function = reader.take(length)?;
        if panics(index) {
            code.extend(TRAP);
        } else {
            code.extend(number(length));
            code.extend(function);
        }
    }
    Ok(code)
}

fn append(module: &mut Vec<u8>, kind: u8, body: &[u8]) {
    module.push(kind);
    module.extend(number(body.len()));
    module.extend(body);
}

fn text(text: &str) -> Vec<u8> {
    [number(text.len()), text.as_bytes().to_vec()].concat()
}

/// LEB128, unsigned.
fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).ok_or(Error::Module { at: self.at })?;
        let taken = self.bytes.get(self.at..end).ok_or(Error::Module { at: self.at })?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self) -> Result<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::Module { at: self.at })
    }

    fn text(&mut self) -> Result<String> {
        let length = self.number()?;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with one import (`env.f`), two functions of its own, one export (`go`) and their names.
    fn sample() -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        append(&mut module, 1, &[1, 0x60, 0, 0]);
        append(&mut module, IMPORT, &[&[1][..], &text("env"), &text("f"), &[0, 0]].concat());
        append(&mut module, 3, &[2, 0, 0]);
        append(&mut module, EXPORT, &[&[1][..], &text("go"), &[0, 1]].concat());
        append(&mut module, CODE, &[2, 4, 0, 0x10, 0, 0x0b, 4, 0, 0x10, 0, 0x0b]);
        let names = [&[2, 1][..], &text("go"), &[2], &text("core[1f]::panicking::panic")].concat();
        let part = [&[1][..], &number(names.len()), &names].concat();
        append(&mut module, CUSTOM, &[text("name"), part].concat());
        module
    }

    #[test]
    fn a_function_that_only_panics_becomes_a_trap_and_names_go() {
        let module = without_panics(&sample()).expect("readable");
        let sections = sections(&module).expect("readable");
        assert!(sections.iter().all(|section| section.kind != CUSTOM));
        let code = sections.iter().find(|section| section.kind == CODE).expect("code");
        assert_eq!(code.body, [2, 4, 0, 0x10, 0, 0x0b, 3, 0, 0x00, 0x0b]);
    }

    #[test]
    fn names_are_shortened_and_remembered() {
        let short = with_short_names(&sample()).expect("readable");
        assert_eq!(short.imports, ["a"]);
        assert_eq!(short.exports["go"], "a");
        let sections = sections(&short.bytes).expect("readable");
        let import = sections.iter().find(|section| section.kind == IMPORT).expect("imports");
        assert_eq!(import.body, [1, 1, b'a', 1, b'a', 0, 0]);
    }

    #[test]
    fn a_module_that_is_cut_short_is_an_error() {
        let module = sample();
        for length in [0, 7, 9, module.len() - 1] {
            assert!(without_panics(&module[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn no_two_names_are_alike() {
        let names: std::collections::BTreeSet<_> = (0..2_000).map(letters).collect();
        assert_eq!(names.len(), 2_000);
    }

    #[test]
    fn numbers_are_leb128() {
        for value in [0, 1, 127, 128, 300, 1 << 31] {
            assert_eq!(Reader::new(&number(value)).number().expect("readable"), value);
        }
    }
}
