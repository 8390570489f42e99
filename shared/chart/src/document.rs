//! A document of the record: one Automerge document with a kind and a schema version.

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ChangeHash, ObjId, ObjType, PatchAction, ROOT, ReadDoc, ScalarValue, TextEncoding, Value};
use cairn_port::TextChange;
use cairn_port::text::Splice;
use thiserror::Error;

/// The schema that this program writes.
pub(crate) const SCHEMA: u64 = 1;
/// UTF-16 units that one text may hold.
const MAX_TEXT: usize = 1024 * 1024;
/// Bytes that a one-line field may hold.
const MAX_LINE: usize = 400;

/// A document's state: the hashes of its last changes.
pub type Heads = Vec<[u8; 32]>;

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The practice itself.
    Practice,
    /// A client.
    Client,
    /// A progress note.
    Note,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Client => "client",
            Self::Note => "note",
        }
    }
}

/// Why a document cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EditError {
    /// The text would be longer than one document holds.
    #[error("too long")]
    TooLong,
    /// There is no such section or format.
    #[error("no such section or format")]
    Unknown,
    /// Written by a newer program; changing it here could break what that one knows.
    #[error("written by a newer version")]
    ReadOnly,
    /// A name is missing.
    #[error("a name is missing")]
    NameMissing,
}

/// The bytes are not changes of this document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("these are not changes of a document")]
pub struct MergeError;

/// What changes from elsewhere did.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Merged {
    /// By section: how its text changed.
    pub texts: Vec<(String, TextChange)>,
    /// Something else changed too.
    pub fields: bool,
}

/// One document, open.
pub struct Document {
    doc: AutoCommit,
}

impl Document {
    /// A document without content: its first changes come from elsewhere.
    ///
    /// `actor` must be new each time a document is opened: a restored backup that wrote under an old
    /// actor would make changes that contradict those already made.
    pub fn empty(actor: [u8; 16]) -> Self {
        let doc = AutoCommit::new_with_encoding(TextEncoding::Utf16CodeUnit);
        Self { doc: doc.with_actor(ActorId::from(actor)) }
    }

    /// What [`Document::save`] or [`Document::changes_since`] gave.
    pub fn open(bytes: &[u8], actor: [u8; 16]) -> Result<Self, MergeError> {
        let mut document = Self::empty(actor);
        document.doc.load_incremental(bytes).map_err(|_| MergeError)?;
        document.doc.update_diff_cursor();
        Ok(document)
    }

    pub(crate) fn begin(kind: Kind, actor: [u8; 16]) -> Self {
        let mut document = Self::empty(actor);
        document.put("kind", kind.name());
        document.put("schema", ScalarValue::Uint(SCHEMA));
        document
    }

    /// What it is about; `None` while its first change is missing, or for a kind this program does not know.
    pub fn kind(&self) -> Option<Kind> {
        let name = self.line("kind")?;
        [Kind::Practice, Kind::Client, Kind::Note].into_iter().find(|kind| kind.name() == name)
    }

    /// Written by a newer program.
    pub fn is_newer(&self) -> bool {
        self.uint("schema").is_some_and(|schema| schema > SCHEMA)
    }

    /// The whole document with its history, compressed. Not the same bytes each time.
    pub fn save(&mut self) -> Vec<u8> {
        self.doc.save()
    }

    /// Its state.
    pub fn heads(&mut self) -> Heads {
        self.doc.get_heads().iter().map(|hash| hash.0).collect()
    }

    /// All changes after a state, in a form that [`Document::merge`] takes.
    pub fn changes_since(&mut self, heads: &Heads) -> Vec<u8> {
        let heads: Vec<ChangeHash> = heads.iter().map(|hash| ChangeHash(*hash)).collect();
        self.doc.save_after(&heads)
    }

    /// Whether something was changed since the last commit.
    pub fn has_pending(&self) -> bool {
        self.doc.pending_ops() > 0
    }

    /// Makes one change of what was edited since the last. `wall_seconds` since 1970 is written into it.
    pub fn commit(&mut self, wall_seconds: i64) -> bool {
        let changed = self.doc.commit_with(CommitOptions::default().with_time(wall_seconds)).is_some();
        self.doc.update_diff_cursor();
        changed
    }

    /// Takes changes made elsewhere, all at once: one by one the cost grows with the square.
    /// What was pending here is committed first.
    pub fn merge(&mut self, batches: &[&[u8]]) -> Result<Merged, MergeError> {
        self.doc.commit();
        self.doc.update_diff_cursor();
        let before: Vec<(String, ObjId, String)> = self
            .sections()
            .into_iter()
            .map(|(key, id)| {
                let text = self.doc.text(&id).unwrap_or_default();
                (key, id, text)
            })
            .collect();
        let joined = batches.concat();
        let outcome = self.doc.load_incremental(&joined);
        let patches = self.doc.diff_incremental();
        let mut merged = Merged::default();
        let mut splices: Vec<Vec<Splice>> = vec![Vec::new(); before.len()];
        for patch in &patches {
            let place = before.iter().position(|(_, id, _)| *id == patch.obj);
            match (place.and_then(|at| splices.get_mut(at)), splice_of(&patch.action)) {
                (Some(list), Some(splice)) => list.push(splice),
                _ => merged.fields = true,
            }
        }
        for ((key, id, old), list) in before.into_iter().zip(splices) {
            if list.is_empty() {
                continue;
            }
            let new = self.doc.text(&id).unwrap_or_default();
            let change = TextChange::from_splices(&list);
            // Patches come in order of place as far as we have seen, but nothing promises it.
            let change = if change.apply(&old) == new { change } else { TextChange::between(&old, &new) };
            merged.texts.push((key, change));
        }
        outcome.map(|_| merged).map_err(|_| MergeError)
    }

    /// Whether changes wait here for others that have not come yet.
    pub fn is_incomplete(&mut self) -> bool {
        !self.doc.get_missing_deps(&[]).is_empty()
    }

    pub(crate) fn editable(&self) -> Result<(), EditError> {
        if self.is_newer() { Err(EditError::ReadOnly) } else { Ok(()) }
    }

    pub(crate) fn line(&self, key: &str) -> Option<String> {
        match self.doc.get(ROOT, key).ok()?? {
            (Value::Scalar(value), _) => value.as_str().map(ToOwned::to_owned),
            _ => None,
        }
    }

    pub(crate) fn uint(&self, key: &str) -> Option<u64> {
        match self.doc.get(ROOT, key).ok()?? {
            (Value::Scalar(value), _) => value.as_u64(),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        matches!(self.doc.get(ROOT, key), Ok(Some((Value::Scalar(value), _))) if value.as_bool() == Some(true))
    }

    pub(crate) fn bytes_16(&self, key: &str) -> Option<[u8; 16]> {
        match self.doc.get(ROOT, key).ok()?? {
            (Value::Scalar(value), _) => value.as_bytes().and_then(|bytes| bytes.try_into().ok()),
            _ => None,
        }
    }

    pub(crate) fn put(&mut self, key: &str, value: impl Into<ScalarValue>) {
        // Putting a scalar into the root map fails for no key and no value.
        let done = self.doc.put(ROOT, key, value);
        debug_assert!(done.is_ok());
    }

    pub(crate) fn put_line(&mut self, key: &str, text: &str) -> Result<(), EditError> {
        let text = text.trim();
        if text.len() > MAX_LINE {
            return Err(EditError::TooLong);
        }
        if self.line(key).as_deref() != Some(text) {
            self.put(key, text);
        }
        Ok(())
    }

    /// Makes the texts of all sections. One device does it, in the document's first change: two that made
    /// the same section at once would hide each other's words.
    pub(crate) fn begin_sections<'k>(&mut self, keys: impl IntoIterator<Item = &'k str>) {
        if let Ok(sections) = self.doc.put_object(ROOT, "sections", ObjType::Map) {
            for key in keys {
                let made = self.doc.put_object(&sections, key, ObjType::Text);
                debug_assert!(made.is_ok());
            }
        }
    }

    /// All texts by section, in the order of their keys.
    pub(crate) fn sections(&self) -> Vec<(String, ObjId)> {
        let Ok(Some((Value::Object(ObjType::Map), sections))) = self.doc.get(ROOT, "sections") else {
            return Vec::new();
        };
        let keys: Vec<String> = self.doc.keys(&sections).collect();
        keys.into_iter()
            .filter_map(|key| match self.doc.get(&sections, key.as_str()) {
                Ok(Some((Value::Object(ObjType::Text), id))) => Some((key, id)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn text(&self, section: &str) -> Option<String> {
        let (_, id) = self.sections().into_iter().find(|(key, _)| key == section)?;
        self.doc.text(&id).ok()
    }

    pub(crate) fn change_text(&mut self, section: &str, change: &TextChange) -> Result<(), EditError> {
        self.editable()?;
        let (_, id) =
            self.sections().into_iter().find(|(key, _)| key == section).ok_or(EditError::Unknown)?;
        let mut length = self.doc.length(&id);
        for splice in change.splices() {
            let insert = cairn_port::text::utf16_len(&splice.insert) as usize;
            let at = (splice.at as usize).min(length);
            let delete = (splice.delete as usize).min(length - at);
            if length - delete + insert > MAX_TEXT {
                return Err(EditError::TooLong);
            }
            let delete = isize::try_from(delete).map_err(|_| EditError::TooLong)?;
            self.doc.splice_text(&id, at, delete, &splice.insert).map_err(|_| EditError::Unknown)?;
            length = self.doc.length(&id);
        }
        Ok(())
    }
}

fn splice_of(action: &PatchAction) -> Option<Splice> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    match action {
        PatchAction::SpliceText { index, value, .. } => {
            Some(Splice { at: number(*index), delete: 0, insert: value.make_string() })
        }
        PatchAction::DeleteSeq { index, length } => {
            Some(Splice { at: number(*index), delete: number(*length), insert: String::new() })
        }
        _ => None,
    }
}
