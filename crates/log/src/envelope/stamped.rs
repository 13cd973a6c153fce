//! Lines with a timestamp before the message: S3 exports and `aws logs tail`.

use std::sync::Arc;

use memchr::{memchr, memmem, memrchr};
use serde::{Deserialize, Serialize};

use super::{Block, EVENT_BYTES_MAX, Event, Events, Origin, Rest, is_object};
use crate::rows::NO_TIME;
use crate::time;

/// The shortest timestamp, `2016-10-01T10:55:45`, and the longest,
/// `2016-10-01T10:55:45.602000+00:00`.
const STAMP_BYTES_MIN: usize = 19;
const STAMP_BYTES_MAX: usize = 35;

/// More bytes than stand before a message: timestamp, colours and the name of a stream.
const STAMP_ROOM: usize = 4096;

/// Splits a line's timestamp off: the moment and where the rest begins.
fn stamp(line: &[u8]) -> Option<(i64, usize)> {
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T', ..] = line else { return None };
    let head = line.get(..STAMP_BYTES_MAX + 1).unwrap_or(line);
    let end = head.iter().position(|c| matches!(c, b' ' | b'\r' | b'\n')).unwrap_or(line.len());
    let stamp = line.get(..end).filter(|stamp| stamp.len() >= STAMP_BYTES_MIN)?;
    Some((time::parse(stamp)?, (end + 1).min(line.len())))
}

/// Whether a line begins with a timestamp, and whether that is followed by a
/// stream's name. `aws logs tail` names the stream where it writes an offset.
pub(crate) fn is_stamped(line: &[u8]) -> Option<bool> {
    let line = uncolored(line);
    let (_, rest) = stamp(&line)?;
    let stamp = line.get(..rest)?.trim_ascii_end();
    let message = line.get(rest..)?;
    let is_message = message.first().is_some_and(|c| matches!(c, b'{' | b'(' | b'<'));
    Some(stamp.ends_with(b"+00:00") && !is_message)
}

/// The state of the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Stamped {
    with_stream: bool,
    /// That of the last event, to be shared with the next.
    #[serde(skip)]
    origin: Option<Arc<Origin>>,
    /// The last event was too long, and its other lines are dropped.
    passing: bool,
    /// Lines before this one were looked at, and have no timestamp but the first.
    #[serde(skip)]
    searched: usize,
}

impl Stamped {
    pub(super) fn new(with_stream: bool) -> Stamped {
        Stamped { with_stream, origin: None, passing: false, searched: 0 }
    }

    /// Whether a stream's name stands before each message.
    pub(super) fn with_stream(&self) -> bool {
        self.with_stream
    }

    /// How an input ends whose last event this is. It may be continued by lines to come; but only
    /// of what begins like JSON can be told whether it must be.
    pub(super) fn rest(&self, event: &[u8]) -> Rest {
        let all = Rest { bytes: event.len(), may_go_on: !event.is_empty() };
        match self.message(&uncolored(event)) {
            // The end of a colour may follow.
            message if is_object(message) => {
                let may_go_on = !event.ends_with(b"\n") && memchr(0x1b, event).is_some();
                Rest { may_go_on, ..all }
            }
            message if message.starts_with(b"{") => all,
            _ if event.ends_with(b"\n") => Rest::default(),
            _ => all,
        }
    }

    /// The message of an event.
    fn message<'a>(&self, event: &'a [u8]) -> &'a [u8] {
        let (_, start) = stamp(event).unwrap_or_default();
        let message = event.get(start..).unwrap_or_default();
        let stream = if self.with_stream { stream_bytes(message) } else { 0 };
        message.get(stream..).unwrap_or_default().trim_ascii()
    }

    /// How much of the input is whole events: all lines before the last one
    /// with a timestamp, because more lines may continue that. Of an event that
    /// is too long, what there is.
    pub(super) fn whole(&mut self, pending: &[u8], finished: bool) -> usize {
        let whole = self.whole_lines(pending, finished);
        let lines = memrchr(b'\n', pending).map_or(0, |newline| newline + 1);
        self.searched = if whole == 0 { lines } else { 0 };
        whole
    }

    fn whole_lines(&self, pending: &[u8], finished: bool) -> usize {
        if finished {
            return pending.len();
        }
        let too_long = pending.len() > EVENT_BYTES_MAX + STAMP_ROOM;
        let all = if too_long { pending.len() } else { 0 };
        let lines = memrchr(b'\n', pending).map_or(0, |newline| newline + 1);
        // The line that has no end yet, then the others from the last one on.
        let (mut start, mut end) = (lines, pending.len());
        loop {
            let line = pending.get(start..end).unwrap_or_default();
            let told = end <= lines || line.len() > STAMP_ROOM;
            if told && stamp(&uncolored(line)).is_some() {
                return if start > 0 { start } else { all };
            }
            if start == 0 {
                // These lines belong to no event.
                return if lines > 0 { lines } else { all };
            }
            end = start;
            let before = pending.get(..end - 1).unwrap_or_default();
            start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
            if start < self.searched {
                start = 0;
            }
        }
    }

    /// Lists the events of a block.
    pub(super) fn list(&mut self, block: Block) -> Block {
        let Block { bytes, offset, .. } = block;
        let colored = memchr(0x1b, &bytes).is_some();
        let bytes = if colored { uncolored(&bytes).into_owned() } else { bytes };
        let mut events: Vec<Event> = Vec::new();
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let len = memchr(b'\n', rest).map_or(rest.len(), |newline| newline + 1);
            let line = rest.get(..len).unwrap_or(rest);
            let end = at + line.trim_ascii_end().len();
            match (stamp(line), events.last_mut()) {
                (Some((time, skip)), _) => {
                    self.passing = false;
                    let mut event = self.event(at + skip, at + len, line.get(skip..), time);
                    event.offset = offset + at as u64;
                    event.end = end.max(event.start);
                    events.push(event);
                }
                (None, Some(before)) if before.time != NO_TIME => before.end = end.max(before.end),
                (None, _) if self.passing => {}
                // Lines before the first timestamp continue nothing.
                (None, _) => {
                    events.push(Event::message(at, end.max(at), offset + at as u64));
                }
            }
            at += len;
        }
        for event in &mut events {
            event.end = event.end.min(event.start + EVENT_BYTES_MAX);
        }
        let stamped = |event: &Event| event.time != NO_TIME;
        self.passing |=
            events.last().is_some_and(|e| stamped(e) && e.end - e.start == EVENT_BYTES_MAX);
        Block { bytes, offset, events: Events::Listed(events) }
    }

    /// An event whose message, after the stream's name if there is one,
    /// begins at `start`.
    fn event(&mut self, start: usize, end: usize, rest: Option<&[u8]>, time: i64) -> Event {
        let event = Event { time, ..Event::message(start.min(end), end, 0) };
        let Some(rest) = rest.filter(|_| self.with_stream) else { return event };
        let len = stream_bytes(rest);
        let stream = String::from_utf8_lossy(rest.get(..len).unwrap_or_default());
        if self.origin.as_ref().is_none_or(|origin| origin.stream != stream) {
            let stream = stream.into_owned();
            self.origin = Some(Arc::new(Origin { stream, ..Origin::default() }));
        }
        Event { start: (start + len + 1).min(end), origin: self.origin.clone(), ..event }
    }
}

/// How long the name of the stream is that stands there.
fn stream_bytes(rest: &[u8]) -> usize {
    rest.iter().position(|c| matches!(c, b' ' | b'\n' | b'\r')).unwrap_or(rest.len())
}

/// Text without the colours of a terminal: `ESC [ … m`.
fn uncolored(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if memchr(0x1b, text).is_none() {
        return text.into();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(escape) = memmem::find(rest, b"\x1b[") {
        let (before, after) = rest.split_at_checked(escape).unwrap_or((rest, &[]));
        plain.extend_from_slice(before);
        let end = after.iter().skip(2).position(|c| !matches!(c, b'0'..=b'9' | b';'));
        rest = after.get(end.map_or(after.len(), |end| end + 3)..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(with_stream: bool, text: &str) -> Vec<(String, Option<String>, i64)> {
        let mut stamped = Stamped::new(with_stream);
        let block = Block { bytes: text.into(), offset: 0, events: Events::Lines };
        let Block { bytes, events: Events::Listed(events), .. } = stamped.list(block) else {
            panic!("a list");
        };
        let message =
            |event: &Event| String::from_utf8(bytes[event.start..event.end].to_vec()).unwrap();
        let stream = |event: &Event| event.origin.as_ref().map(|origin| origin.stream.clone());
        events.iter().map(|event| (message(event), stream(event), event.time)).collect()
    }

    #[test]
    fn a_line_without_a_timestamp_continues_the_event() {
        let events = list(false, "1970-01-01T00:00:01.000Z a {\n  b\n}\n1970-01-01T00:00:02Z c\n");
        assert_eq!(events, [("a {\n  b\n}".to_owned(), None, 1000), ("c".to_owned(), None, 2000)]);
    }

    #[test]
    fn tail_names_the_stream_and_colours_it() {
        let text =
            "\x1b[32m1970-01-01T00:00:01+00:00\x1b[0m \x1b[36m2024/12/08/[$LATEST]ab\x1b[0m hi\n";
        assert_eq!(is_stamped(text.as_bytes()), Some(true));
        let stream = Some("2024/12/08/[$LATEST]ab".to_owned());
        assert_eq!(list(true, text), [("hi".to_owned(), stream, 1000)]);
    }

    #[test]
    fn the_last_event_waits_for_its_continuation() {
        let mut stamped = Stamped::new(false);
        let text = b"1970-01-01T00:00:01Z a\nb\n1970-01-01T00:00:02Z c\nd\n";
        assert_eq!(stamped.whole(text, false), 25);
        assert_eq!(stamped.whole(text, true), text.len());
        assert_eq!(stamped.whole(b"no time\nnor", false), 8);
    }

    #[test]
    fn what_is_no_timestamp() {
        for line in ["2016-10-01 10:55:45 x", "10.0.0.1 - -", "2016-13-01T10:55:45Z x", "2016"] {
            assert_eq!(is_stamped(line.as_bytes()), None, "`{line}`");
        }
        assert_eq!(is_stamped(b"2016-10-01T10:55:45.602Z x"), Some(false));
        assert_eq!(is_stamped(b"2016-10-01T10:55:45 x"), Some(false));
    }
}
