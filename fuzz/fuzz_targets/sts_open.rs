//! Whatever comes as a session token has a verdict, and nothing but what was sealed opens.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use tollgate_sts::{Entropy, Grant, KeyRing, MasterKey, Origin, Revocations, SessionTag};

#[derive(Arbitrary, Debug)]
struct Input {
    /// Any text, or a genuine token with some bytes exchanged.
    token: Token,
    master: [u8; 32],
    second: u32,
}

#[derive(Arbitrary, Debug)]
enum Token {
    Any(String),
    Changed { principal: String, tag: String, changes: Vec<(u16, u8)> },
}

fuzz_target!(|input: Input| {
    let keys = KeyRing::new(MasterKey::new(&input.master), Vec::new());
    let issued_at = Timestamp::from_second(1_795_299_240).expect("a time");
    let now = Timestamp::from_second(i64::from(input.second)).expect("a time");
    let (genuine, text) = match input.token {
        Token::Any(text) => (None, text),
        Token::Changed { principal, tag, changes } => {
            let grant = Grant {
                origin: Origin::AssumedRole,
                principal,
                user_id: String::new(),
                role: None,
                policy: None,
                policy_arns: Vec::new(),
                tags: vec![SessionTag { key: tag, value: String::new(), is_transitive: true }],
                source_identity: None,
                provider: None,
                duration_s: 900,
            };
            let issued = keys.seal(grant, issued_at, &Entropy([7; Entropy::BYTES]));
            let genuine = issued.credentials.token.expose().to_owned();
            // No session is as large: ARNs and tags have bounds far below.
            if genuine.len() > 16 * 1024 {
                return;
            }
            let mut bytes = genuine.clone().into_bytes();
            for (place, byte) in changes {
                let place = usize::from(place) % bytes.len();
                bytes[place] = byte & 0x7f;
            }
            (Some((genuine, issued.session)), String::from_utf8(bytes).expect("ASCII"))
        }
    };
    match (keys.open(&text), genuine) {
        (Ok(opened), Some((genuine, session))) => {
            assert_eq!(text, genuine, "something else opened");
            let judged = opened.judge(&session.access_key_id, now, 60, &Revocations::default());
            let holds = now < session.expires_at
                && now.as_second() + 60 >= session.issued_at.as_second();
            assert_eq!(judged.is_ok(), holds);
        }
        (Ok(_), None) => panic!("opened without having been sealed"),
        (Err(fault), genuine) => {
            assert_ne!(Some(text), genuine.map(|(genuine, _)| genuine));
            assert!(!fault.to_string().contains('\n') && !fault.message().is_empty());
        }
    }
});
