//! tollgate: IAM for any API, on the command line.

fn main() {}
