//! AWS IAM policies, parsed, compiled and decided exactly as AWS does.
