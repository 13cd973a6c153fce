//! Tests to begin from: a few of every principal, since a principal stands for its policies.

use std::collections::BTreeMap;

use tollgate_policy::PolicyType;

use crate::bundle::Bundle;
use crate::expand::Cell;

/// How many cells of one principal are taken.
const OF_ONE_MAX: usize = 6;
/// How many cells are taken.
const ALL_MAX: usize = 36;

/// The cells to begin from, in their order.
pub(crate) fn seeds<'a>(cells: impl Iterator<Item = &'a Cell>) -> Vec<&'a Cell> {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let few = |cell: &'a Cell| {
        let count = taken.entry(&cell.principal).or_default();
        *count += 1;
        (*count <= OF_ONE_MAX).then_some(cell)
    };
    cells.filter_map(few).take(ALL_MAX).collect()
}

/// Whether a request may be asked of another principal: only where all policies are attached to
/// the resource, so that the principal does not change which policies apply.
pub(crate) fn takes_any_principal(bundle: &Bundle) -> bool {
    let of_resource = |layer| matches!(layer, PolicyType::Resource | PolicyType::RoleTrust);
    bundle.policies().iter().all(|policy| of_resource(policy.policy_type()))
}
