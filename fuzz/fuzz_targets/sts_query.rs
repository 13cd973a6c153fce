//! Whatever is sent to the token service is read or refused, in one line and with a status of AWS's.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use tollgate_sts::{
    AssumeRole, BridgeRules, Durations, Fault, Jwt, KeySet, Operation, Query, WebIdentity,
};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    query: &'a [u8],
    body: &'a [u8],
    token: &'a str,
}

fn read(query: &[u8], body: &[u8]) -> Result<(), Fault> {
    let mut query = Query::parse(query, body)?;
    match Operation::of(&mut query)? {
        Operation::AssumeRole => {
            let asked = AssumeRole::read(query, Durations::default())?;
            assert!((2..=64).contains(&asked.session.name.chars().count()));
            assert!(asked.tags.len() <= 50);
        }
        Operation::AssumeRoleWithWebIdentity => {
            WebIdentity::read(query, Durations::default())?;
        }
        Operation::GetCallerIdentity | Operation::GetSessionToken => {}
    }
    Ok(())
}

fuzz_target!(|input: Input<'_>| {
    if let Err(fault) = read(input.query, input.body) {
        assert!(matches!(fault.code.status(), 400 | 403));
        assert!(!fault.to_string().contains('\n'), "{fault}");
    }
    let _ = Jwt::parse(input.token);
    let _ = KeySet::parse(input.body);
    let rules = BridgeRules {
        server_id: "gateway".into(),
        accounts: Vec::new(),
        hosts: Vec::new(),
    };
    let now = jiff::Timestamp::UNIX_EPOCH;
    if rules.check(input.token, "gateway", now).is_ok() {
        assert!(input.token.starts_with("https://sts."), "{}", input.token);
    }
});
