//! Requests whose end two servers could see at different places.

use super::attacks;

attacks! { "framing.toml":
    content_length_and_transfer_encoding,
    transfer_encoding_and_content_length,
    transfer_encodings,
    content_lengths,
    line_feeds_alone,
    folded_headers,
    headers_that_are_none,
    chunks,
    trailers,
    upgrades,
    versions,
    bodies_of_refused_requests,
    pipelines,
}
