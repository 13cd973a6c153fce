//! A security token service that stores nothing: sealed session tokens, AWS's query protocol.
