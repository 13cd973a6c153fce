//! Any text is a moment or none, and a moment written in common log format is read back.

#![no_main]

use jiff::Timestamp;
use jiff::tz::Offset;
use libfuzzer_sys::fuzz_target;
use tollgate_log::time;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fuzz_target!(|input: (Vec<u8>, u32, i8)| {
    let (text, seconds, hours) = input;
    let _ = time::parse(&text);
    let Ok(moment) = Timestamp::from_second(i64::from(seconds)) else { return };
    let hours = hours.clamp(-12, 14);
    let civil = Offset::constant(hours).to_datetime(moment);
    let month = MONTHS[usize::from(civil.month().unsigned_abs()) - 1];
    let (day, year) = (civil.day(), civil.year());
    let (hour, minute, second) = (civil.hour(), civil.minute(), civil.second());
    let sign = if hours < 0 { '-' } else { '+' };
    let zone = hours.unsigned_abs();
    let clf = format!("{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} {sign}{zone:02}00");
    assert_eq!(time::parse(clf.as_bytes()), Some(i64::from(seconds) * 1000), "{clf}");
    assert_eq!(time::parse(moment.to_string().as_bytes()), Some(i64::from(seconds) * 1000));
});
