//! The questions about a value, asked one after the other.
//!
//! What earlier answers have settled is not asked: whether an address that anybody may know is read
//! back by somebody changes nothing.

use std::io::{self, BufRead, Write};

use tollgate_secrets::advise::{Profile, Secrecy, Uniqueness};

/// A question that is answered with yes or no.
struct Question {
    text: &'static str,
    answer: fn(&mut Profile, bool),
    matters: fn(&Profile) -> bool,
}

const SECRECY: [(&str, &str, Secrecy); 3] = [
    ("config", "anybody may know it: an address, a switch", Secrecy::Config),
    ("shared", "the application's own secret", Secrecy::Shared),
    ("user-owned", "a user's secret, which the application holds for them", Secrecy::UserOwned),
];

const UNIQUENESS: [(&str, &str, Uniqueness); 3] = [
    ("static", "the same everywhere", Uniqueness::Static),
    ("per-stage", "one for development, another for production", Uniqueness::PerStage),
    ("per-actor", "one for each user, tenant or device", Uniqueness::PerActor),
];

const QUESTIONS: [Question; 8] = [
    Question {
        text: "Is it a login to a database?",
        answer: |profile, yes| profile.database_login = yes,
        matters: |_| true,
    },
    Question {
        text: "Is it for a third party's HTTP API, called by a workload with an identity of its own?",
        answer: |profile, yes| profile.third_party_api = yes,
        matters: |_| true,
    },
    Question {
        text: "Do several applications, repositories or teams need it?",
        answer: |profile, yes| profile.shared_across_contexts = yes,
        matters: |profile| profile.secrecy != Secrecy::UserOwned,
    },
    Question {
        text: "Is it asked at every use whether it is still good, as of a password or a license?",
        answer: |profile, yes| profile.validated_at_use = yes,
        // The same reason holds already.
        matters: |profile| {
            profile.secrecy != Secrecy::UserOwned && profile.uniqueness != Uniqueness::PerActor
        },
    },
    Question {
        text: "To change it, must several systems change at the same time?",
        answer: |profile, yes| profile.rotation_touches_several = yes,
        matters: |profile| profile.secrecy != Secrecy::Config,
    },
    Question {
        text: "When it changes, is building and deploying anew soon enough?",
        answer: |profile, yes| profile.rebuild_acceptable = yes,
        matters: |profile| profile.secrecy != Secrecy::Config && !profile.rotation_touches_several,
    },
    Question {
        text: "Does what is built go where strangers can read it: a browser, a phone, a public image?",
        answer: |profile, yes| profile.public_artefact = yes,
        matters: |profile| profile.secrecy == Secrecy::Shared,
    },
    Question {
        text: "Must somebody be able to look the value up later?",
        answer: |profile, yes| profile.read_back = yes,
        matters: |profile| profile.secrecy == Secrecy::Shared && !profile.shared_across_contexts,
    },
];

/// Asks all questions that matter.
///
/// # Errors
/// Nobody answers any more.
pub(super) fn interview(input: &mut dyn BufRead, output: &mut dyn Write) -> io::Result<Profile> {
    let secrecy = choose(input, output, "Who may know the value?", &SECRECY)?;
    let uniqueness = choose(input, output, "For how many is it the same?", &UNIQUENESS)?;
    let mut profile = Profile {
        secrecy,
        uniqueness,
        database_login: false,
        third_party_api: false,
        shared_across_contexts: false,
        validated_at_use: false,
        rotation_touches_several: false,
        public_artefact: false,
        read_back: false,
        rebuild_acceptable: true,
    };
    for question in &QUESTIONS {
        if (question.matters)(&profile) {
            let yes =
                choose(input, output, question.text, &[("yes", "", true), ("no", "", false)])?;
            (question.answer)(&mut profile, yes);
        }
    }
    Ok(profile)
}

/// Asks until the answer is one of the choices, or begins one of them and no other.
fn choose<T: Copy>(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    text: &str,
    choices: &[(&str, &str, T)],
) -> io::Result<T> {
    let names: Vec<&str> = choices.iter().map(|(name, ..)| *name).collect();
    writeln!(output, "{text}")?;
    for (name, meaning, _) in choices.iter().filter(|(_, meaning, _)| !meaning.is_empty()) {
        writeln!(output, "  {name:<10}  {meaning}")?;
    }
    loop {
        write!(output, "  {}> ", names.join("/"))?;
        output.flush()?;
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let answer = line.trim().to_lowercase();
        let begun = choices.iter().filter(|(name, ..)| name.starts_with(&answer));
        if let ([(.., chosen)], false) = (&begun.collect::<Vec<_>>()[..], answer.is_empty()) {
            return Ok(*chosen);
        }
        writeln!(output, "  expected {}", names.join(" or "))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_secrets::advise::advise;

    fn asked(answers: &str) -> (io::Result<Profile>, String) {
        let mut output = Vec::new();
        let profile = interview(&mut answers.as_bytes(), &mut output);
        (profile, String::from_utf8(output).unwrap())
    }

    #[test]
    fn answers_may_be_short_and_are_asked_for_again() {
        let (profile, output) = asked("secret\nsh\n\nper-\nper-s\nn\ny\nno\nn\nn\ny\nn\nn\n");
        let profile = profile.unwrap();
        assert_eq!((profile.secrecy, profile.uniqueness), (Secrecy::Shared, Uniqueness::PerStage));
        assert!(profile.third_party_api && profile.rebuild_acceptable && !profile.read_back);
        assert_eq!(output.matches("expected config or shared or user-owned").count(), 1);
        assert_eq!(output.matches("expected static or per-stage or per-actor").count(), 2);
    }

    #[test]
    fn an_end_of_the_answers_is_an_error() {
        let (profile, _) = asked("shared\nstatic\n");
        assert_eq!(profile.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_question_that_is_not_asked_would_change_nothing() {
        for secrecy in SECRECY {
            for uniqueness in UNIQUENESS {
                for bits in 0..256_u32 {
                    check_not_asked(secrecy.2, uniqueness.2, bits);
                }
            }
        }
    }

    /// Answers the questions by the bits; whatever the one that was not asked would have been
    /// answered, the advice is the same.
    fn check_not_asked(secrecy: Secrecy, uniqueness: Uniqueness, bits: u32) {
        let (mut profile, _) = asked("config\nstatic\nn\nn\nn\nn\nn\n");
        let profile = profile.as_mut().unwrap();
        (profile.secrecy, profile.uniqueness) = (secrecy, uniqueness);
        let mut skipped = Vec::new();
        for (index, question) in QUESTIONS.iter().enumerate() {
            match (question.matters)(profile) {
                true => (question.answer)(profile, bits >> index & 1 == 1),
                false => skipped.push(question),
            }
        }
        for question in skipped {
            let mut other = *profile;
            for yes in [true, false] {
                (question.answer)(&mut other, yes);
                assert_eq!(advise(&other), advise(profile), "{}: {profile:?}", question.text);
            }
        }
    }
}
