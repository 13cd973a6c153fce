//! From a request's bytes to its parameters: AWS's query protocol.
//!
//! Parameters come in the query of a `GET` or in the form of a `POST`; those of a presigned request
//! (`X-Amz-…`) are the signature's. A parameter counts once: of two, the one that was checked might
//! not be the one that is used.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use percent_encoding::percent_decode;

use crate::action::shown;
use crate::{Fault, FaultCode};

/// The longest form. AWS's longest request is a policy, 50 tags and a web identity token.
pub const FORM_BYTES_MAX: usize = 128 * 1024;

/// The most parameters of a request: 50 tags of two each, and room.
const PARAMETERS_MAX: usize = 256;

/// The parameters of a request that are not yet accounted for.
///
/// Values may be secret (a web identity token), so it does not print.
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the parameters of a request's query and body, both raw.
    ///
    /// # Errors
    /// [`FaultCode::MalformedQueryString`] for too much of anything, for what is not UTF-8, and for a
    /// parameter that is there twice.
    pub fn parse(query: &[u8], body: &[u8]) -> Result<Query, Fault> {
        if query.len().saturating_add(body.len()) > FORM_BYTES_MAX {
            return Err(malformed(format!("more than {FORM_BYTES_MAX} bytes of parameters")));
        }
        let mut parameters = BTreeMap::new();
        for pair in pairs(query).chain(pairs(body)) {
            let (name, value) = pair?;
            if name.starts_with("X-Amz-") {
                continue;
            }
            if parameters.len() == PARAMETERS_MAX {
                return Err(malformed(format!("more than {PARAMETERS_MAX} parameters")));
            }
            match parameters.entry(name) {
                Entry::Vacant(entry) => entry.insert(value),
                Entry::Occupied(entry) => {
                    let name = shown(entry.key());
                    return Err(malformed(format!("the parameter {name} is there twice")));
                }
            };
        }
        Ok(Query(parameters))
    }

    /// The value of a parameter, which is thereby accounted for.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// The values of `NAME.member.1`, `NAME.member.2` … in order, as far as they go without a gap.
    pub(crate) fn take_list(&mut self, name: &str) -> Vec<String> {
        (1..).map_while(|number: u32| self.take(&format!("{name}.member.{number}"))).collect()
    }

    /// The members of `NAME.member.N`, each by the names of its fields, as far as they go without a
    /// gap.
    pub(crate) fn take_records<const N: usize>(
        &mut self,
        name: &str,
        fields: [&str; N],
    ) -> Vec<[Option<String>; N]> {
        let record = |number: u32| {
            let record = fields.map(|field| self.take(&format!("{name}.member.{number}.{field}")));
            record.iter().any(Option::is_some).then_some(record)
        };
        (1..).map_while(record).collect()
    }

    /// Nothing may be left: what would be ignored might be what the caller relies on.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name = shown(name);
                let message = format!("The parameter {name} is not recognized by this action");
                Err(Fault::new(FaultCode::InvalidQueryParameter, message))
            }
        }
    }
}

fn pairs(form: &[u8]) -> impl Iterator<Item = Result<(String, String), Fault>> {
    form.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).map(|piece| {
        let equals = piece.iter().position(|byte| *byte == b'=');
        let (name, value) = match equals {
            Some(at) => (piece.get(..at), piece.get(at + 1..)),
            None => (Some(piece), None),
        };
        Ok((decode(name.unwrap_or_default())?, decode(value.unwrap_or_default())?))
    })
}

/// `+` is a space, and an escape is a byte of UTF-8.
fn decode(text: &[u8]) -> Result<String, Fault> {
    let spaced: Vec<u8> =
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    match percent_decode(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(malformed("a parameter is not UTF-8")),
    }
}

fn malformed(what: impl std::fmt::Display) -> Fault {
    Fault::new(FaultCode::MalformedQueryString, format!("The query string is malformed: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, body: &[u8], expected: Result<&[(&str, &str)], &str>) {
        let actual = Query::parse(query.as_bytes(), body);
        let actual = actual.as_ref().map(|query| {
            let pairs = query.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            pairs.collect::<Vec<_>>()
        });
        let expected = expected.map(<[_]>::to_vec);
        let expected = expected.map_err(malformed);
        assert_eq!(actual, expected.as_ref().cloned(), "{query}");
    }

    #[test]
    fn parameters_come_from_the_query_and_from_the_form() {
        check("Action=A&X-Amz-Date=1", b"B=2", Ok(&[("Action", "A"), ("B", "2")]));
        check("", b"a=%C3%A9+b%2Bc&&d&e=f=g", Ok(&[("a", "é b+c"), ("d", ""), ("e", "f=g")]));
        check("", b"a=%zz%", Ok(&[("a", "%zz%")]));
    }

    #[test]
    fn a_parameter_counts_once() {
        check("a=1", b"a=1", Err("the parameter a is there twice"));
        check("", b"a=1&%61=2", Err("the parameter a is there twice"));
        // A name of the caller's is one line of the log, whatever it is.
        check("", b"a%0A=1&a%0A=2", Err("the parameter a\u{fffd} is there twice"));
    }

    #[test]
    fn what_is_too_much_or_no_text_is_refused() {
        check("", b"a=%ff", Err("a parameter is not UTF-8"));
        check("", &[b'a'; FORM_BYTES_MAX + 1], Err("more than 131072 bytes of parameters"));
        let many: String = (0..=PARAMETERS_MAX).map(|number| format!("a{number}=&")).collect();
        check(&many, b"", Err("more than 256 parameters"));
    }

    #[test]
    fn lists_end_at_a_gap_and_what_is_left_is_named() {
        let form =
            b"T.member.1.Key=a&T.member.1.Value=b&T.member.2.Key=c&L.member.1=x&L.member.3=y";
        let mut query = Query::parse(b"", form).unwrap_or_else(|fault| panic!("{fault}"));
        let text = |text: &str| Some(text.to_owned());
        let records = query.take_records("T", ["Key", "Value"]);
        assert_eq!(records, [[text("a"), text("b")], [text("c"), None]]);
        assert_eq!(query.take_list("L"), ["x"]);
        let fault = query.finish().unwrap_err();
        assert_eq!(
            fault.to_string(),
            "InvalidQueryParameter: The parameter L.member.3 is not recognized by this action"
        );
    }
}
