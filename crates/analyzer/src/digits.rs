//! Numbers with more digits than a double holds, as texts of JSON: what reads all numbers as doubles and
//! writes them again, as `jq` before 1.7 does, would change others.

use std::num::ParseIntError;

use serde::{Deserialize, Serialize};

/// A number, all of whose 64 bits matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "Written")]
pub(crate) struct Digits(pub(crate) u64);

/// Older versions wrote numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Number(u64),
}

impl From<Digits> for String {
    fn from(Digits(number): Digits) -> String {
        number.to_string()
    }
}

impl TryFrom<Written> for Digits {
    type Error = ParseIntError;

    fn try_from(written: Written) -> Result<Digits, ParseIntError> {
        match written {
            Written::Text(digits) => digits.parse().map(Digits),
            Written::Number(number) => Ok(Digits(number)),
        }
    }
}

/// Pairs of such a number and another.
pub(crate) mod pairs {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Digits;

    pub(crate) fn serialize<S: Serializer>(pairs: &[(u64, u32)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(pairs.iter().map(|&(number, other)| (Digits(number), other)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(u64, u32)>, D::Error> {
        let pairs = Vec::<(Digits, u32)>::deserialize(from)?;
        Ok(pairs.into_iter().map(|(Digits(number), other)| (number, other)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn all_digits_are_kept_wherever_they_stand() {
        let number = Digits(u64::MAX);
        assert_eq!(serde_json::to_string(&number).unwrap(), r#""18446744073709551615""#);
        let keys = BTreeMap::from([(number, number)]);
        let written = serde_json::to_string(&keys).unwrap();
        assert_eq!(serde_json::from_str::<BTreeMap<Digits, Digits>>(&written).unwrap(), keys);
        for text in ["9007199254740993", "\"9007199254740993\""] {
            let read: Digits = serde_json::from_str(text).unwrap();
            assert_eq!(read, Digits((1 << 53) + 1));
        }
        assert!(serde_json::from_str::<Digits>("\"-1\"").is_err());
    }
}
