//! Which resources some policies cannot tell apart: those that match the same of their patterns.
//!
//! One walk along a resource's text finds them all, however many patterns there are, by a
//! deterministic automaton over the patterns together. Its states are made when a text first needs
//! them, and forgotten when they become too many: a hostile policy can make it slow, but not large.
//! A state in which the rest of the text can change nothing ends the walk.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::compile::PolicySet;
use crate::pattern::{Pattern, Reach, Rest, Token};
use crate::statement::ResourcePattern;

/// Bytes of states that are kept.
const STATES_BYTES_MAX: usize = 8 << 20;

/// After so many times of forgetting all states, keeping any is not worth it.
const FORGETTING_MAX: u32 = 50;

/// The most classes that are told apart.
const CLASSES_MAX: usize = 1 << 16;

/// The most classes of which a view remembers what it sees.
const SEEN_MAX: usize = 1 << 13;

/// Sorts resources into classes: resources of one class match the same resource patterns, and so,
/// where no pattern has variables, policies decide alike about them.
///
/// ```
/// use tollgate_policy::{Documents, Head, PolicyDocument, PolicyType, ResourceClasses};
///
/// let policy = r#"{"Version": "2012-10-17", "Statement": {
///     "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::pets/*"
/// }}"#;
/// let identity = vec![PolicyDocument::parse(policy, PolicyType::Identity).unwrap()];
/// let sets = Documents { identity, ..Documents::default() }.compile();
///
/// let mut classes = ResourceClasses::new(sets.identity.as_deref());
/// let mut head = Head::new("arn:aws:s3:::".to_owned());
/// let cat = classes.class(&mut head, "pets/cat");
/// assert_eq!(cat, classes.class(&mut head, "pets/dog"));
/// let ana = classes.class(&mut head, "people/ana");
/// assert_ne!(cat, ana);
///
/// let mut of_nobody = classes.view([]);
/// let mut seen = |class: Option<u32>| classes.seen(&mut of_nobody, class.unwrap());
/// assert_eq!(seen(cat), seen(ana));
/// ```
#[derive(Debug)]
pub struct ResourceClasses {
    /// The steps of all patterns, one pattern after the other.
    steps: Box<[Step]>,
    /// Where each pattern begins.
    starts: Vec<u32>,
    /// The last step of each pattern, by its steps.
    ends: HashMap<Vec<Step>, u32>,
    /// The column of each byte: bytes that no pattern tells apart share one.
    columns: Box<[u8; 256]>,
    width: usize,
    /// The next state, by state and column; [`UNKNOWN`] where it was not needed yet.
    table: Vec<u32>,
    states: Vec<State>,
    by_positions: HashMap<Arc<[u32]>, u32>,
    classes: HashMap<Arc<[u32]>, u32>,
    /// The last steps of the patterns that each class matches, in order.
    matching: Vec<Arc<[u32]>>,
    /// How many times all states were forgotten.
    epoch: u32,
    /// Bytes that the states take, and may take.
    bytes: usize,
    bytes_max: usize,
    reached: Reached,
}

/// One step along a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
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

/// Where the patterns stand after some text.
#[derive(Debug)]
struct State {
    positions: Arc<[u32]>,
    /// The class of a text that ends here, unless there are too many.
    class: Option<u32>,
}

/// Marks a transition that was not needed yet.
const UNKNOWN: u32 = u32::MAX;

/// Marks a state that no further text changes.
const SETTLED: u32 = 1 << 31;

/// The text that many resources begin with, and where the patterns stand after it.
#[derive(Debug)]
pub struct Head {
    text: String,
    /// The state, and of which epoch it is.
    state: Option<(u32, u32)>,
}

/// What some policies see of the classes that all patterns make; from [`ResourceClasses::view`].
///
/// A log's callers are bound to few patterns each, so views tell few resources apart where classes
/// tell many.
#[derive(Debug)]
pub struct View {
    /// The last steps of its policies' patterns, in order.
    ends: Box<[u32]>,
    /// What is seen of each class; [`UNKNOWN`] where it was not asked yet.
    seen: Vec<u32>,
    numbers: HashMap<Box<[u32]>, u32>,
}

impl Head {
    /// A text for resources to begin with.
    pub fn new(text: String) -> Head {
        Head { text, state: None }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl ResourceClasses {
    /// The classes that the patterns without variables of some policies make.
    pub fn new<'a>(sets: impl IntoIterator<Item = &'a PolicySet>) -> ResourceClasses {
        let statements = sets.into_iter().flat_map(PolicySet::statements);
        let patterns = statements.flat_map(|statement| statement.resources.patterns());
        let mut ends: HashMap<Vec<Step>, u32> = HashMap::new();
        let (mut steps, mut starts) = (Vec::new(), Vec::new());
        for pattern in patterns.filter_map(steps_of) {
            if let Entry::Vacant(end) = ends.entry(pattern) {
                starts.push(number(steps.len()));
                steps.extend(end.key());
                end.insert(number(steps.len() - 1));
            }
        }
        let (columns, width) = columns(&steps);
        let reached = Reached { marks: vec![0; steps.len()], ..Reached::default() };
        ResourceClasses {
            steps: steps.into(),
            starts,
            ends,
            columns,
            width,
            table: Vec::new(),
            states: Vec::new(),
            by_positions: HashMap::new(),
            classes: HashMap::new(),
            matching: Vec::new(),
            epoch: 0,
            bytes: 0,
            bytes_max: STATES_BYTES_MAX,
            reached,
        }
    }

    /// The class of the resource whose text is that of `head`, and then `tail`. `None` if there are
    /// too many classes to tell them apart, or too many states on the way.
    #[inline]
    pub fn class(&mut self, head: &mut Head, tail: &str) -> Option<u32> {
        let mut state = match head.state {
            Some((state, epoch)) if epoch == self.epoch => state,
            _ => self.enter(head)?,
        };
        for &byte in tail.as_bytes() {
            if state & SETTLED != 0 {
                break;
            }
            let column = self.columns.get(usize::from(byte)).copied().unwrap_or_default();
            let place = state as usize * self.width + usize::from(column);
            state = match self.table.get(place) {
                Some(&next) if next != UNKNOWN => next,
                _ => self.step(state, byte, place)?,
            };
        }
        self.states.get((state & !SETTLED) as usize)?.class
    }

    /// How some of the policies see classes: those that match the same of their patterns alike.
    pub fn view<'a>(&self, sets: impl IntoIterator<Item = &'a PolicySet>) -> View {
        let statements = sets.into_iter().flat_map(PolicySet::statements);
        let patterns = statements.flat_map(|statement| statement.resources.patterns());
        let ends = patterns.filter_map(steps_of).filter_map(|pattern| self.ends.get(&pattern));
        let mut ends: Vec<u32> = ends.copied().collect();
        ends.sort_unstable();
        ends.dedup();
        View { ends: ends.into(), seen: Vec::new(), numbers: HashMap::new() }
    }

    /// The number of what a view sees of a class: of classes with the same number, its policies
    /// cannot tell any resources apart.
    #[inline]
    pub fn seen(&self, view: &mut View, class: u32) -> u32 {
        match view.seen.get(class as usize) {
            Some(&known) if known != UNKNOWN => known,
            _ => self.look(view, class),
        }
    }

    #[cold]
    fn look(&self, view: &mut View, class: u32) -> u32 {
        let matching = self.matching.get(class as usize).map_or(&[][..], |matching| matching);
        let own = matching.iter().filter(|end| view.ends.binary_search(end).is_ok());
        let next = number(view.numbers.len());
        let seen = *view.numbers.entry(own.copied().collect()).or_insert(next);
        let index = class as usize;
        if index < SEEN_MAX {
            if view.seen.len() <= index {
                view.seen.resize(index + 1, UNKNOWN);
            }
            if let Some(known) = view.seen.get_mut(index) {
                *known = seen;
            }
        }
        seen
    }

    /// The state after a head, which it remembers.
    #[cold]
    fn enter(&mut self, head: &mut Head) -> Option<u32> {
        self.reached.begin();
        for &start in &self.starts {
            self.reached.add(&self.steps, start);
        }
        let mut positions = self.reached.take();
        for &byte in head.text.as_bytes() {
            positions = self.reached.after(&self.steps, &positions, byte);
        }
        let state = self.state(positions)?;
        head.state = Some((state, self.epoch));
        Some(state)
    }

    /// The state after one more byte, which is written down at `place` of the table.
    #[cold]
    fn step(&mut self, state: u32, byte: u8, place: usize) -> Option<u32> {
        let positions = Arc::clone(&self.states.get(state as usize)?.positions);
        let positions = self.reached.after(&self.steps, &positions, byte);
        let epoch = self.epoch;
        let next = self.state(positions)?;
        if let Some(entry) = self.table.get_mut(place).filter(|_| epoch == self.epoch) {
            *entry = next;
        }
        Some(next)
    }

    /// The state of these positions.
    fn state(&mut self, positions: Vec<u32>) -> Option<u32> {
        if let Some(&known) = self.by_positions.get(positions.as_slice()) {
            return Some(known);
        }
        self.bytes += (self.width + positions.len()) * size_of::<u32>();
        if self.bytes > self.bytes_max {
            self.forget();
        }
        if self.epoch > FORGETTING_MAX {
            return None;
        }
        let step = |position: &u32| self.steps.get(*position as usize);
        let settled = positions.iter().all(|position| step(position) == Some(&Step::Anything));
        let accepts = |position: &&u32| matches!(step(position), Some(Step::Anything | Step::End));
        let matching: Arc<[u32]> = positions.iter().filter(accepts).copied().collect();
        let class = self.class_of(matching);
        let number = number(self.states.len()) | if settled { SETTLED } else { 0 };
        let positions: Arc<[u32]> = positions.into();
        self.states.push(State { positions: Arc::clone(&positions), class });
        self.table.resize(self.table.len() + self.width, UNKNOWN);
        self.by_positions.insert(positions, number);
        Some(number)
    }

    fn class_of(&mut self, matching: Arc<[u32]>) -> Option<u32> {
        let next = self.classes.len();
        match self.classes.get(&matching) {
            Some(&known) => Some(known),
            None if next >= CLASSES_MAX => None,
            None => {
                self.matching.push(Arc::clone(&matching));
                self.classes.insert(matching, number(next));
                Some(number(next))
            }
        }
    }

    fn forget(&mut self) {
        self.epoch += 1;
        self.bytes = 0;
        self.table.clear();
        self.states.clear();
        self.by_positions.clear();
    }
}

/// A collection of positions, each once.
#[derive(Debug, Default)]
struct Reached {
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

    /// Adds a position, and those after it that can be reached without text.
    fn add(&mut self, steps: &[Step], position: u32) {
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
    fn take(&mut self) -> Vec<u32> {
        self.positions.sort_unstable();
        std::mem::take(&mut self.positions)
    }

    /// Where patterns stand one byte after `positions`.
    fn after(&mut self, steps: &[Step], positions: &[u32], byte: u8) -> Vec<u32> {
        self.begin();
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
fn steps_of(pattern: &ResourcePattern) -> Option<Vec<Step>> {
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
fn columns(steps: &[Step]) -> (Box<[u8; 256]>, usize) {
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

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::{PolicyDocument, PolicyType};
    use crate::layers::{Documents, PolicySets};
    use crate::principal::Principal;
    use crate::request::Request;
    use crate::{Outcome, authorize};

    const API: &str = "arn:aws:execute-api:eu-west-1:111122223333:api/";

    /// A policy that allows what one pattern matches.
    fn allowing(pattern: &str) -> PolicySets {
        let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": pattern
        }});
        let document = PolicyDocument::parse(&policy.to_string(), PolicyType::Resource)
            .unwrap_or_else(|errors| panic!("{pattern}: {errors}"));
        Documents { resource: Some(document), ..Documents::default() }.compile()
    }

    fn is_allowed(sets: &PolicySets, resource: &str) -> bool {
        let ana = Principal::parse("arn:aws:iam::111122223333:user/ana").unwrap();
        let request = Request::new(ana, "execute-api:Invoke", resource);
        authorize(&sets.borrow(), &request).outcome == Outcome::Allowed
    }

    fn pattern() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a:/é]{0,3}[*?a:é]{0,3}[a:/é]{0,2}[*?a/]{0,2}".prop_map(|tail| format!("{API}{tail}")),
            "[a:/é]{0,2}[*?a:é]{0,3}[a*?]{0,2}".prop_map(|tail| format!("execute-api:/{tail}")),
            "[*?]{1,2}[a-z]{0,1}[*]?".prop_map(|part| format!("arn:aws:execute-api:{part}:*:*/a*")),
        ]
    }

    proptest! {
        #[test]
        fn resources_of_one_class_match_the_same_patterns(
            patterns in prop::collection::vec(pattern(), 1..6),
            tails in prop::collection::vec("[a:/é]{0,6}", 2..12),
            cut in 0..40_usize,
            bytes_max in prop_oneof![Just(STATES_BYTES_MAX), 200..3000_usize],
        ) {
            let sets: Vec<PolicySets> = patterns.iter().map(|pattern| allowing(pattern)).collect();
            let all = sets.iter().filter_map(|sets| sets.resource.as_deref());
            let mut classes = ResourceClasses::new(all);
            classes.bytes_max = bytes_max;
            let (head, between) = API.split_at(cut);
            let mut head = Head::new(head.to_owned());
            let half = sets.iter().step_by(2).filter_map(|sets| sets.resource.as_deref());
            let mut view = classes.view(half);
            let (mut by_seen, mut by_own) = (HashMap::new(), HashMap::new());
            let mut by_class = HashMap::new();
            let mut by_matches = HashMap::new();
            for tail in &tails {
                let Some(class) = classes.class(&mut head, &format!("{between}{tail}")) else {
                    prop_assert!(bytes_max < STATES_BYTES_MAX);
                    return Ok(());
                };
                let resource = format!("{API}{tail}");
                let matches: Vec<bool> =
                    sets.iter().map(|sets| is_allowed(sets, &resource)).collect();
                let known = by_class.entry(class).or_insert_with(|| matches.clone());
                prop_assert_eq!(&*known, &matches, "{}", tail);
                prop_assert_eq!(*by_matches.entry(matches.clone()).or_insert(class), class, "{}", tail);
                // A view of every second policy sees what these match, and nothing else.
                let own: Vec<bool> = matches.into_iter().step_by(2).collect();
                let seen = classes.seen(&mut view, class);
                prop_assert_eq!(by_seen.entry(seen).or_insert_with(|| own.clone()), &own);
                prop_assert_eq!(*by_own.entry(own).or_insert(seen), seen);
            }
        }
    }

    #[test]
    fn a_pattern_that_ends_with_a_star_settles_the_class() {
        let sets = allowing("arn:aws:s3:::pets/*");
        let mut classes = ResourceClasses::new(sets.resource.as_deref());
        let mut head = Head::new("arn:aws:s3:::pets/".to_owned());
        let all = classes.class(&mut head, "");
        assert_eq!(classes.class(&mut head, &"x".repeat(1000)), all);
        assert!(classes.states.len() < 3);
    }
}
