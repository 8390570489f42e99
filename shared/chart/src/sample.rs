//! An invented practice: people who do not exist, with a course of therapy each.
//!
//! The same seed gives the same practice. Nothing in it comes from a real record.

use cairn_port::{Date, TimeOfDay};

/// One of the things a sample practice is made of, in an order in which they can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A client.
    Client {
        /// Name.
        name: String,
        /// Pronouns.
        pronouns: &'static str,
    },
    /// A note of one of the clients already given.
    Note {
        /// Which, counted from 0.
        client: usize,
        /// The format's key.
        format: &'static str,
        /// Day of the session.
        date: Date,
        /// When it began.
        start: TimeOfDay,
        /// Section key and text.
        sections: Vec<(&'static str, String)>,
    },
}

/// Gives the items of a sample practice one by one.
#[derive(Debug, Clone)]
pub struct Sample {
    seed: u64,
    clients: usize,
    notes: usize,
    given: usize,
    today: Date,
}

impl Sample {
    /// A practice of so many clients and notes in all, up to today.
    pub fn new(seed: u64, clients: u16, notes: u16, today: Date) -> Self {
        let notes = if clients == 0 { 0 } else { usize::from(notes) };
        Self { seed, clients: usize::from(clients), notes, given: 0, today }
    }

    /// How many items there are in all.
    pub fn total(&self) -> usize {
        self.clients + self.notes
    }

    fn note(&self, number: usize) -> Item {
        let client = number % self.clients;
        let sessions = self.notes / self.clients + usize::from(client < self.notes % self.clients);
        let session = number / self.clients;
        let weeks_ago = i64::try_from(sessions - 1 - session).unwrap_or(0);
        // Everybody has a weekday; nobody comes on Sundays.
        let weekday = i64::try_from(client % 6).unwrap_or(0);
        let monday = self.today.unix_days() - (self.today.unix_days() + 3).rem_euclid(7);
        let mut day = monday + weekday - weeks_ago * 7;
        if monday + weekday > self.today.unix_days() {
            day -= 7;
        }
        let mut dice = Dice(self.seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let story = pick(STORIES, client).unwrap_or(&FALLBACK_STORY);
        let format = pick(&["soap", "dap", "birp"], client / 2).unwrap_or("soap");
        let hour = u8::try_from(9 + client / 6 % 9).unwrap_or(9);
        Item::Note {
            client,
            format,
            date: Date::from_unix_days(day),
            start: TimeOfDay { hour, minute: 0 },
            sections: write_note(format, story, session, sessions, &mut dice),
        }
    }
}

impl Iterator for Sample {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let at = self.given;
        self.given += 1;
        if at < self.clients {
            let (name, pronouns) = name(at);
            Some(Item::Client { name, pronouns })
        } else if at < self.clients + self.notes {
            Some(self.note(at - self.clients))
        } else {
            None
        }
    }
}

/// Prose of at least so many ASCII characters, cut to exactly that: for measuring.
pub fn prose(seed: u64, characters: usize) -> String {
    let mut dice = Dice(seed);
    let mut out = String::new();
    let mut session = 0;
    while out.len() < characters {
        for (_, text) in write_note("soap", &FALLBACK_STORY, session % 20, 20, &mut dice) {
            out.push_str(&text.replace(|c: char| !c.is_ascii(), ""));
            out.push(' ');
        }
        session += 1;
    }
    out.truncate(characters);
    out
}

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % (sides.max(1) as u64)).unwrap_or(0)
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.roll(from.len())).copied()
    }
}

fn pick<T: Copy>(from: &[T], at: usize) -> Option<T> {
    from.get(at % from.len().max(1)).copied()
}

/// The first dozen names are chosen to be hard on a layout; the rest are combined.
const NAMES: &[(&str, &str)] = &[
    ("Mara Vossberg", "she/her"),
    ("Jonah Reedwater", "he/him"),
    ("Siobhán O’Cairnduff", "she/her"),
    ("Maximiliane-Theodora von Hohenfels-Wintermoor", "she/her"),
    ("נעם כוכבי", "he/him"),
    ("Q", "they/them"),
    ("Adaeze Nwokonkwo", "she/her"),
    ("林 静波", "she/her"),
    ("Teo Brandywell", "he/him"),
    ("ليلى السحابي", "she/her"),
    ("Rowan Ashgrove", "they/them"),
    ("Ingrid Fjellstrand", "she/her"),
];
const FIRST: &[(&str, &str)] = &[
    ("Anselm", "he/him"),
    ("Beatrix", "she/her"),
    ("Cosmo", "he/him"),
    ("Delphine", "she/her"),
    ("Emrys", "they/them"),
    ("Farida", "she/her"),
    ("Gideon", "he/him"),
    ("Hanneke", "she/her"),
];
const LAST: &[&str] =
    &["Larkmoor", "Quillby", "Tansyfield", "Underhay", "Wexcombe", "Yarrowdale", "Zephyrin"];

fn name(at: usize) -> (String, &'static str) {
    if let Some((name, pronouns)) = NAMES.get(at) {
        return ((*name).to_owned(), pronouns);
    }
    let at = at - NAMES.len();
    let (first, pronouns) = pick(FIRST, at).unwrap_or(("Alex", "they/them"));
    let last = pick(LAST, at).unwrap_or("Moorland");
    let round = at / (FIRST.len() * LAST.len());
    (if round == 0 { format!("{first} {last}") } else { format!("{first} {last} {}", round + 1) }, pronouns)
}

/// What brings somebody, and how the work goes.
#[derive(Debug, Clone, Copy)]
struct Story {
    complaint: &'static str,
    sign: &'static str,
    scene: &'static [&'static str],
    technique: &'static [&'static str],
    homework: &'static [&'static str],
    scale: &'static str,
    worst: usize,
    best: usize,
}

const FALLBACK_STORY: Story = Story {
    complaint: "worry that will not switch off",
    sign: "tense shoulders and a foot that kept tapping",
    scene: &[
        "a meeting that was moved without notice",
        "a night of checking the news until two",
        "a phone call with an older sister",
        "a long drive in heavy rain",
    ],
    technique: &[
        "worry postponement",
        "a thought record on the feared outcome",
        "applied relaxation",
        "behavioural experiments with uncertainty",
    ],
    homework: &[
        "one planned worry period each evening",
        "leaving two e-mails unchecked until noon",
        "ten minutes of relaxation before bed",
    ],
    scale: "GAD-7",
    worst: 17,
    best: 5,
};

const STORIES: &[&Story] = &[
    &FALLBACK_STORY,
    &Story {
        complaint: "low mood since the divorce",
        sign: "slow speech and long pauses",
        scene: &[
            "an empty Saturday",
            "a parcel still addressed to both of them",
            "a colleague’s invitation that was turned down",
            "the first swim in months",
        ],
        technique: &[
            "activity scheduling",
            "a review of the mood and activity diary",
            "self-compassion letter writing",
            "problem solving in small steps",
        ],
        homework: &["three planned activities", "one call to a friend", "a walk before breakfast"],
        scale: "PHQ-9",
        worst: 19,
        best: 6,
    },
    &Story {
        complaint: "contamination fears and washing",
        sign: "reddened hands and hesitation at the door handle",
        scene: &[
            "a shared keyboard",
            "a handrail on the ferry",
            "groceries unpacked without wiping them",
            "a dropped glove",
        ],
        technique: &[
            "exposure with response prevention",
            "an exposure hierarchy with ratings of distress",
            "delaying the ritual",
            "learning to notice doubt without answering it",
        ],
        homework: &[
            "touching the rail daily without washing",
            "one planned exposure a day",
            "a log of urges and delays",
        ],
        scale: "distress at the top of the hierarchy (0 to 100, in tens)",
        worst: 9,
        best: 3,
    },
    &Story {
        complaint: "grief after the loss of a brother",
        sign: "tears that came and went quietly",
        scene: &[
            "the anniversary of the accident",
            "a song in the supermarket",
            "a box of letters",
            "dinner with the parents",
        ],
        technique: &[
            "telling the story of the loss",
            "work with memories and a photograph",
            "a conversation with the empty chair",
            "planning a ritual of remembrance",
        ],
        homework: &["writing to him once", "one visit to a place avoided so far", "time with a cousin"],
        scale: "PHQ-9",
        worst: 15,
        best: 7,
    },
    &Story {
        complaint: "insomnia and exhaustion",
        sign: "pale, yawning, apologising for both",
        scene: &[
            "four nights below five hours",
            "a nap at the wheel of a parked car",
            "a Sunday without an alarm",
            "a late call from work",
        ],
        technique: &[
            "sleep restriction with a fixed rising time",
            "stimulus control",
            "a review of the sleep diary",
            "unhooking from thoughts about sleep",
        ],
        homework: &["rising at half past six daily", "no screen in bed", "the sleep diary"],
        scale: "nights below six hours",
        worst: 7,
        best: 2,
    },
    &Story {
        complaint: "panic on trains and in lifts",
        sign: "shallow breathing while describing the platform",
        scene: &[
            "two stops on the local train",
            "a lift that paused between floors",
            "a crowded concert",
            "the airport queue",
        ],
        technique: &[
            "interoceptive exposure",
            "psychoeducation about the panic cycle",
            "graded exposure in the station",
            "dropping safety behaviours one by one",
        ],
        homework: &["three train rides without water bottle", "spinning for one minute daily", "one lift a day"],
        scale: "panic attacks in the week",
        worst: 8,
        best: 0,
    },
];

fn write_note(
    format: &'static str,
    story: &Story,
    session: usize,
    sessions: usize,
    dice: &mut Dice,
) -> Vec<(&'static str, String)> {
    let span = sessions.saturating_sub(1).max(1);
    let wobble = dice.roll(3);
    let score = story.worst - (story.worst - story.best) * session.min(span) / span + wobble;
    let score = score.saturating_sub(1);
    let scene = dice.choose(story.scene).unwrap_or_default();
    let technique = dice.choose(story.technique).unwrap_or_default();
    let homework = dice.choose(story.homework).unwrap_or_default();
    let done = dice.choose(&["most days", "twice", "every day but one", "not this week", "once, with difficulty"]);
    let done = done.unwrap_or("once");
    let engaged = dice.choose(&["openly", "with some hesitation at first", "with humour", "thoughtfully", "tiredly"]);
    let engaged = engaged.unwrap_or("openly");
    let minutes = 10 + 5 * dice.roll(4);

    let subjective = format!(
        "Client came for session {number} and began with {scene}. “{quote}” Describes {complaint} as {course} \
         than last time; sleep {sleep}, appetite {appetite}. Practice agreed on last week was done {done}. What got in \
         the way was {obstacle}. What helped was {help}. At home there is {home}. Names as the hope for today: \
         {hope}. Denies thoughts of self-harm or of harming others.",
        number = session + 1,
        quote = dice
            .choose(&[
                "I noticed it earlier this time",
                "It came out of nowhere and stayed the whole day",
                "I did not run from it",
                "I was proud for about an hour, then the doubt came back",
                "Nobody saw, but I did it anyway",
            ])
            .unwrap_or_default(),
        complaint = story.complaint,
        course = dice.choose(&["a little lighter", "about as heavy", "heavier", "clearly lighter"]).unwrap_or("lighter"),
        sleep = dice.choose(&["broken", "fair", "better on four nights", "short"]).unwrap_or("fair"),
        appetite = dice.choose(&["unchanged", "better", "low in the mornings"]).unwrap_or("unchanged"),
        obstacle = dice
            .choose(&["a cold", "visitors", "an argument", "forgetting, then shame about forgetting"])
            .unwrap_or_default(),
        help = dice
            .choose(&["writing it down first", "a walk", "the card from last session", "telling one person"])
            .unwrap_or_default(),
        home = dice
            .choose(&["less arguing", "a new rhythm in the mornings", "worry about money", "quiet support"])
            .unwrap_or_default(),
        hope = dice
            .choose(&["to feel less alone with it", "to plan the coming weekend", "to try the next step"])
            .unwrap_or_default(),
    );
    let objective = format!(
        "On time, dressed for the weather, {sign}. Oriented, cooperative, spoke {engaged}. Mood “{mood}”, affect \
         {affect}. Thought process linear; no sign of psychosis. {scale}: {score}. Eye contact {eyes}; voice \
         {voice} when speaking of {scene}.",
        sign = story.sign,
        mood = dice.choose(&["tired", "okay", "on edge", "hopeful", "flat"]).unwrap_or("okay"),
        affect = dice.choose(&["congruent", "restricted", "brighter than last week", "tearful at times"]).unwrap_or("congruent"),
        scale = story.scale,
        eyes = dice.choose(&["steady", "brief", "easier toward the end"]).unwrap_or("steady"),
        voice = dice.choose(&["softer", "faster", "steady"]).unwrap_or("steady"),
    );
    let intervention = format!(
        "Worked for about {minutes} minutes with {technique}, linked to the objective on {complaint}. Reviewed {scene} step by \
         step: trigger, first thought, body, what was done, what it cost and what it gave. Named the pattern \
         together and compared it with the one drawn in an earlier session. Rehearsed a different response in the room and \
         rated it before and after.",
        complaint = story.complaint,
    );
    let response = format!(
        "Took part {engaged}. Distress rose to {peak} of 10 and fell to {end} while staying with it. Said at the \
         end: “{end_quote}” Could put the reason for the exercise into own words and asked to keep the worksheet.",
        peak = 5 + dice.roll(4),
        end = 1 + dice.roll(4),
        end_quote = dice
            .choose(&["That was less bad than the waiting", "I can do that on Thursday", "I am not there yet"])
            .unwrap_or_default(),
    );
    let assessment = format!(
        "Progress toward the objective: {progress}. The pattern of the week fits the working understanding: avoidance \
         brings relief at once and cost later. {scale} has moved from {worst} at the start to {score}. Strengths seen \
         today: candour, persistence, a dry sense of humour. Risk judged low on what was said and seen; the safety \
         plan remains with the client. Continued treatment is needed because the gains do not yet hold \
         under stress.",
        progress = dice.choose(&["moderate", "slight", "good", "unchanged this week"]).unwrap_or("slight"),
        scale = story.scale,
        worst = story.worst,
    );
    let plan = format!(
        "Until next time: {homework}. Next session: {technique}, then a review of the plan with the client. \
         Repeat {scale} in two weeks. Weekly sessions continue.",
        scale = story.scale,
    );
    match format {
        "dap" => vec![
            ("data", format!("{subjective}\n\n{objective}\n\n{intervention}")),
            ("assessment", assessment),
            ("plan", plan),
        ],
        "birp" => vec![
            ("behavior", format!("{subjective}\n\n{objective}")),
            ("intervention", intervention),
            ("response", response),
            ("plan", plan),
        ],
        _ => vec![
            ("subjective", subjective),
            ("objective", format!("{objective}\n\n{intervention} {response}")),
            ("assessment", assessment),
            ("plan", plan),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_practice_is_the_same_each_time_and_as_large_as_asked() {
        let today = Date::new(2026, 11, 23).unwrap();
        let sample = || Sample::new(1, 60, 500, today);
        let items: Vec<_> = sample().collect();
        assert_eq!(items.len(), sample().total());
        assert!(sample().eq(items.clone()));
        assert!(!Sample::new(2, 60, 500, today).eq(items.clone()));
        assert_eq!(Sample::new(1, 0, 10, today).count(), 0);
        let mut words = Vec::new();
        for item in &items {
            if let Item::Note { client, date, sections, .. } = item {
                assert!(*client < 60 && *date <= today);
                words.push(sections.iter().map(|(_, text)| text.split_whitespace().count()).sum::<usize>());
            }
        }
        let mean = words.iter().sum::<usize>() / words.len();
        println!("a sample note has {mean} words");
        assert!((250..=450).contains(&mean), "{mean}");
    }
}
