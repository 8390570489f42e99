//! The clinical record: its documents, their rules, and the views made from them.
//!
//! Pure: no clock, no randomness, no storage, no keys. Each kind of record has a module; formats are a
//! table. Documents are read forgivingly, and what is not known in them is kept.

pub mod client;
pub mod document;
pub mod format;
pub mod index;
pub mod note;
pub mod practice;
pub mod sample;

pub use document::{Document, EditError, Kind, MergeError, Merged};
