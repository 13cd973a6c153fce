//! Patterns as steps along a text, and where patterns stand after some of it.

use super::number;
use crate::pattern::{Pattern, Reach, Rest, Token};
use crate::statement::ResourcePattern;

/// One step along a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The steps of many patterns, as a tree: patterns that begin alike share the steps they begin with, and
/// so each position along them. A position is the number of the step that is next there.
#[derive(Clone, Debug, Default)]
pub(super) struct Steps {
    /// The steps that patterns begin with, and their positions.
    first: Vec<(Step, u32)>,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
struct Node {
    step: Step,
    /// The steps that follow in some pattern, and their positions.
    next: Vec<(Step, u32)>,
}

impl Steps {
    /// Adds a pattern.
    pub(super) fn add(&mut self, pattern: &[Step]) {
        let mut last = None;
        for &step in pattern {
            let node = self.step(last, step).unwrap_or_else(|| self.push(last, step));
            last = Some(node);
        }
    }

    fn push(&mut self, last: Option<u32>, step: Step) -> u32 {
        let node = number(self.nodes.len());
        self.nodes.push(Node { step, next: Vec::new() });
        match last.and_then(|last| self.nodes.get_mut(last as usize)) {
            Some(last) => last.next.push((step, node)),
            None => self.first.push((step, node)),
        }
        node
    }

    /// The last step of a pattern that was added: no other pattern ends there.
    pub(super) fn end(&self, pattern: &[Step]) -> Option<u32> {
        pattern.iter().try_fold(None, |last, step| self.step(last, *step).map(Some))?
    }

    /// Where a step follows a position.
    fn step(&self, last: Option<u32>, step: Step) -> Option<u32> {
        let next = self.after(last).iter().find(|(next, _)| *next == step);
        next.map(|(_, position)| *position)
    }

    /// The step at a position.
    pub(super) fn get(&self, position: u32) -> Option<Step> {
        self.nodes.get(position as usize).map(|node| node.step)
    }

    /// The steps after a position, with their own; the first ones after none.
    fn after(&self, position: Option<u32>) -> &[(Step, u32)] {
        match position {
            None => &self.first,
            Some(position) => self.nodes.get(position as usize).map_or(&[], |node| &node.next),
        }
    }
}

/// A collection of positions, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Reached {
    /// By position, the round in which it was last reached.
    marks: Vec<u32>,
    round: u32,
    positions: Vec<u32>,
}

impl Reached {
    fn begin(&mut self) {
        if self.round == u32::MAX {
            self.marks.fill(0);
            self.round = 0;
        }
        self.round += 1;
    }

    fn add(&mut self, position: u32) {
        if let Some(mark) = self.marks.get_mut(position as usize)
            && *mark != self.round
        {
            *mark = self.round;
            self.positions.push(position);
        }
    }

    /// Adds the positions that can be reached from those here without text; all of them in order.
    fn take(&mut self, steps: &Steps) -> Vec<u32> {
        let mut at = 0;
        while let Some(&position) = self.positions.get(at) {
            if let Some(Step::Run(_) | Step::Inside) = steps.get(position) {
                steps.after(Some(position)).iter().for_each(|(_, next)| self.add(*next));
            }
            at += 1;
        }
        self.positions.sort_unstable();
        std::mem::take(&mut self.positions)
    }

    /// Where patterns stand before any text.
    pub(super) fn before(&mut self, steps: &Steps) -> Vec<u32> {
        self.marks.resize(steps.nodes.len(), 0);
        self.begin();
        steps.after(None).iter().for_each(|(_, first)| self.add(*first));
        self.take(steps)
    }

    /// Where patterns stand one byte after `positions`.
    pub(super) fn after(&mut self, steps: &Steps, positions: &[u32], byte: u8) -> Vec<u32> {
        self.begin();
        self.positions.reserve(positions.len());
        let continues = (0x80..=0xbf).contains(&byte);
        for &position in positions {
            let (stays, goes_on) = match steps.get(position) {
                Some(Step::Byte(wanted)) => (false, wanted == byte),
                Some(Step::Run(except)) => (except != Some(byte), false),
                Some(Step::Character(except)) => (false, !continues && except != Some(byte)),
                Some(Step::Inside) => (continues, false),
                Some(Step::Anything) => (true, false),
                Some(Step::End) | None => (false, false),
            };
            if stays {
                self.add(position);
            }
            if goes_on {
                steps.after(Some(position)).iter().for_each(|(_, next)| self.add(*next));
            }
        }
        self.take(steps)
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
pub(super) fn columns(steps: &Steps) -> (Box<[u8; 256]>, usize) {
    let mut asked = [false; 256];
    for node in &steps.nodes {
        if let Step::Byte(byte) | Step::Run(Some(byte)) | Step::Character(Some(byte)) = node.step
            && let Some(asked) = asked.get_mut(usize::from(byte))
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
