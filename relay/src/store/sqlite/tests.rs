//! Tests of what only the engine itself can provoke.
