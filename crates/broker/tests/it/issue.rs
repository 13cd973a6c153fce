//! Making logins.

use std::sync::Arc;

use jiff::SignedDuration;
use tollgate_broker::{Ask, Broker, BrokerError, Caller, Journal, JournalError, Unwatched};

use crate::setting::{CALLER, Setting, after, caller, issue, now};

#[tokio::test]
async fn a_login_has_the_rights_of_the_template_and_no_others() {
    let Some(setting) = Setting::new("rights").await else { return };
    let lease = issue(&setting.broker(), 60).await;
    let client = setting.login(&lease).await.unwrap();
    let row = client.query_one("SELECT title FROM sheets", &[]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "first");
    client.execute("INSERT INTO sheets VALUES ('second')", &[]).await.unwrap();
    let refused = client.execute("DELETE FROM sheets", &[]).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
    let refused = client.batch_execute("CREATE ROLE another").await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}

#[tokio::test]
async fn the_server_never_sees_the_password() {
    let Some(setting) = Setting::new("unseen").await else { return };
    let lease = issue(&setting.broker(), 60).await;
    setting.login(&lease).await.unwrap();
    let log = setting.postgres.log();
    let create = log.lines().find(|line| line.contains(&format!("CREATE ROLE \"{}\"", lease.role)));
    assert!(create.is_some_and(|line| line.contains("SCRAM-SHA-256$4096:")), "{create:?}");
    assert!(!log.contains(lease.password.expose()));
}

#[tokio::test]
async fn the_server_stops_logins_when_their_time_is_over() {
    let Some(setting) = Setting::new("expiry").await else { return };
    let broker = setting.broker();
    let lease = issue(&broker, 1).await;
    while now() <= lease.expires {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let refused = setting.login(&lease).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "28P01");
}

#[tokio::test]
async fn a_login_holds_no_more_connections_than_it_may() {
    let Some(mut setting) = Setting::new("connections").await else { return };
    setting.profile.connections_max = 2;
    let lease = issue(&setting.broker(), 60).await;
    let _held = (setting.login(&lease).await.unwrap(), setting.login(&lease).await.unwrap());
    let refused = setting.login(&lease).await.err().unwrap();
    assert_eq!(refused.code().unwrap().code(), "53300");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_logins_are_made_at_the_same_time() {
    let Some(mut setting) = Setting::new("hundred").await else { return };
    setting.profile.leases_per_caller_max = 100;
    let broker = Arc::new(setting.broker());
    let made: Vec<_> = (0..100)
        .map(|_| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { issue(&broker, 60).await })
        })
        .collect();
    let mut roles = Vec::new();
    for lease in made {
        roles.push(lease.await.unwrap().role.to_string());
    }
    roles.sort();
    roles.dedup();
    assert_eq!(roles.len(), 100);
    assert_eq!(setting.roles().await, roles);
    assert_eq!(broker.sweep(after(120)).await.unwrap().ended.len(), 100);
    assert_eq!(setting.roles().await, Vec::<String>::new());
}

#[tokio::test]
async fn no_more_logins_are_made_than_may_exist() {
    let Some(mut setting) = Setting::new("bounds").await else { return };
    setting.profile.leases_max = 3;
    setting.profile.leases_per_caller_max = 2;
    let broker = setting.broker();
    issue(&broker, 60).await;
    issue(&broker, 60).await;
    let refused = broker.issue(Ask::default(), &caller(), now()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the caller has 2 logins, as many as it may");
    let other = Caller { arn: "arn:aws:iam::123456789012:user/ana", session_expires: None };
    broker.issue(Ask::default(), &other, now()).await.unwrap();
    let refused = broker.issue(Ask::default(), &other, now()).await.unwrap_err();
    assert_eq!(refused.to_string(), "3 logins exist, as many as may");
    assert_eq!(setting.roles().await.len(), 3);
}

#[tokio::test]
async fn a_login_that_cannot_be_written_down_is_not_made() {
    let Some(setting) = Setting::new("unwritten").await else { return };
    let _held = Journal::open(&setting.journal_path(), &setting.profile).unwrap();
    let second = Journal::open(&setting.journal_path(), &setting.profile).unwrap_err();
    assert!(matches!(second, JournalError::InUse(_)), "{second}");
    assert!(second.to_string().ends_with("is in use by another process"), "{second}");
}

#[tokio::test]
async fn a_refused_role_leaves_nothing_behind() {
    let Some(mut setting) = Setting::new("refused").await else { return };
    setting.profile.template = "nobody".into();
    let broker = setting.broker();
    let refused = broker.issue(Ask::default(), &caller(), now()).await.unwrap_err();
    assert_eq!(refused.to_string(), "PostgreSQL refused: role \"nobody\" does not exist (42704)");
    assert_eq!(broker.open_count(), 1);
    assert_eq!(broker.sweep(now()).await.unwrap().ended.len(), 1);
    assert_eq!(broker.open_count(), 0);
}

#[tokio::test]
async fn a_session_that_is_over_gets_no_login() {
    let Some(setting) = Setting::new("over").await else { return };
    let caller =
        Caller { arn: CALLER, session_expires: Some(now() - SignedDuration::from_secs(1)) };
    let refused = setting.broker().issue(Ask::default(), &caller, now()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the session that asks for a login ends within a second");
    assert_eq!(setting.roles().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_check_finds_what_is_in_the_way() {
    let Some(setting) = Setting::new("checked").await else { return };
    let broker = setting.broker();
    broker.check(now()).await.unwrap();
    let late = broker.check(now() + SignedDuration::from_mins(5)).await.unwrap_err();
    assert!(late.to_string().starts_with("the clocks disagree: it is "), "{late}");
    drop(broker);

    let mut profile = setting.profile.clone();
    profile.template = "nobody".into();
    let journal = || Journal::open(&setting.journal_path(), &setting.profile).unwrap();
    let broker = Broker::new(profile, setting.server(), journal(), Arc::new(Unwatched));
    let missing = broker.check(now()).await.unwrap_err();
    assert_eq!(missing.to_string(), "the template role `nobody` does not exist at PostgreSQL");
    drop(broker);

    let server = setting.server_as("postgres", "not the password");
    let broker = Broker::new(setting.profile.clone(), server, journal(), Arc::new(Unwatched));
    let refused = broker.check(now()).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Server(_)));
    let message = refused.to_string();
    assert!(message.contains("password authentication failed"), "{message}");
    assert!(!message.contains("not the password"), "{message}");
}
