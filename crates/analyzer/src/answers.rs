//! How requests were answered: the same counts of everything that they are counted by.

use serde::{Deserialize, Serialize};

use crate::series::Measure;

/// Requests, and how many of them were refused, throttled, wrong or failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answers {
    /// Requests.
    pub requests: u64,
    /// Of these, answered 401 or 403.
    pub refused: u64,
    /// Of these, answered 429.
    pub throttled: u64,
    /// Of these, answered 4xx, with the two above.
    pub client_errors: u64,
    /// Of these, answered 5xx.
    pub failed: u64,
}

impl Answers {
    /// Counts a request by the status that its client received.
    #[inline]
    pub(crate) fn add(&mut self, status: Option<u16>) {
        self.requests += 1;
        match status {
            Some(500..) => self.failed += 1,
            Some(status @ 400..) => {
                self.client_errors += 1;
                self.refused += u64::from(matches!(status, 401 | 403));
                self.throttled += u64::from(status == 429);
            }
            _ => {}
        }
    }
}

impl Measure for Answers {
    #[inline]
    fn with(self, other: Answers) -> Answers {
        Answers {
            requests: self.requests + other.requests,
            refused: self.refused + other.refused,
            throttled: self.throttled + other.throttled,
            client_errors: self.client_errors + other.client_errors,
            failed: self.failed + other.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_their_class() {
        let mut answers = Answers::default();
        let statuses = [200, 304, 401, 403, 404, 429, 499, 500, 504, 999].map(Some);
        statuses.into_iter().chain([None]).for_each(|status| answers.add(status));
        let Answers { requests, refused, throttled, client_errors, failed } = answers;
        assert_eq!([requests, refused, throttled, client_errors, failed], [11, 2, 1, 5, 3]);
        assert_eq!(answers.with(answers).requests, 22);
    }
}
