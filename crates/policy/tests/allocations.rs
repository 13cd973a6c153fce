//! Deciding allocates nothing, and neither does building a request of ordinary size: counted for
//! every case of `fixtures/decisions`.

use std::fs;
use std::path::Path;

use allocation_counter::measure;
use tollgate_policy::simulate::Case;
use tollgate_policy::{Action, Context, Outcome, Principal, Request, authorize, key};

#[test]
fn a_decision_allocates_nothing_unless_it_is_open() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/decisions");
    let mut decided = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let Ok(case) = Case::parse(line) else { continue };
            let sets = case.documents.clone().compile();
            let (policies, request) = (sets.borrow(), case.request());
            let mut decision = None;
            let allocations = measure(|| decision = Some(authorize(&policies, &request)));
            if decision.unwrap().outcome != Outcome::Indeterminate {
                assert_eq!(allocations.count_total, 0, "{line}");
                decided += 1;
            }
        }
    }
    assert!(decided > 400, "only {decided} cases were decided");
}

#[test]
fn building_a_request_allocates_nothing_up_to_the_inline_number_of_keys() {
    let arn = "arn:aws:sts::111122223333:assumed-role/reader/ana";
    let resource = "arn:aws:execute-api:eu-west-1:111122223333:a1b2c3/prod/GET/pets";
    let names: Vec<String> = (0..Context::INLINE).map(|index| format!("aws:Key{index}")).collect();
    let allocations = measure(|| {
        let principal = Principal::parse(arn).unwrap();
        let again = Action::new("s3:GetObject");
        let mut request = Request::new(principal, "execute-api:Invoke", resource);
        for name in &names {
            request.context.set(key::Key::new(name), "value");
        }
        assert_eq!(request.resource_account(), Some("111122223333"));
        request.renew(principal, &again, "arn:aws:s3:::b/k");
    });
    assert_eq!(allocations.count_total, 0);
}
