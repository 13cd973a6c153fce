//! The compiled evaluator decides every question as the reference does.

#![no_main]

#[path = "../../crates/policy/tests/generate/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the property tests use the rest")]
mod generate;

use generate::{Choices, Question};
use libfuzzer_sys::fuzz_target;
use tollgate_policy::{authorize, reference};

fuzz_target!(|bytes: &[u8]| {
    let question = Question::new(&mut Choices::new(bytes));
    let request = question.request();
    let expected = reference::authorize(&question.documents(), &request);
    let sets = question.documents().compile();
    assert_eq!(authorize(&sets.borrow(), &request), expected, "{question:#?}");
});
