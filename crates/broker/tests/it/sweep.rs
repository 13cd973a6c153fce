//! Ending logins.

use tollgate_broker::{Ask, BrokerError, Journal, Step};
use tollgate_services::Postgres;

use crate::postgres;
use crate::setting::{Setting, StopsBefore, after, caller, issue, now};

#[tokio::test]
async fn a_login_whose_time_is_over_is_ended_with_its_connections() {
    let Some(setting) = Setting::new("swept").await else { return };
    let broker = setting.broker();
    let (short, long) = (issue(&broker, 10).await, issue(&broker, 600).await);
    let (ending, staying) =
        (setting.login(&short).await.unwrap(), setting.login(&long).await.unwrap());
    assert_eq!(broker.sweep(now()).await.unwrap().ended, []);
    let swept = broker.sweep(after(60)).await.unwrap();
    assert_eq!(swept.ended, std::slice::from_ref(&short.role));
    assert!(swept.failed.is_empty());
    assert!(ending.query("SELECT", &[]).await.is_err());
    staying.query("SELECT", &[]).await.unwrap();
    assert!(setting.login(&short).await.is_err());
    assert_eq!(setting.roles().await, [long.role.to_string()]);
}

#[tokio::test]
async fn what_a_login_owned_passes_to_the_template() {
    let Some(setting) = Setting::new("heirs").await else { return };
    let broker = setting.broker();
    let lease = issue(&broker, 10).await;
    let client = setting.login(&lease).await.unwrap();
    client.batch_execute("CREATE TABLE notes AS SELECT 1 AS one").await.unwrap();
    let admin = postgres::admin(&setting.postgres, "heirs").await;
    admin
        .batch_execute(&format!(
            "CREATE TABLE lent (x int); GRANT SELECT ON lent TO \"{}\"",
            lease.role
        ))
        .await
        .unwrap();
    let elsewhere = postgres::admin(&setting.postgres, "postgres").await;
    elsewhere
        .batch_execute(&format!(
            "CREATE TABLE heirs_elsewhere (x int); ALTER TABLE heirs_elsewhere OWNER TO \"{}\"",
            lease.role
        ))
        .await
        .unwrap();

    assert_eq!(broker.sweep(after(60)).await.unwrap().ended, [lease.role]);
    let owner = "SELECT tableowner::text FROM pg_tables WHERE tablename = $1";
    let row = admin.query_one(owner, &[&"notes"]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "heirs_readers");
    let row = elsewhere.query_one(owner, &[&"heirs_elsewhere"]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "heirs_readers");
}

#[tokio::test]
async fn a_crash_before_any_step_leaves_no_role_after_the_next_start() {
    let Some(setting) = Setting::new("crash").await else { return };
    for step in Step::ALL {
        let witness = StopsBefore::new(step);
        let broker = setting.watched(witness.clone());
        let issued = broker.issue(Ask::default(), &caller(), now()).await;
        if let Ok(lease) = &issued {
            let client = setting.login(lease).await.unwrap();
            client.batch_execute("CREATE TABLE crashed (x int)").await.unwrap();
            broker.sweep(after(7200)).await.unwrap();
        }
        let mut taken = witness.taken.lock().unwrap().clone();
        taken.dedup();
        let before = Step::ALL.iter().take_while(|known| **known != step).copied();
        assert!(before.eq(taken), "each step but {step:?} and those after it");
        drop(broker);

        let restarted = setting.broker();
        let time = if issued.is_ok() { after(7200) } else { now() };
        let swept = restarted.sweep(time).await.unwrap();
        assert!(swept.failed.is_empty(), "{step:?}: {:?}", swept.failed);
        assert_eq!(setting.roles().await, Vec::<String>::new(), "{step:?}");
        assert_eq!(restarted.open_count(), 0, "{step:?}");
        let admin = postgres::admin(&setting.postgres, "crash").await;
        admin.batch_execute("DROP TABLE IF EXISTS crashed").await.unwrap();
    }
}

#[tokio::test]
async fn a_login_outlives_a_restart_of_the_broker() {
    let Some(setting) = Setting::new("restart").await else { return };
    let lease = issue(&setting.broker(), 600).await;
    let restarted = setting.broker();
    assert_eq!(restarted.sweep(now()).await.unwrap().ended, []);
    setting.login(&lease).await.unwrap();
    assert_eq!(restarted.sweep(after(700)).await.unwrap().ended, [lease.role]);
}

#[tokio::test]
async fn expired_roles_of_a_lost_journal_are_ended_too() {
    let Some(setting) = Setting::new("lost").await else { return };
    let lease = issue(&setting.broker(), 1).await;
    std::fs::remove_file(setting.journal_path()).unwrap();
    let broker = setting.broker();
    let deadline = after(40);
    while broker.sweep(now()).await.unwrap().ended.is_empty() {
        assert!(now() < deadline, "the role stays");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(setting.login(&lease).await.is_err());
    assert_eq!(setting.roles().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_role_that_cannot_be_ended_hinders_no_other_and_is_tried_again() {
    let Some(setting) = Setting::new("stuck").await else { return };
    let broker = setting.broker();
    let (stuck, free) = (issue(&broker, 10).await, issue(&broker, 10).await);
    let admin = postgres::admin(&setting.postgres, "postgres").await;
    // A database that takes no connections cannot be searched for what the role owns in it.
    admin.batch_execute("CREATE DATABASE stuck_closed").await.unwrap();
    let closed = postgres::admin(&setting.postgres, "stuck_closed").await;
    let own = format!("CREATE TABLE t (x int); ALTER TABLE t OWNER TO \"{}\"", stuck.role);
    closed.batch_execute(&own).await.unwrap();
    drop(closed);
    admin.batch_execute("ALTER DATABASE stuck_closed ALLOW_CONNECTIONS false").await.unwrap();

    let swept = broker.sweep(after(60)).await.unwrap();
    assert_eq!(swept.ended, [free.role]);
    let [(role, error)] = &swept.failed[..] else { panic!("{swept:?}") };
    assert_eq!(role, &stuck.role);
    assert!(matches!(error, BrokerError::Server(_)), "{error}");
    assert!(setting.login(&stuck).await.is_err(), "it is shut out all the same");

    admin.batch_execute("ALTER DATABASE stuck_closed ALLOW_CONNECTIONS true").await.unwrap();
    assert_eq!(broker.sweep(after(60)).await.unwrap().ended, [stuck.role]);
    admin.batch_execute("DROP DATABASE stuck_closed").await.unwrap();
}

#[tokio::test]
async fn a_broker_needs_to_be_no_superuser() {
    let Some(setting) = Setting::new("modest").await else { return };
    let admin = postgres::admin(&setting.postgres, "postgres").await;
    let make = format!(
        "CREATE ROLE modest_broker LOGIN CREATEROLE PASSWORD '{}' IN ROLE pg_signal_backend;
         GRANT modest_readers TO modest_broker WITH ADMIN OPTION",
        Postgres::PASSWORD
    );
    admin.batch_execute(&make).await.unwrap();
    let journal = Journal::open(&setting.journal_path(), &setting.profile).unwrap();
    let server = setting.server_as("modest_broker", Postgres::PASSWORD);
    let witness = std::sync::Arc::new(tollgate_broker::Unwatched);
    let broker = tollgate_broker::Broker::new(setting.profile.clone(), server, journal, witness);
    broker.check(now()).await.unwrap();
    let lease = issue(&broker, 10).await;
    let client = setting.login(&lease).await.unwrap();
    client.batch_execute("CREATE TABLE notes (x int)").await.unwrap();
    let swept = broker.sweep(after(60)).await.unwrap();
    assert!(swept.failed.is_empty(), "{:?}", swept.failed);
    assert_eq!(swept.ended, [lease.role]);
}

#[tokio::test]
async fn a_login_that_was_asked_for_and_not_waited_for_is_ended() {
    let Some(setting) = Setting::new("hasty").await else { return };
    let broker = setting.broker();
    let admin = postgres::admin(&setting.postgres, "postgres").await;
    // The statement that makes the role waits for this lock, and the caller goes away meanwhile.
    admin.batch_execute("BEGIN; LOCK TABLE pg_authid IN EXCLUSIVE MODE").await.unwrap();
    let caller = caller();
    let asked = broker.issue(Ask::default(), &caller, now());
    let waited = tokio::time::timeout(std::time::Duration::from_millis(300), asked).await;
    assert!(waited.is_err());
    admin.batch_execute("COMMIT").await.unwrap();
    assert_eq!(broker.sweep(now()).await.unwrap().ended, []);
    assert_eq!(broker.sweep(after(120)).await.unwrap().ended.len(), 1);
    assert_eq!(setting.roles().await, Vec::<String>::new());
}
