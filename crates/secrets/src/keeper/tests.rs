//! What a keeper promises, against a source that the test drives and a clock that nobody waits for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::ToSpan;

use super::*;
use crate::source::{Read, SourceFault};

/// A value with the second at which it expires, or why there is none.
type Answer = Result<(&'static str, Option<i64>), &'static str>;

/// Answers with what the test has laid out, then forever with the last.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    reads: AtomicUsize,
    takes: Mutex<Duration>,
}

struct Scripted(Arc<Script>);

impl Source for Scripted {
    fn read(&self) -> Read<'_> {
        Box::pin(async {
            self.0.reads.fetch_add(1, Ordering::SeqCst);
            let takes = *self.0.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            let mut answers = self.0.answers.lock().unwrap();
            let answer =
                if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
            match answer.unwrap() {
                Ok((value, expires)) => Ok(Reading {
                    secret: Secret::read(value.to_owned()).unwrap(),
                    version: Version::new(format!("of-{value}")),
                    expires: expires.map(second),
                }),
                Err(message) => Err(SourceError::unavailable(message)),
            }
        })
    }
}

/// A keeper under test, with everything that it told.
struct Bench {
    script: Arc<Script>,
    keeper: Arc<Keeper>,
    events: Arc<Mutex<Vec<String>>>,
    started: tokio::time::Instant,
}

fn second(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + second.seconds()
}

impl Bench {
    fn new(answers: &[Answer]) -> Bench {
        let script = Arc::new(Script::default());
        script.answers.lock().unwrap().extend(answers);
        let started = tokio::time::Instant::now();
        let clock: Clock = Arc::new(move || {
            Timestamp::UNIX_EPOCH + SignedDuration::try_from(started.elapsed()).unwrap()
        });
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let observer: Observer = Arc::new(move |alias, event| {
            let at = started.elapsed().as_secs();
            told.lock().unwrap().push(format!("{at} {alias} {}", shown(event)));
        });
        let source = Box::new(Scripted(Arc::clone(&script)));
        let keeper = Keeper::new("github", source, Rules::default(), clock, observer);
        Bench { script, keeper, events, started }
    }

    /// Lets the time pass up to this second after the start.
    async fn at(&self, second: u64) {
        tokio::time::sleep_until(self.started + Duration::from_secs(second)).await;
    }

    fn current(&self) -> Result<String, String> {
        let now = (self.keeper.clock)();
        self.keeper
            .current(now)
            .map(|kept| kept.secret().expose().to_owned())
            .map_err(|closed| closed.to_string())
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    fn reads(&self) -> usize {
        self.script.reads.load(Ordering::SeqCst)
    }
}

fn shown(event: &Event<'_>) -> String {
    match event {
        Event::Refreshed { version, changed } => format!("refreshed {version} changed={changed}"),
        Event::Failed { error, again_at } => {
            format!("failed `{error}` again at {}", again_at.as_second())
        }
        Event::Stale { usable_until } => format!("stale until {}", usable_until.as_second()),
        Event::Closed => "closed".to_owned(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_read_again_every_five_minutes() {
    let bench = Bench::new(&[Ok(("old", None)), Ok(("old", None)), Ok(("new", None))]);
    assert_eq!(bench.current().unwrap_err(), "credential `github` has never been read");
    let _tending = bench.keeper.tend();
    bench.at(1).await;
    assert_eq!(bench.current().unwrap(), "old");
    bench.at(599).await;
    assert_eq!(bench.current().unwrap(), "old");
    bench.at(601).await;
    assert_eq!(bench.current().unwrap(), "new");
    assert_eq!(
        bench.told(),
        [
            "0 github refreshed of-old changed=true",
            "300 github refreshed of-old changed=false",
            "600 github refreshed of-new changed=true",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_expires_is_read_before_it_does() {
    let bench = Bench::new(&[Ok(("old", Some(100))), Ok(("new", None))]);
    let _tending = bench.keeper.tend();
    bench.at(79).await;
    assert_eq!(bench.current().unwrap(), "old");
    bench.at(81).await;
    assert_eq!(bench.current().unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn the_value_before_is_remembered_for_the_overlap() {
    let bench = Bench::new(&[Ok(("old", None)), Ok(("new", None)), Ok(("new", None))]);
    let _tending = bench.keeper.tend();
    let previous = |second_now| {
        let now = second(second_now);
        let kept = bench.keeper.current(now).unwrap();
        kept.previous(now).map(|secret| secret.expose().to_owned())
    };
    bench.at(299).await;
    assert_eq!(previous(299), None);
    bench.at(301).await;
    assert_eq!(previous(301), Some("old".to_owned()));
    // An unchanged reading neither prolongs nor ends the overlap.
    assert_eq!(previous(599), Some("old".to_owned()));
    bench.at(602).await;
    assert_eq!(previous(602), None);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_value_serves_for_an_hour_and_then_nothing_does() {
    let bench = Bench::new(&[Ok(("good", None)), Err("refused")]);
    let _tending = bench.keeper.tend();
    bench.at(3599).await;
    assert_eq!(bench.current().unwrap(), "good");
    bench.at(3600).await;
    assert_eq!(
        bench.current().unwrap_err(),
        "credential `github` could not be read again, and is too old since 1970-01-01T01:00:00Z"
    );
    bench.at(3700).await;
    let told = bench.told();
    assert_eq!(
        told[..4],
        [
            "0 github refreshed of-good changed=true",
            "300 github failed `refused` again at 301",
            "300 github stale until 3600",
            "301 github failed `refused` again at 303",
        ]
    );
    assert_eq!(told.iter().filter(|line| line.contains("stale")).count(), 1);
    let closed: Vec<&String> = told.iter().filter(|line| line.contains("closed")).collect();
    assert_eq!(closed, ["3600 github closed"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_comes_back_opens_the_credential_again() {
    let failures = [Err("down"); 70];
    let mut answers = vec![Ok(("good", Some(50)))];
    answers.extend(failures);
    answers.push(Ok(("better", None)));
    let bench = Bench::new(&answers);
    let _tending = bench.keeper.tend();
    bench.at(51).await;
    assert!(bench.current().is_err());
    bench.at(4500).await;
    assert_eq!(bench.current().unwrap(), "better");
    assert!(bench.told().iter().any(|line| line.ends_with("refreshed of-better changed=true")));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_does_not_answer_is_given_up_on() {
    let bench = Bench::new(&[Ok(("late", None))]);
    *bench.script.takes.lock().unwrap() = Duration::from_secs(3600);
    let error = bench.keeper.refresh().await.unwrap_err();
    assert_eq!(
        (error.fault, error.message.as_str()),
        (SourceFault::Unavailable, "no answer within 10 s")
    );
    assert_eq!(bench.started.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_refused_together_read_once() {
    let bench = Bench::new(&[Ok(("old", None)), Ok(("new", None))]);
    bench.keeper.refresh().await.unwrap();
    *bench.script.takes.lock().unwrap() = Duration::from_millis(50);
    let refused = bench.keeper.current(second(0)).unwrap();
    let retries = (0..100).map(|_| {
        let (keeper, refused) = (Arc::clone(&bench.keeper), Arc::clone(&refused));
        tokio::spawn(async move { keeper.refresh_now(refused.secret()).await })
    });
    for retry in retries.collect::<Vec<_>>() {
        assert_eq!(retry.await.unwrap().unwrap().secret().expose(), "new");
    }
    assert_eq!(bench.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_began_before_the_refusal_is_not_taken_for_a_fresh_one() {
    let bench = Bench::new(&[Ok(("old", None)), Ok(("old", None)), Ok(("new", None))]);
    bench.keeper.refresh().await.unwrap();
    *bench.script.takes.lock().unwrap() = Duration::from_millis(50);
    let refused = bench.keeper.current(second(0)).unwrap();
    let keeper = Arc::clone(&bench.keeper);
    let under_way = tokio::spawn(async move { keeper.refresh().await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    let fresh = bench.keeper.refresh_now(refused.secret()).await.unwrap();
    assert_eq!((fresh.secret().expose(), bench.reads()), ("new", 3));
    under_way.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_source_with_nothing_new_is_left_alone_for_a_while() {
    let bench = Bench::new(&[Ok(("wrong", None))]);
    bench.keeper.refresh().await.unwrap();
    let refused = bench.keeper.current(second(0)).unwrap();
    for _ in 0..10 {
        assert!(bench.keeper.refresh_now(refused.secret()).await.is_none());
    }
    assert_eq!(bench.reads(), 2);
    bench.at(6).await;
    assert!(bench.keeper.refresh_now(refused.secret()).await.is_none());
    assert_eq!(bench.reads(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_carried_the_value_before_needs_no_reading() {
    let bench = Bench::new(&[Ok(("old", None)), Ok(("new", None))]);
    bench.keeper.refresh().await.unwrap();
    let refused = bench.keeper.current(second(0)).unwrap();
    bench.keeper.refresh().await.unwrap();
    assert_eq!(bench.keeper.refresh_now(refused.secret()).await.unwrap().secret().expose(), "new");
    assert_eq!(bench.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_reading_gives_a_refused_request_nothing() {
    let bench = Bench::new(&[Ok(("old", None)), Err("down")]);
    bench.keeper.refresh().await.unwrap();
    let refused = bench.keeper.current(second(0)).unwrap();
    assert!(bench.keeper.refresh_now(refused.secret()).await.is_none());
    assert_eq!(bench.current().unwrap(), "old");
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_any_more_when_the_tending_is_dropped() {
    let bench = Bench::new(&[Ok(("good", None))]);
    drop(bench.keeper.tend());
    bench.at(3000).await;
    assert_eq!(bench.reads(), 0);
}
