//! One row of the request table, read by name.

use arrow::array::{
    Array, ArrayAccessor, StringViewArray, TimestampMillisecondArray, UInt16Array, UInt64Array,
};
use tollgate_log::{Batch, Field, Projection};

use crate::intern::{Interner, OTHER_NUMBER};

macro_rules! columns {
    ($($name:ident: $field:ident $read:ident $array:ident $value:ty;)*) => {
        /// The columns of a batch that analysis reads.
        pub(crate) struct Columns<'a> {
            rows: usize,
            $($name: Option<&'a $array>,)*
        }

        impl<'a> Columns<'a> {
            /// The columns of a batch.
            pub(crate) fn of(batch: &Batch<'a>) -> Columns<'a> {
                Columns { rows: batch.records.num_rows(), $($name: told(batch.$read(Field::$field)),)* }
            }
        }

        impl<'a> Row<'_, 'a> {
            $(
                #[doc = concat!("[`Field::", stringify!($field), "`].")]
                #[inline]
                pub(crate) fn $name(self) -> Option<$value> {
                    value(self.columns.$name?, self.index)
                }
            )*
        }

        /// Every column that analysis reads.
        pub(crate) fn projection() -> Projection {
            Projection::of([$(Field::$field),*])
        }
    };
}

columns! {
    time: Time times TimestampMillisecondArray i64;
    api_id: ApiId text StringViewArray &'a str;
    stage: Stage text StringViewArray &'a str;
    method: Method text StringViewArray &'a str;
    resource_path: ResourcePath text StringViewArray &'a str;
    route_key: RouteKey text StringViewArray &'a str;
    path: Path text StringViewArray &'a str;
    status: Status statuses UInt16Array u16;
    response_latency: ResponseLatency numbers UInt64Array u64;
    integration_latency: IntegrationLatency numbers UInt64Array u64;
    integration_status: IntegrationStatus statuses UInt16Array u16;
    user_arn: UserArn text StringViewArray &'a str;
    caller_id: Caller text StringViewArray &'a str;
    user: User text StringViewArray &'a str;
    organization: PrincipalOrgId text StringViewArray &'a str;
    source_ip: SourceIp text StringViewArray &'a str;
    user_agent: UserAgent text StringViewArray &'a str;
    vpc: VpcId text StringViewArray &'a str;
    vpc_endpoint: VpceId text StringViewArray &'a str;
    error_type: ErrorType text StringViewArray &'a str;
    action: Action text StringViewArray &'a str;
    resource: Resource text StringViewArray &'a str;
    upstream: Upstream text StringViewArray &'a str;
    credential: Credential text StringViewArray &'a str;
    rate_limit: RateLimit numbers UInt64Array u64;
    rate_remaining: RateRemaining numbers UInt64Array u64;
    rate_used: RateUsed numbers UInt64Array u64;
    rate_reset: RateReset times TimestampMillisecondArray i64;
    rate_bucket: RateResource text StringViewArray &'a str;
    rate_policy: RatePolicy text StringViewArray &'a str;
    rate_state: RateState text StringViewArray &'a str;
    token_limit: TokenLimit numbers UInt64Array u64;
    token_left: TokenRemaining numbers UInt64Array u64;
    token_reset: TokenReset times TimestampMillisecondArray i64;
    retry_after: RetryAfter numbers UInt64Array u64;
}

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'r, 'a> {
    columns: &'r Columns<'a>,
    index: usize,
}

impl<'a> Columns<'a> {
    /// The rows, in the order of the log.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_, 'a>> {
        (0..self.rows).map(|index| Row { columns: self, index })
    }
}

/// A column that has values; of one without any, no row needs to be asked.
fn told<A: Array>(column: Option<&A>) -> Option<&A> {
    column.filter(|column| column.null_count() < column.len())
}

/// What a row tells of where its call went: API, stage, method, third party, credential. Rows with the
/// same labels tell the same.
#[derive(Clone, Copy)]
pub(crate) struct Labels([u128; 5]);

impl Labels {
    /// Whether they are the same.
    #[inline]
    pub(crate) fn are(&self, others: &Labels) -> bool {
        // All of them: to compare the arrays would be a call.
        self.0.iter().zip(&others.0).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
    }

    /// Whether the method is told by its own name.
    pub(crate) fn tell_method(&self) -> bool {
        let Labels([_, _, method, _, _]) = self;
        *method != UNTOLD
    }

    /// Whether the third party is.
    pub(crate) fn tell_upstream(&self) -> bool {
        let Labels([_, _, _, upstream, _]) = self;
        *upstream != UNTOLD
    }
}

/// In the place of a text that there is none of; no label is equal to it.
const UNTOLD: u128 = u128::MAX;

/// The longest text, in bytes, that a view holds all of.
const SHORT_MAX: u32 = 12;

impl Row<'_, '_> {
    /// What it tells of where its call went. `long` gives longer texts their numbers; `None` for too
    /// many of them.
    #[inline]
    pub(crate) fn labels(self, long: &mut Interner) -> Option<Labels> {
        let Columns { api_id, stage, method, upstream, credential, .. } = self.columns;
        let mut labels = [UNTOLD; 5];
        let columns = [api_id, stage, method, upstream, credential];
        for (label, column) in labels.iter_mut().zip(columns) {
            let Some(column) = column.filter(|column| column.is_valid(self.index)) else {
                continue;
            };
            let view = *column.views().get(self.index)?;
            // A short text is its view's.
            *label = match view as u32 {
                ..=SHORT_MAX => view,
                _ => long_label(view, column.value(self.index), long)?,
            };
        }
        Some(Labels(labels))
    }
}

/// The label of a text that its view does not hold: its length, its first bytes, its number.
fn long_label(view: u128, text: &str, long: &mut Interner) -> Option<u128> {
    let number = Some(long.number(text)).filter(|number| *number != OTHER_NUMBER)?;
    Some(u128::from(view as u64) | u128::from(number) << 64)
}

#[inline]
fn value<A: ArrayAccessor>(array: A, index: usize) -> Option<A::Item> {
    array.is_valid(index).then(|| array.value(index))
}
