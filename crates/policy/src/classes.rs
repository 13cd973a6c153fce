//! Which resources some policies cannot tell apart: those that match the same of their patterns.
//!
//! One walk along a resource's text finds them all, however many patterns there are, by a
//! deterministic automaton over the patterns together. Its states are made when a text first needs
//! them, and forgotten when they become too many: a hostile policy can make it slow, but not large.
//! A state in which the rest of the text can change nothing ends the walk.

mod steps;
mod view;

use std::sync::Arc;

use hashbrown::HashMap;

use crate::compile::PolicySet;

use self::steps::{Reached, Step, Steps, columns, steps_of};

pub use self::view::View;

/// Bytes of states that are kept.
const STATES_BYTES_MAX: usize = 8 << 20;

/// After so many times of forgetting all states, keeping any is not worth it.
const FORGETTING_MAX: u32 = 50;

/// The most classes that are told apart.
const CLASSES_MAX: usize = 1 << 16;

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
#[derive(Clone, Debug)]
pub struct ResourceClasses {
    /// The steps of all patterns.
    steps: Steps,
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

/// Where the patterns stand after some text.
#[derive(Clone, Debug)]
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
#[derive(Clone, Debug)]
pub struct Head {
    text: String,
    start: Option<Start>,
}

/// Where the patterns stand after a [`Head`].
#[derive(Clone, Copy, Debug)]
pub struct Start {
    state: u32,
    /// After how many times of forgetting all states it was found.
    epoch: u32,
}

impl Head {
    /// A text for resources to begin with.
    pub fn new(text: String) -> Head {
        Head { text, start: None }
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
        let mut steps = Steps::default();
        for pattern in patterns.filter_map(steps_of) {
            steps.add(&pattern);
        }
        let (columns, width) = columns(&steps);
        ResourceClasses {
            steps,
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
            reached: Reached::default(),
        }
    }

    /// The class of the resource whose text is that of `head`, and then `tail`. `None` if there are
    /// too many classes to tell them apart, or too many states on the way.
    pub fn class(&mut self, head: &mut Head, tail: &str) -> Option<u32> {
        let start = self.start(head)?;
        self.go_on(start.state, tail.as_bytes())
    }

    /// Where walks along texts begin that begin with `head`; `None` as for [`ResourceClasses::class`].
    #[inline]
    pub fn start(&mut self, head: &mut Head) -> Option<Start> {
        match head.start {
            Some(start) if start.epoch == self.epoch => Some(start),
            _ => self.enter(head),
        }
    }

    /// Appends to `classes` those of several resources by where their walks begin, and what follows
    /// there: as [`ResourceClasses::class`] finds them, and sooner than one by one. `None`, too, for one
    /// whose start is too old by now.
    pub fn classes(&mut self, walks: &[(Start, &str)], classes: &mut Vec<Option<u32>>) {
        let (quartets, rest) = walks.as_chunks::<4>();
        for quartet in quartets {
            let (states, walked) = self.walk_abreast(quartet);
            for (state, (start, tail)) in states.into_iter().zip(quartet) {
                let tail = tail.as_bytes().get(walked..).unwrap_or_default();
                let is_valid = start.epoch == self.epoch;
                classes.push(if is_valid { self.go_on(state, tail) } else { None });
            }
        }
        for (start, tail) in rest {
            let is_valid = start.epoch == self.epoch;
            classes.push(if is_valid { self.go_on(start.state, tail.as_bytes()) } else { None });
        }
    }

    /// Takes four walks a byte further at a time, as far as all go and the states are known: each
    /// waits for its table's answers, but not for those of the others.
    fn walk_abreast(&self, walks: &[(Start, &str); 4]) -> ([u32; 4], usize) {
        let mut states = walks.map(|(start, _)| start.state);
        let [a, b, c, d] = walks.map(|(_, tail)| tail.as_bytes());
        let bytes = a.iter().zip(b).zip(c).zip(d);
        let mut walked = 0;
        for (((a, b), c), d) in bytes {
            let mut next = states;
            for (state, byte) in next.iter_mut().zip([a, b, c, d]) {
                *state = self.next(*state, *byte);
            }
            if next.contains(&UNKNOWN) {
                break;
            }
            (states, walked) = (next, walked + 1);
        }
        (states, walked)
    }

    /// The state after one more byte; [`UNKNOWN`] if it was not needed yet.
    #[inline]
    fn next(&self, state: u32, byte: u8) -> u32 {
        // Of a settled state there is none in the table.
        self.table.get(self.place(state, byte)).copied().unwrap_or(state)
    }

    /// Where the table says what follows a state.
    #[inline]
    fn place(&self, state: u32, byte: u8) -> usize {
        let column = self.columns.get(usize::from(byte)).copied().unwrap_or_default();
        state as usize * self.width + usize::from(column)
    }

    /// Walks the rest of a text, and says which class it is of.
    #[inline]
    fn go_on(&mut self, mut state: u32, tail: &[u8]) -> Option<u32> {
        for &byte in tail {
            if state & SETTLED != 0 {
                break;
            }
            state = match self.next(state, byte) {
                UNKNOWN => self.step(state, byte, self.place(state, byte))?,
                next => next,
            };
        }
        self.states.get((state & !SETTLED) as usize)?.class
    }

    /// The state after a head, which it remembers.
    #[cold]
    fn enter(&mut self, head: &mut Head) -> Option<Start> {
        let mut positions = self.reached.before(&self.steps);
        for &byte in head.text.as_bytes() {
            positions = self.reached.after(&self.steps, &positions, byte);
        }
        let state = self.state(positions)?;
        head.start = Some(Start { state, epoch: self.epoch });
        head.start
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
        let step = |position: &u32| self.steps.get(*position);
        let settled = positions.iter().all(|position| step(position) == Some(Step::Anything));
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
            patterns in prop::collection::vec(pattern(), 1..9),
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
            let texts: Vec<String> = tails.iter().map(|tail| format!("{between}{tail}")).collect();
            let walks = texts.iter().map(|text| Some((classes.start(&mut head)?, text.as_str())));
            let walks: Option<Vec<_>> = walks.collect();
            let mut together = Vec::new();
            classes.classes(&walks.unwrap_or_default(), &mut together);
            for (at, (tail, text)) in tails.iter().zip(&texts).enumerate() {
                let Some(class) = classes.class(&mut head, text) else {
                    prop_assert!(bytes_max < STATES_BYTES_MAX);
                    return Ok(());
                };
                match together.get(at) {
                    Some(Some(found)) => prop_assert_eq!(*found, class, "{}", tail),
                    _ => prop_assert!(bytes_max < STATES_BYTES_MAX),
                }
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
    fn patterns_that_begin_alike_are_followed_as_one() {
        let sets: Vec<PolicySets> =
            (0..100).map(|at| allowing(&format!("arn:aws:s3:::*/pets/cat-{at}"))).collect();
        let all = sets.iter().filter_map(|sets| sets.resource.as_deref());
        let mut classes = ResourceClasses::new(all);
        let mut head = Head::new("arn:aws:s3:::".to_owned());
        let cat = classes.class(&mut head, "zoo/pets/cat-42");
        assert_ne!(cat, classes.class(&mut head, "zoo/pets/cat-421"));
        assert_ne!(cat, classes.class(&mut head, "zoo/pets/cat-43"));
        // A run, what may follow it, an end, and ten digits.
        assert!(classes.states.iter().all(|state| state.positions.len() <= 13));
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
