//! A progress note.

use cairn_port::view::{NoteView, SectionView};
use cairn_port::{ClientId, Date, NoteChange, NoteId, TextChange, TimeOfDay};

use crate::document::{Document, EditError, Kind};
use crate::format::{self, SECTIONS};

/// What a note begins with.
#[derive(Debug, Clone)]
pub struct NewNote<'a> {
    /// For whom.
    pub client: ClientId,
    /// The format's key.
    pub format: &'a str,
    /// Day of the session.
    pub date: Date,
    /// When it began.
    pub start: Option<TimeOfDay>,
}

/// A new note, empty.
pub fn create(new: &NewNote<'_>, actor: [u8; 16]) -> Result<Document, EditError> {
    let format = format::format(new.format).ok_or(EditError::Unknown)?;
    let mut document = Document::begin(Kind::Note, actor);
    document.put("client", new.client.0.to_vec());
    document.put("format", format.key);
    document.put("date", new.date.to_string());
    if let Some(start) = new.start {
        document.put("start", start.to_string());
    }
    document.begin_sections(SECTIONS.iter().map(|section| section.key));
    Ok(document)
}

/// Changes a section's text.
pub fn change_text(document: &mut Document, section: &str, change: &TextChange) -> Result<(), EditError> {
    document.change_text(section, change)
}

/// Changes the header.
pub fn apply(document: &mut Document, change: &NoteChange) -> Result<(), EditError> {
    document.editable()?;
    let time = |time: &Option<TimeOfDay>| time.map(|t| t.to_string()).unwrap_or_default();
    match change {
        NoteChange::Format(key) => {
            let format = format::format(key).ok_or(EditError::Unknown)?;
            document.put_line("format", format.key)
        }
        NoteChange::Date(date) => document.put_line("date", &date.to_string()),
        NoteChange::Start(start) => document.put_line("start", &time(start)),
        NoteChange::Stop(stop) => document.put_line("stop", &time(stop)),
    }
}

/// For whom it is.
pub fn client(document: &Document) -> Option<ClientId> {
    document.bytes_16("client").map(ClientId)
}

/// Day of the session.
pub fn date(document: &Document) -> Option<Date> {
    document.line("date")?.parse().ok()
}

/// The format's key, also of one this program does not know.
pub fn format_key(document: &Document) -> String {
    document.line("format").unwrap_or_default()
}

/// A section's text.
pub fn text(document: &Document, section: &str) -> Option<String> {
    document.text(section)
}

/// The sections to be shown: those of the format, then those that hold text from an earlier one.
pub fn sections(document: &Document) -> Vec<SectionView> {
    let in_format: &[&str] = format::format(&format_key(document)).map_or(&[], |f| f.sections);
    let mut texts: Vec<(String, String)> = document
        .sections()
        .into_iter()
        .filter_map(|(key, _)| document.text(&key).map(|text| (key, text)))
        .filter(|(key, text)| in_format.contains(&key.as_str()) || !text.is_empty())
        .collect();
    let place = |key: &str| {
        let all = SECTIONS.iter().map(|section| section.key);
        in_format.iter().copied().chain(all).position(|k| k == key).unwrap_or(usize::MAX)
    };
    texts.sort_by_key(|(key, _)| place(key));
    texts
        .into_iter()
        .map(|(key, text)| {
            let known = format::section(&key);
            SectionView {
                title: known.map_or_else(|| key.clone(), |s| s.title.to_owned()),
                prompt: known.map(|s| s.prompt.to_owned()).unwrap_or_default(),
                in_format: in_format.contains(&key.as_str()),
                key,
                text,
            }
        })
        .collect()
}

/// The note as the editor shows it.
pub fn view(document: &Document, id: NoteId, client_name: String) -> Option<NoteView> {
    let time = |key| document.line(key).and_then(|text| text.parse::<TimeOfDay>().ok());
    let (start, stop) = (time("start"), time("stop"));
    let format = format_key(document);
    Some(NoteView {
        id,
        client: client(document)?,
        client_name,
        date: date(document)?,
        start,
        stop,
        minutes: start.zip(stop).and_then(|(from, to)| to.minutes().checked_sub(from.minutes())),
        formats: format::choices(Some(&format)),
        format,
        sections: sections(document),
        draft: true,
        read_only: document.is_newer(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn note() -> Document {
        let date = Date::new(2026, 11, 23).unwrap();
        let new = NewNote { client: ClientId([7; 16]), format: "soap", date, start: TimeOfDay::new(9, 0) };
        let mut note = create(&new, [1; 16]).unwrap();
        note.commit(0);
        note
    }

    fn twin(note: &mut Document, actor: u8) -> Document {
        Document::open(&note.save(), [actor; 16]).unwrap()
    }

    fn exchange(a: &mut Document, b: &mut Document) {
        a.commit(0);
        b.commit(0);
        let (from_a, from_b) = (a.changes_since(&Vec::new()), b.changes_since(&Vec::new()));
        a.merge(&[&from_b]).unwrap();
        b.merge(&[&from_a]).unwrap();
        assert_eq!(a.heads(), b.heads());
    }

    fn typed(note: &mut Document, section: &str, at: u32, delete: u32, insert: &str) {
        change_text(note, section, &TextChange::splice(at, delete, insert)).unwrap();
    }

    #[test]
    fn two_devices_in_one_paragraph_keep_both_texts() {
        let mut tablet = note();
        typed(&mut tablet, "subjective", 0, 0, "Slept badly.");
        tablet.commit(0);
        let mut laptop = twin(&mut tablet, 2);
        typed(&mut tablet, "subjective", 0, 0, "«מרה» ");
        typed(&mut laptop, "subjective", 12, 0, " Woke at four 🌒.");
        exchange(&mut tablet, &mut laptop);
        assert_eq!(text(&tablet, "subjective").as_deref(), Some("«מרה» Slept badly. Woke at four 🌒."));
        assert_eq!(text(&tablet, "subjective"), text(&laptop, "subjective"));
    }

    #[test]
    fn a_merge_says_how_each_text_changed() {
        let mut tablet = note();
        typed(&mut tablet, "plan", 0, 0, "Breathing 🌬 daily; thought log.");
        tablet.commit(0);
        let mut laptop = twin(&mut tablet, 2);
        let old = text(&tablet, "plan").unwrap();
        typed(&mut laptop, "plan", 10, 2, "(4-7-8)");
        typed(&mut laptop, "plan", 0, 1, "Box b");
        typed(&mut laptop, "data", 0, 0, "x");
        laptop.commit(0);
        let heads = tablet.heads();
        let merged = tablet.merge(&[&laptop.changes_since(&heads)]).unwrap();
        let (_, change) = merged.texts.iter().find(|(key, _)| key == "plan").unwrap();
        assert_eq!(Some(change.apply(&old)), text(&tablet, "plan"));
        assert!(change.splices().len() >= 2, "two places changed, two places are told");
        assert_eq!(merged.texts.len(), 2);
        assert!(!merged.fields);
        apply(&mut laptop, &NoteChange::Format("dap".into())).unwrap();
        laptop.commit(0);
        assert!(tablet.merge(&[&laptop.changes_since(&Vec::new())]).unwrap().fields);
    }

    proptest! {
        #[test]
        fn no_word_is_lost_by_any_change_of_format(
            steps in prop::collection::vec((0_usize..2, 0_usize..6, 0_usize..11, "[a-z]{1,4}"), 1..20)
        ) {
            let mut tablet = note();
            let mut laptop = twin(&mut tablet, 2);
            let mut words: usize = 0;
            for (who, to, section, word) in steps {
                let note = if who == 0 { &mut tablet } else { &mut laptop };
                apply(note, &NoteChange::Format(format::FORMATS[to].key.into())).unwrap();
                typed(note, SECTIONS[section].key, 0, 0, &word);
                words += word.len();
                let shown: usize = sections(note).iter().map(|s| s.text.len()).sum();
                let kept: usize = SECTIONS.iter().filter_map(|s| text(note, s.key)).map(|t| t.len()).sum();
                prop_assert_eq!(shown, kept, "whatever is in the note is on the screen");
            }
            exchange(&mut tablet, &mut laptop);
            let shown: usize = sections(&tablet).iter().map(|s| s.text.len()).sum();
            prop_assert_eq!(shown, words);
            prop_assert_eq!(sections(&tablet), sections(&laptop));
        }

        #[test]
        fn damaged_bytes_are_refused_and_never_panic(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut whole = note();
            typed(&mut whole, "note", 0, 0, "words");
            whole.commit(0);
            let mut bytes = whole.save();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(opened) = Document::open(&bytes, [3; 16]) {
                let _ = view(&opened, NoteId([0; 16]), String::new());
            }
            let mut other = note();
            let _ = other.merge(&[&bytes]);
            prop_assert!(view(&other, NoteId([0; 16]), String::new()).is_some());
        }
    }

    #[test]
    fn changes_in_the_wrong_order_wait_for_those_before_them() {
        let mut tablet = note();
        let base = tablet.heads();
        let begun = tablet.changes_since(&Vec::new());
        typed(&mut tablet, "note", 0, 0, "first");
        tablet.commit(0);
        let first = tablet.changes_since(&base);
        let middle = tablet.heads();
        typed(&mut tablet, "note", 5, 0, " second");
        tablet.commit(0);
        let second = tablet.changes_since(&middle);
        let mut phone = Document::empty([9; 16]);
        phone.merge(&[&second]).unwrap();
        assert!(phone.is_incomplete() && phone.kind().is_none());
        let mut phone = Document::open(&phone.save(), [8; 16]).unwrap();
        phone.merge(&[&first, &begun]).unwrap();
        assert!(!phone.is_incomplete());
        assert_eq!(text(&phone, "note").as_deref(), Some("first second"));
        assert_eq!(phone.kind(), Some(Kind::Note));
    }

    #[test]
    fn a_note_of_a_newer_schema_is_shown_and_left_alone() {
        let mut newer = note();
        newer.put("schema", automerge::ScalarValue::Uint(2));
        newer.put("weather", "rain");
        newer.commit(0);
        let mut here = twin(&mut newer, 4);
        let view = view(&here, NoteId([0; 16]), "Mara".into()).unwrap();
        assert!(view.read_only);
        assert_eq!(change_text(&mut here, "note", &TextChange::splice(0, 0, "x")), Err(EditError::ReadOnly));
        assert_eq!(twin(&mut here, 5).line("weather").as_deref(), Some("rain"));
    }

    #[test]
    fn a_note_has_an_end_and_says_so() {
        let mut long = note();
        typed(&mut long, "note", 0, 0, &"word ".repeat(40_000));
        let more = TextChange::splice(0, 0, &"word ".repeat(200_000));
        assert_eq!(change_text(&mut long, "note", &more), Err(EditError::TooLong));
        let backwards = (TimeOfDay::new(10, 0), TimeOfDay::new(9, 0));
        apply(&mut long, &NoteChange::Start(backwards.0)).unwrap();
        apply(&mut long, &NoteChange::Stop(backwards.1)).unwrap();
        assert_eq!(view(&long, NoteId([0; 16]), String::new()).unwrap().minutes, None);
        apply(&mut long, &NoteChange::Stop(TimeOfDay::new(10, 53))).unwrap();
        assert_eq!(view(&long, NoteId([0; 16]), String::new()).unwrap().minutes, Some(53));
    }

    #[test]
    fn a_typed_note_is_small_once_saved() {
        let mut note = note();
        let prose = crate::sample::prose(7, 2_450);
        let mut at = 0;
        for piece in prose.as_bytes().chunks(40) {
            let piece = core::str::from_utf8(piece).unwrap();
            typed(&mut note, "subjective", at, 0, piece);
            at += 40;
            note.commit(0);
        }
        let saved = note.save().len();
        println!("a note of {} characters is saved in {saved} bytes", prose.len());
        assert!(saved <= 1_500, "{saved}");
    }

    #[test]
    fn a_note_saved_by_the_first_version_still_opens() {
        let bytes = include_bytes!("../fixtures/note-schema-1.automerge");
        let old = Document::open(bytes, [6; 16]).unwrap();
        let view = view(&old, NoteId([0; 16]), "Mara".into()).unwrap();
        assert_eq!((view.date.to_string().as_str(), view.format.as_str()), ("2026-11-23", "soap"));
        assert_eq!(text(&old, "subjective").as_deref(), Some("“I slept.” 🌒"));
        assert_eq!(client(&old), Some(ClientId([7; 16])));
    }
}
