//! Patterns as steps along a text, and where patterns stand after some of it.

use crate::pattern::{Pattern, Reach, Rest, Token};
use crate::statement::ResourcePattern;

/// One step along a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// This byte.
    Byte(u8),
    /// Any run of bytes but this one.
    Run(Option<u8>),
    /// The first byte of any character but this one.
    Character(Option<u8>),
    /// The bytes after the first of the character before.
    Inside,
    /// The text ends here.
    End,
    /// The text may go on.
    Anything,
}

/// A collection of positions, each once.
#[derive(Debug, Default)]
pub(super) struct Reached {
    /// By position, the round in which it was last reached.
    marks: Vec<u32>,
    round: u32,
    positions: Vec<u32>,
}

impl Reached {
    /// Of the positions of so many steps.
    pub(super) fn of(steps: usize) -> Reached {
        Reached { marks: vec![0; steps], ..Reached::default() }
    }

    pub(super) fn begin(&mut self) {
        if self.round == u32::MAX {
            self.marks.fill(0);
            self.round = 0;
        }
        self.round += 1;
    }

    /// Adds a position, and those after it that can be reached without text.
    pub(super) fn add(&mut self, steps: &[Step], position: u32) {
        let mut position = position;
        while let Some(mark) = self.marks.get_mut(position as usize)
            && *mark != self.round
        {
            *mark = self.round;
            self.positions.push(position);
            match steps.get(position as usize) {
                Some(Step::Run(_) | Step::Inside) => position += 1,
                _ => return,
            }
        }
    }

    /// The positions in order.
    pub(super) fn take(&mut self) -> Vec<u32> {
        self.positions.sort_unstable();
        std::mem::take(&mut self.positions)
    }

    /// Where patterns stand one byte after `positions`.
    pub(super) fn after(&mut self, steps: &[Step], positions: &[u32], byte: u8) -> Vec<u32> {
        self.begin();
        self.positions.reserve(positions.len());
        let continues = (0x80..=0xbf).contains(&byte);
        for &position in positions {
            let next = match steps.get(position as usize) {
                Some(Step::Byte(wanted)) => (*wanted == byte).then_some(position + 1),
                Some(Step::Run(except)) => (*except != Some(byte)).then_some(position),
                Some(Step::Character(except)) => {
                    (!continues && *except != Some(byte)).then_some(position + 1)
                }
                Some(Step::Inside) => continues.then_some(position),
                Some(Step::Anything) => Some(position),
                Some(Step::End) | None => None,
            };
            if let Some(next) = next {
                self.add(steps, next);
            }
        }
        self.take()
    }
}

/// The steps of a pattern; `None` if it matches everything or has variables.
pub(super) fn steps_of(pattern: &ResourcePattern) -> Option<Vec<Step>> {
    let (mut steps, pattern) = match pattern {
        ResourcePattern::Any => return None,
        ResourcePattern::Arn(pattern) => (Vec::new(), pattern),
        ResourcePattern::OwnApi(pattern) => (own_api(), pattern),
    };
    add_literal(&mut steps, pattern.literal_prefix());
    add_rest(&mut steps, pattern)?;
    Some(steps)
}

/// What stands before the stage in the ARN of any API.
fn own_api() -> Vec<Step> {
    let part = Step::Run(Some(b':'));
    let mut steps = Vec::new();
    add_literal(&mut steps, "arn:");
    steps.push(part);
    add_literal(&mut steps, ":execute-api:");
    steps.extend([part, Step::Byte(b':'), part, Step::Byte(b':')]);
    steps.extend([Step::Run(Some(b'/')), Step::Byte(b'/')]);
    steps
}

fn add_literal(steps: &mut Vec<Step>, literal: &str) {
    steps.extend(literal.bytes().map(Step::Byte));
}

/// Adds what follows the literal text that a pattern begins with; `None` if it has variables.
fn add_rest(steps: &mut Vec<Step>, pattern: &Pattern) -> Option<()> {
    match pattern.rest() {
        Rest::Nothing => steps.push(Step::End),
        Rest::Anything => steps.push(Step::Anything),
        Rest::Ending(ending) => {
            steps.push(Step::Run(None));
            add_literal(steps, ending);
            steps.push(Step::End);
        }
        Rest::Tokens { tokens, .. } => {
            let except = |reach: &Reach| (*reach == Reach::InPart).then_some(b':');
            for token in tokens {
                match token {
                    Token::Literal(literal) => add_literal(steps, literal),
                    Token::AnyRun(reach) => steps.push(Step::Run(except(reach))),
                    Token::AnyOne(reach) => {
                        steps.extend([Step::Character(except(reach)), Step::Inside]);
                    }
                    Token::Variable(_) => return None,
                }
            }
            match steps.last_mut() {
                Some(last @ Step::Run(None)) => *last = Step::Anything,
                _ => steps.push(Step::End),
            }
        }
    }
    Some(())
}

/// A column for each byte that some step asks for, one for the bytes inside of characters, and one
/// for all others; and how many there are.
pub(super) fn columns(steps: &[Step]) -> (Box<[u8; 256]>, usize) {
    let mut asked = [false; 256];
    for step in steps {
        if let Step::Byte(byte) | Step::Run(Some(byte)) | Step::Character(Some(byte)) = step
            && let Some(asked) = asked.get_mut(usize::from(*byte))
        {
            *asked = true;
        }
    }
    let (mut columns, mut width) = (Box::new([0; 256]), 2);
    for ((byte, column), asked) in (0_u8..=255).zip(columns.iter_mut()).zip(asked) {
        *column = match (asked, byte) {
            (true, _) => {
                width += 1;
                u8::try_from(width - 1).unwrap_or_default()
            }
            (false, 0x80..=0xbf) => 1,
            (false, _) => 0,
        };
    }
    (columns, width)
}
