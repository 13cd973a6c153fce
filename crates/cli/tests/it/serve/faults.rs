//! What the machine can do to the process.

use std::fs;
use std::time::Duration;

use tollgate_services::Python;

use super::demo::{check, python};
use super::process::{Running, folder, github};

/// The disk that holds one of the logs is full: callers are served and refused as ever, the operator
/// is told, every line is counted, and the other log has them all.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_keeps_nobody_waiting() {
    let Some(interpreter) = Python::with(&["requests", "aws_requests_auth"]) else { return };
    let upstream = github(&interpreter);
    let folder = folder(&upstream.url);
    let path = folder.path().join("tollgate.toml");
    let manifest = fs::read_to_string(&path).unwrap().replace("access.jsonl", "/dev/full");
    fs::write(&path, manifest).unwrap();
    let running = Running::start(folder.path());
    for _ in 0..3 {
        check(&running, python("aws_requests_auth_client.py"));
    }
    running.wait_for("the access log cannot be written");
    let mut page = String::new();
    for _ in 0..200 {
        page = running.page("/metrics").1;
        if page.contains("\ntollgate_log_lines_lost 6\n") {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(page.contains("\ntollgate_log_lines_lost 6\n"), "{page}");
    assert_eq!(running.page("/healthz").0, 200);
    let lines = running.said().lines().filter(|line| line.starts_with("{\"requestTime")).count();
    assert_eq!(lines, 6, "{}", running.said());
    assert_eq!(running.stop(), Some(0));
}
