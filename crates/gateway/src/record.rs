//! The access log's line of one request, in API Gateway's vocabulary, refused requests included.
//!
//! It is written while the request is under way, in the order in which things come to be known, so
//! that nothing has to be kept for it. Every line has the same fields in the same order, every value
//! but the first is text, and what is not known is `-`: so `tollgate analyze` learns the template
//! from the first lines.

use std::net::IpAddr;

/// The line of a request. Whatever part of it is passed over, because the request did not come so
/// far or nothing was asked, is written as not known.
#[derive(Debug)]
pub(crate) struct Record {
    line: Vec<u8>,
    /// How many parts have been written.
    written: usize,
}

/// A part of a line: what comes to be known together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<const N: usize> {
    /// Its place among all parts.
    place: usize,
    names: &'static [Name; N],
}

/// What stands between the value before and this one. It is copied with what follows it, because a
/// copy whose length is known beforehand takes no call; then the rest is cut off.
#[derive(Debug)]
struct Name {
    text: [u8; 32],
    length: usize,
}

impl Name {
    const fn new(name: &str) -> Name {
        let mut text = [0; 32];
        text.split_at_mut(name.len()).0.copy_from_slice(name.as_bytes());
        Name { text, length: name.len() }
    }
}

/// The names of all fields, part by part.
const PARTS: [&[Name]; 8] = [
    ARRIVED.names,
    ROUTED.names,
    VERIFIED.names,
    DECIDED.names,
    PLANNED.names,
    LOOKED_UP.names,
    ANSWERED.names,
    ENDED.names,
];

/// When the request arrived is a number, so nothing closes it. The id has no letter that JSON would
/// escape.
const TIME: &[u8] = b"{\"requestTimeEpoch\":";
const ID: &[u8] = b",\"requestId\":\"";

macro_rules! part {
    ($place:literal: $($name:literal),+) => {
        Part { place: $place, names: &[$(Name::new(concat!("\",\"", $name, "\":\""))),+] }
    };
}

/// What is known when a request arrives, beside its id. The caller is told both ids, and can choose
/// neither.
const ARRIVED: Part<5> = part![0: "extendedRequestId", "httpMethod", "protocol", "ip", "userAgent"];
/// Where it goes. `path` is the canonical one, which is decided and forwarded, so that a replay of the
/// log decides the same: behind the stage, also where the host stands for that, or else a path that
/// begins like the stage could be read in two ways. A path that has no canonical form, or is of no API,
/// is never decided, and is as it arrived. `resourcePath` is the route, with its placeholders.
pub(crate) const ROUTED: Part<6> =
    part![1: "domainName", "accountId", "apiId", "stage", "path", "resourcePath"];
/// Who signed it: `caller` is the unique id.
pub(crate) const VERIFIED: Part<3> = part![2: "userArn", "caller", "accessKey"];
/// `allowed`, `explicitDeny` or `implicitDeny`; the statements that decided; and where none allowed,
/// the one that came nearest.
pub(crate) const DECIDED: Part<3> = part![3: "decision", "determinedBy", "nearest"];
/// The third party, and the aliases of the credentials that are injected.
pub(crate) const PLANNED: Part<2> = part![4: "upstream", "credential"];
/// `hit` or `miss`, where anything is cached.
pub(crate) const LOOKED_UP: Part<1> = part![5: "cacheStatus"];
/// What the upstream answered, how many milliseconds after it was asked, and what it says of its
/// rate limit.
pub(crate) const ANSWERED: Part<8> = part![6: "integrationStatus", "integrationLatency", "rlLimit",
    "rlRemaining", "rlUsed", "rlReset", "rlResource", "retryAfter"];
/// What the caller received: the status, 499 if it went away before; how many bytes of a body; how
/// many milliseconds after the request arrived that was over. Then what a refused caller was told,
/// API Gateway's name for that kind of refusal, and what went wrong at the upstream.
const ENDED: Part<6> = part![7: "status", "responseLength", "responseLatency", "errorMessage",
    "errorType", "integrationErrorMessage"];

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'v> {
    Unknown,
    Text(&'v str),
    Number(u64),
    Address(IpAddr),
}

/// Room for a line of a usual length.
const LINE_BYTES: usize = 1024;

impl Record {
    /// Begins the line of a request that arrived so many milliseconds after 1970.
    pub(crate) fn begin(time_ms: i64, id: &[u8; 36], arrived: [Value<'_>; 5]) -> Record {
        let mut record = Record { line: Vec::with_capacity(LINE_BYTES), written: 0 };
        record.line.extend_from_slice(TIME);
        if time_ms < 0 {
            record.line.push(b'-');
        }
        record.digits(time_ms.unsigned_abs());
        record.line.extend_from_slice(ID);
        record.line.extend_from_slice(id);
        record.write(ARRIVED, arrived);
        record
    }

    /// Writes a part of the line, behind those that come before it. A part that has its place in
    /// the line already keeps it.
    pub(crate) fn write<const N: usize>(&mut self, part: Part<N>, values: [Value<'_>; N]) {
        for names in PARTS.get(self.written..part.place).unwrap_or_default() {
            names.iter().for_each(|name| self.field(name, Value::Unknown));
        }
        if self.written <= part.place {
            self.written = part.place + 1;
            part.names.iter().zip(&values).for_each(|(name, value)| self.field(name, *value));
        }
    }

    /// Ends the line.
    pub(crate) fn end(&mut self, ended: [Value<'_>; 6]) -> &[u8] {
        self.write(ENDED, ended);
        self.line.extend_from_slice(b"\"}\n");
        &self.line
    }

    fn field(&mut self, name: &Name, value: Value<'_>) {
        let start = self.line.len();
        self.line.extend_from_slice(&name.text);
        self.line.truncate(start + name.length);
        match value {
            Value::Text(text) if !text.is_empty() => self.text(text),
            Value::Text(_) | Value::Unknown => self.line.push(b'-'),
            Value::Number(number) => self.digits(number),
            Value::Address(address) => self.address(address),
        }
    }

    /// Names and most values are text that JSON writes as it is; so a general serializer, which
    /// looks for escapes in every name, takes five times as long.
    fn text(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            return self.line.extend_from_slice(text.as_bytes());
        }
        // The serializer writes the quotes, too. Text in memory can always be written.
        self.line.pop();
        let _ = serde_json::to_writer(&mut self.line, text);
        self.line.pop();
    }

    /// The formatter of IPv4 addresses, which could pad them, takes four times as long as its four
    /// numbers.
    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [first, others @ ..] = address.octets();
                self.digits(first.into());
                for octet in others {
                    self.line.push(b'.');
                    self.digits(octet.into());
                }
            }
            IpAddr::V6(address) => self.line.extend_from_slice(address.to_string().as_bytes()),
        }
    }

    fn digits(&mut self, number: u64) {
        let (mut digits, mut left, mut start) = ([b'0'; 20], number, 20);
        for (place, digit) in digits.iter_mut().enumerate().rev() {
            *digit += u8::try_from(left % 10).unwrap_or_default();
            (left, start) = (left / 10, place);
            if left == 0 {
                break;
            }
        }
        self.line.extend_from_slice(digits.get(start..).unwrap_or_default());
    }
}

/// Whether JSON writes a text as it is. It is looked at in chunks, of which the last may overlap the
/// one before.
fn is_plain(text: &[u8]) -> bool {
    match text.len() {
        16.. => text.as_chunks::<16>().0.iter().all(is_plain_chunk) && has_plain_ends::<16>(text),
        8.. => has_plain_ends::<8>(text),
        4.. => has_plain_ends::<4>(text),
        _ => text.iter().all(|byte| is_plain_chunk(&[*byte])),
    }
}

fn has_plain_ends<const N: usize>(text: &[u8]) -> bool {
    let ends = [text.first_chunk::<N>(), text.last_chunk::<N>()];
    ends.into_iter().flatten().all(is_plain_chunk)
}

/// Every byte is looked at, so that the compiler can look at all of them at once.
fn is_plain_chunk<const N: usize>(chunk: &[u8; N]) -> bool {
    let is_plain = |byte: &u8| (*byte >= b' ') & (*byte != b'"') & (*byte != b'\\');
    chunk.iter().fold(true, |all, byte| all & is_plain(byte))
}

impl<'v, T: AsRef<str> + ?Sized> From<&'v T> for Value<'v> {
    fn from(text: &'v T) -> Value<'v> {
        Value::Text(text.as_ref())
    }
}

impl<'v, T: AsRef<str> + ?Sized> From<Option<&'v T>> for Value<'v> {
    fn from(text: Option<&'v T>) -> Value<'v> {
        text.map_or(Value::Unknown, Value::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn addresses_are_written_as_they_are_everywhere(address in any::<IpAddr>()) {
            let mut arrived = arrived("");
            arrived[3] = Value::Address(address);
            let line = parse(Record::begin(0, &ID, arrived).end([Value::Unknown; 6]));
            prop_assert_eq!(&line["ip"], &address.to_string());
        }
    }

    const ID: [u8; 36] = *b"d0c6b0a2-1f9e-4b7e-9a53-0f6a1c2b3d4e";

    fn arrived(user_agent: &str) -> [Value<'_>; 5] {
        let mut values = [Value::Unknown; 5];
        values[4] = user_agent.into();
        values
    }

    fn parse(line: &[u8]) -> serde_json::Value {
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(line).unwrap()
    }

    /// The names of a line whose values have no commas.
    fn names(line: &[u8]) -> Vec<&str> {
        let fields = str::from_utf8(line).unwrap().split(',');
        fields.map(|field| field.split(':').next().unwrap()).collect()
    }

    #[test]
    fn every_line_has_the_same_fields_in_the_same_order() {
        let mut all = Record::begin(-5, &ID, arrived("me"));
        all.write(ROUTED, [Value::Unknown; 6]);
        all.write(VERIFIED, ["arn".into(), Value::Unknown, "AKIA".into()]);
        all.write(DECIDED, ["allowed".into(), "policy.json:1:1".into(), Value::Unknown]);
        all.write(PLANNED, [Value::Unknown; 2]);
        all.write(LOOKED_UP, ["miss".into()]);
        all.write(ANSWERED, [Value::Number(200); 8]);
        let all = all.end([Value::Number(0); 6]);
        let mut few = Record::begin(1_763_700_000_123, &ID, arrived(""));
        few.write(DECIDED, ["implicitDeny".into(), "".into(), "policy.json:1:1".into()]);
        let few = few.end([Value::Unknown; 6]);
        assert_eq!(names(all), names(few));
        let (all, few) = (parse(all), parse(few));
        assert_eq!((&all["requestTimeEpoch"], &all["status"]), (&(-5).into(), &"0".into()));
        assert_eq!((&few["decision"], &few["userArn"]), (&"implicitDeny".into(), &"-".into()));
        assert_eq!(few["requestId"].as_str().map(str::as_bytes), Some(&ID[..]));
    }

    #[test]
    fn every_number_has_a_place() {
        for number in [0, 7, 10, 4_096, u64::MAX] {
            let mut ended = [Value::Unknown; 6];
            ended[1] = Value::Number(number);
            let line = parse(Record::begin(0, &ID, arrived("")).end(ended));
            assert_eq!(line["responseLength"], number.to_string());
        }
    }

    #[test]
    fn what_has_been_written_stays() {
        let mut record = Record::begin(0, &ID, arrived(""));
        record.write(LOOKED_UP, ["hit".into()]);
        record.write(LOOKED_UP, ["miss".into()]);
        record.write(DECIDED, ["allowed".into(), Value::Unknown, Value::Unknown]);
        let line = parse(record.end([Value::Unknown; 6]));
        assert_eq!((&line["cacheStatus"], &line["decision"]), (&"hit".into(), &"-".into()));
    }

    #[test]
    fn what_json_escapes_is_found_wherever_it_is() {
        for length in 0..40 {
            let text = vec![b'~'; length];
            assert!(is_plain(&text), "{length}");
            for (place, escaped) in (0..length).flat_map(|at| [(at, b'"'), (at, b'\\'), (at, 31)]) {
                let mut text = text.clone();
                text[place] = escaped;
                assert!(!is_plain(&text), "{escaped} at {place} of {length}");
            }
        }
    }

    #[test]
    fn a_client_cannot_write_a_line_of_its_own() {
        let user_agent = "a\"}\n{\"status\":\"200";
        let mut record = Record::begin(0, &ID, arrived(user_agent));
        let mut ended = [Value::Unknown; 6];
        ended[0] = Value::Number(403);
        let line = parse(record.end(ended));
        assert_eq!((&line["status"], &line["userArn"]), (&"403".into(), &"-".into()));
        assert_eq!(line["userAgent"], user_agent);
    }
}
