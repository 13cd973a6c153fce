//! The ARN that a call was authorized against, compared without being written.

use std::cmp::Ordering;

use crate::call::Call;
use crate::places::Places;
use crate::replay::write_resource;

/// An ARN in two pieces; both empty if the log does not tell it.
#[derive(Clone, Copy)]
pub(crate) struct Resource<'t> {
    head: &'t str,
    tail: &'t str,
}

impl<'t> Resource<'t> {
    /// Of a call. `buffer` is for those that no piece is known of.
    #[inline]
    pub(crate) fn of<'a>(
        call: &Call<'t, 'a>,
        places: &'t mut Places<'a>,
        buffer: &'t mut String,
    ) -> Resource<'t> {
        let row = call.row;
        match (row.path(), row.resource(), call.path) {
            (None, Some(tail), _) => return Resource { head: "", tail },
            (.., Some(path)) => {
                if let Some((head, tail)) = places.head(call, path) {
                    return Resource { head: head.text(), tail };
                }
            }
            (.., None) => {}
        }
        match write_resource(buffer, row, call.api(), call.method, call.path) {
            Ok(()) => Resource { head: buffer, tail: "" },
            Err(_) => Resource { head: "", tail: "" },
        }
    }

    /// As text.
    pub(crate) fn text(self) -> String {
        [self.head, self.tail].concat()
    }

    /// In the order of texts.
    #[inline]
    pub(crate) fn compare(self, text: &str) -> Ordering {
        let (head, tail) = (self.head.as_bytes(), self.tail.as_bytes());
        match text.as_bytes().split_at_checked(head.len()) {
            Some((start, rest)) => head.cmp(start).then_with(|| tail.cmp(rest)),
            None => head.cmp(text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_compare_as_their_text(head in "[ab]{0,3}", tail in "[ab]{0,3}", text in "[ab]{0,5}") {
            let resource = Resource { head: &head, tail: &tail };
            prop_assert_eq!(resource.compare(&text), resource.text().as_str().cmp(&text));
        }
    }
}
