//! The access log in CloudWatch Logs: `PutLogEvents`, within its limits.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tollgate_outbound::aws::{Addressed, CredentialChain, JsonService};
use tollgate_outbound::{CallError, CallFault, Client, Clock, Environment, PlainHttp};
use tollgate_store::CloudWatchLogDecl;

use super::{Lines, Sink};

/// A stream of a log group.
pub struct CloudWatchSink {
    group: String,
    stream: String,
    service: JsonService,
    /// Made by the sink's own thread when it first writes.
    runtime: Option<Runtime>,
}

/// The largest sum of a call's messages, each counted with 26 bytes more.
const BATCH_BYTES_MAX: usize = 1_048_576;
const EVENT_BYTES: usize = 26;
/// The events of one call lie within a day.
const SPAN_MS_MAX: i64 = 24 * 3600 * 1000;
/// How long one call may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Pauses before a call is made again that failed for want of AWS.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(4)];
/// Lines that arrive this close together go in one call.
const LINGER: Duration = Duration::from_millis(500);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PutLogEvents<'a> {
    log_group_name: &'a str,
    log_stream_name: &'a str,
    log_events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    timestamp: i64,
    message: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Put {
    rejected_log_events_info: Option<Rejected>,
}

/// Which of a call's events were not taken, by their places in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejected {
    too_new_log_event_start_index: Option<u64>,
    too_old_log_event_end_index: Option<u64>,
    expired_log_event_end_index: Option<u64>,
}

impl Rejected {
    /// How many of so many.
    fn count(&self, sent: u64) -> u64 {
        let old = self.too_old_log_event_end_index.max(self.expired_log_event_end_index);
        let new = self.too_new_log_event_start_index.map_or(0, |start| sent.saturating_sub(start));
        (old.unwrap_or(0) + new).min(sent)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateLogStream<'a> {
    log_group_name: &'a str,
    log_stream_name: &'a str,
}

/// An answer that says nothing.
#[derive(Deserialize)]
struct Nothing {}

impl CloudWatchSink {
    /// The stream of a manifest, called as whoever the environment says we are. Nothing is called
    /// yet.
    ///
    /// # Errors
    /// The region or our own credentials are not known.
    pub fn open(
        decl: &CloudWatchLogDecl,
        environment: &Environment,
        clock: Clock,
    ) -> Result<CloudWatchSink, CallError> {
        let client = Client::with_native_roots(DEADLINE)?;
        let chain =
            CredentialChain::of_environment(environment, &client, std::sync::Arc::clone(&clock))?;
        let addressed = Addressed {
            name: "logs",
            target: "Logs_20140328",
            variable: "CLOUDWATCH_LOGS",
            region: decl.region.as_deref(),
            endpoint: None,
            plain: PlainHttp::Loopback,
        };
        let chain = std::sync::Arc::new(chain);
        let service = JsonService::new(&addressed, environment, client, chain, clock)?;
        let (group, stream) = (decl.group.get_ref().clone(), decl.stream.get_ref().clone());
        Ok(CloudWatchSink { group, stream, service, runtime: None })
    }

    /// Puts events that go in one call. Returns how many were not taken.
    async fn put(&self, events: &[(i64, &str)]) -> Result<u64, CallError> {
        let input = || PutLogEvents {
            log_group_name: &self.group,
            log_stream_name: &self.stream,
            log_events: events
                .iter()
                .map(|&(timestamp, message)| Event { timestamp, message })
                .collect(),
        };
        let mut pauses = PAUSES.iter();
        let mut is_made = false;
        loop {
            let called: Result<Put, CallError> = self.service.call("PutLogEvents", &input()).await;
            let error = match called {
                Ok(put) => {
                    let sent = u64::try_from(events.len()).unwrap_or(u64::MAX);
                    return Ok(put.rejected_log_events_info.map_or(0, |it| it.count(sent)));
                }
                Err(error) => error,
            };
            match error.fault {
                CallFault::Missing if !is_made => {
                    is_made = true;
                    self.make_stream().await?;
                }
                CallFault::Unavailable => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                _ => return Err(error),
            }
        }
    }

    async fn make_stream(&self) -> Result<(), CallError> {
        let input = CreateLogStream { log_group_name: &self.group, log_stream_name: &self.stream };
        let made: Result<Option<Nothing>, CallError> =
            self.service.call("CreateLogStream", &input).await;
        match made {
            // Another gateway was faster; and its answer is empty when it succeeds.
            Err(error) if error.message.contains("ResourceAlreadyExistsException") => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        }
    }
}

/// Cuts events, in order of time, into what goes in one call each.
fn calls<'e, 'l>(events: &'e [(i64, &'l str)]) -> Vec<&'e [(i64, &'l str)]> {
    let mut calls = Vec::new();
    let mut rest = events;
    while let Some((first, _)) = rest.first() {
        let mut bytes = 0;
        let fits = |(time, message): &&(i64, &str)| {
            bytes += message.len() + EVENT_BYTES;
            bytes <= BATCH_BYTES_MAX && time - first < SPAN_MS_MAX
        };
        // An event that is too large by itself goes alone, and is refused.
        let count = rest.iter().take_while(fits).count().max(1);
        let (call, more) = rest.split_at(count.min(rest.len()));
        calls.push(call);
        rest = more;
    }
    calls
}

impl Sink for CloudWatchSink {
    fn linger(&self) -> Duration {
        LINGER
    }

    fn write(&mut self, lines: &Lines) -> io::Result<u64> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        };
        let mut events: Vec<(i64, &str)> = lines
            .iter()
            .filter_map(|(time, line)| {
                let text = std::str::from_utf8(line).ok()?;
                Some((time.as_millisecond(), text.trim_end()))
            })
            .collect();
        events.sort_by_key(|(time, _)| *time);
        let mut lost = 0;
        let mut failed = None;
        for call in calls(&events) {
            match runtime.block_on(self.put(call)) {
                Ok(rejected) => lost += rejected,
                Err(error) => {
                    lost += u64::try_from(call.len()).unwrap_or(u64::MAX);
                    failed = Some(error);
                }
            }
        }
        self.runtime = Some(runtime);
        if let Some(error) = failed {
            tracing::error!(%error, lines = lost, "CloudWatch Logs does not take the access log");
        }
        Ok(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(events: &[(i64, usize)], expected: &[usize]) {
        let text = "x".repeat(BATCH_BYTES_MAX);
        let events: Vec<(i64, &str)> =
            events.iter().map(|&(time, length)| (time, &text[..length])).collect();
        let lengths: Vec<usize> = calls(&events).iter().map(|call| call.len()).collect();
        assert_eq!(lengths, expected);
    }

    #[test]
    fn a_call_holds_what_the_service_takes() {
        let half = BATCH_BYTES_MAX / 2 - EVENT_BYTES;
        check(&[], &[]);
        check(&[(0, half), (0, half)], &[2]);
        check(&[(0, half), (0, half + 1), (0, 1)], &[1, 2]);
        check(&[(0, BATCH_BYTES_MAX), (0, 1)], &[1, 1]);
        check(&[(0, 1), (SPAN_MS_MAX - 1, 1), (SPAN_MS_MAX, 1)], &[2, 1]);
    }

    #[test]
    fn rejected_events_are_counted_from_both_ends() {
        let rejected = |old, new| Rejected {
            too_new_log_event_start_index: new,
            too_old_log_event_end_index: old,
            expired_log_event_end_index: None,
        };
        assert_eq!(rejected(Some(2), Some(9)).count(10), 3);
        assert_eq!(rejected(None, None).count(10), 0);
        assert_eq!(rejected(Some(99), None).count(10), 10);
    }
}
