//! Replays request logs through IAM policies and reports usage, rate limits and denials.
