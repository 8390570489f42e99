//! The formats of progress notes, as a table.
//!
//! A section is known by what belongs into it, not by the format it came from: SOAP's and DAP's
//! assessment are one section. So a note can change its format at any time without moving a word.

use cairn_port::view::FormatChoice;

/// A part of a note.
#[derive(Debug, PartialEq, Eq)]
pub struct Section {
    /// Its key in the document.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// One line saying what belongs here.
    pub prompt: &'static str,
}

/// A format.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    /// Its key in the document.
    pub key: &'static str,
    /// Its short name.
    pub name: &'static str,
    /// Its sections in order.
    pub sections: &'static [&'static str],
}

/// Every section that any format has. Notes are begun with all of them; new ones are added at the end
/// and need a new schema version.
pub const SECTIONS: [Section; 11] = [
    Section {
        key: "subjective",
        title: "Subjective",
        prompt: "How the client describes the week, symptoms and concerns; their own words in quotes.",
    },
    Section {
        key: "objective",
        title: "Objective",
        prompt: "What you observed: mood, affect, appearance, speech, behaviour, scores.",
    },
    Section {
        key: "assessment",
        title: "Assessment",
        prompt: "What it means: progress toward the plan's objectives, response to treatment, risk.",
    },
    Section {
        key: "plan",
        title: "Plan",
        prompt: "What happens next: practice between sessions, changes to the plan, next appointment.",
    },
    Section {
        key: "data",
        title: "Data",
        prompt: "What happened in the session: what was said, what you saw, what you did.",
    },
    Section {
        key: "behavior",
        title: "Behavior",
        prompt: "What the client said and showed, and the concern that brought it into the session.",
    },
    Section {
        key: "intervention",
        title: "Intervention",
        prompt: "What you did, by name: technique, purpose, and the objective it serves.",
    },
    Section {
        key: "response",
        title: "Response",
        prompt: "How the client responded: engagement, understanding, change during the session.",
    },
    Section {
        key: "goal",
        title: "Goal",
        prompt: "The goal or objective from the plan that this session worked on.",
    },
    Section {
        key: "problem",
        title: "Problem",
        prompt: "The problem this session addressed, as it showed itself this week.",
    },
    Section { key: "note", title: "Note", prompt: "What the record should say about this session." },
];

/// The formats offered, the commonest first.
pub const FORMATS: [Format; 6] = [
    Format { key: "soap", name: "SOAP", sections: &["subjective", "objective", "assessment", "plan"] },
    Format { key: "dap", name: "DAP", sections: &["data", "assessment", "plan"] },
    Format { key: "birp", name: "BIRP", sections: &["behavior", "intervention", "response", "plan"] },
    Format { key: "girp", name: "GIRP", sections: &["goal", "intervention", "response", "plan"] },
    Format { key: "pirp", name: "PIRP", sections: &["problem", "intervention", "response", "plan"] },
    Format { key: "plain", name: "Plain", sections: &["note"] },
];

/// The format with this key.
pub fn format(key: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.key == key)
}

/// The section with this key.
pub fn section(key: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.key == key)
}

/// All formats to choose from, the one used last first.
pub fn choices(used_last: Option<&str>) -> Vec<FormatChoice> {
    let mut formats: Vec<&Format> = FORMATS.iter().collect();
    formats.sort_by_key(|format| Some(format.key) != used_last);
    formats
        .into_iter()
        .map(|format| {
            let titles: Vec<_> =
                format.sections.iter().filter_map(|key| section(key)).map(|s| s.title).collect();
            FormatChoice { key: format.key.into(), name: format.name.into(), summary: titles.join(", ") }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_made_of_known_sections() {
        for format in &FORMATS {
            assert!(!format.sections.is_empty());
            assert!(format.sections.iter().all(|key| section(key).is_some()), "{}", format.key);
        }
        assert_eq!(choices(Some("birp")).first().map(|c| c.name.as_str()), Some("BIRP"));
        assert_eq!(choices(None)[1].summary, "Data, Assessment, Plan");
    }
}
