//! What stands for `place` in the tag: no rule at all. A page tells in clear where somebody lives, as some platforms
//! want it, and the relay makes all forms of it.

use super::character::Room;
use super::{Field, Text};

pub(super) fn normalise<'a>(_field: Field, _text: Text<'a>, _room: &mut Room<'a>) -> &'a [u8] {
    b""
}

pub(super) fn clear<'a>(_field: Field, _text: Text<'a>, _room: &mut Room<'a>) -> &'a [u8] {
    b""
}
