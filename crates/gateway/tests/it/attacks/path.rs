//! Paths, methods and hosts that could be read in more than one way.

use super::{Attacked, attacks, raw};

attacks! { "path.toml":
    dot_segments,
    encoded_dot_segments,
    dot_segments_with_parameters,
    encoded_slashes,
    what_a_route_opts_in_to,
    empty_segments,
    backslashes,
    escaped_escapes_are_data,
    malformed_escapes,
    overlong_utf8,
    letter_case,
    encoded_letters,
    trailing_slash,
    control_characters,
    what_means_something_in_a_policy,
    fragments,
    targets_that_are_no_path,
    methods,
    method_overrides,
    other_urls_in_headers,
    hosts_that_disagree,
    hosts_of_nobody,
}

#[tokio::test]
async fn a_path_longer_than_4_kib() {
    let attacked = Attacked::start().await;
    let host = attacked.host();
    for (length, status) in [(4096 - "/data/".len(), 200), (4097 - "/data/".len(), 400)] {
        let target = format!("/prod/data/{}", "x".repeat(length));
        let request = raw::signed_get(&host, &target);
        let answers = raw::talk(attacked.gateway.address, &request).await;
        assert_eq!(answers[0].status, status, "{length}");
    }
    assert_eq!(attacked.upstream.seen().len(), 1);
    attacked.settle().await;
}
