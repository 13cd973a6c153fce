//! However a log grows, and whatever it is, the runs over it together find what one run finds.

use std::fs;

use tollgate_log::{LineAccount, ScanState};

use crate::{append, common, gzip, line, read, run};

/// Appends a log in pieces, with a run after each. All runs together find what one run finds.
#[track_caller]
fn check_pieces(name: &str, pieces: &[Vec<u8>]) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    let (mut statuses, mut account) = (Vec::new(), LineAccount::default());
    // One run more, which finds nothing added to what waited for its end.
    for piece in pieces.iter().map(Vec::as_slice).chain([&[][..]]) {
        append(&log, piece);
        let (found, lines) = run(folder.path(), &mut state);
        statuses.extend(found);
        account += lines;
    }
    let (mut found, lines, _) = read(folder.path(), None);
    // Requests of an execution log come when they are complete, or at the end.
    statuses.sort_unstable();
    found.sort_unstable();
    assert_eq!((statuses, account), (found, lines), "{name} in {} pieces", pieces.len());
    assert_eq!(run(folder.path(), &mut state).1.total(), 0, "{name}");
}

#[test]
fn the_runs_together_find_what_one_finds() {
    let lines: String = (200..212).map(line).collect();
    let clf: String = (200..212)
        .map(|status| {
            let time = "21/Nov/2025:04:40:01 +0000";
            format!(
                "10.0.0.1 - - [{time}] \"GET /a HTTP/1.1\" {status} 7 id-{status} ext-{status}=\n"
            )
        })
        .collect();
    let stamped: String = (200..206)
        .map(|status| format!("2025-11-21T04:40:01.000Z {{\n \"status\":\"{status}\"\n}}\n"))
        .collect();
    let table: String = (200..212).map(|status| format!("{status},\"/a\n\"\"b\"\"\"\n")).collect();
    let table = format!("status,path\n{table}");
    let insights: String = (200..212)
        .map(|status| format!("2025-11-21 04:40:01.000,\"{{\"\"status\"\":{status}}}\"\r\n"))
        .collect();
    let insights = format!("@timestamp,@message\r\n{insights}");
    let documents: Vec<Vec<u8>> = (200..206)
        .map(|status| {
            let message = line(status).trim().replace('"', "\\\"");
            let event =
                format!("{{\"id\":\"{status}\",\"timestamp\":1,\"message\":\"{message}\"}}");
            format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{event}]}}").into()
        })
        .collect();
    let execution: String = (200..212)
        .flat_map(|status| {
            let [id, next] = [status, status + 1];
            [
                format!("({id}) Extended Request Id: ext-{id}=\n"),
                format!("({next}) Starting execution for request: {next}\n"),
                format!("({id}) Method completed with status: {status}\n"),
            ]
        })
        .collect();
    for size in [13, 83] {
        let pieces =
            |text: &str| -> Vec<_> { text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect() };
        check_pieces("JSON", &pieces(&lines));
        check_pieces("JSON without a last newline", &pieces(lines.trim_end()));
        check_pieces("JSON that ends early", &pieces(&lines[..lines.len() - 9]));
        check_pieces("CLF", &pieces(&clf));
        check_pieces("CLF without a last newline", &pieces(clf.trim_end()));
        check_pieces("S3 export", &pieces(&stamped));
        check_pieces("a table", &pieces(&table));
        check_pieces("a table without a last newline", &pieces(table.trim_end()));
        check_pieces("results of Insights", &pieces(&insights));
        check_pieces("execution logs", &pieces(&execution));
        check_pieces("glued documents", &pieces(&String::from_utf8_lossy(&documents.concat())));
    }
    let packed =
        |pack: fn(&str) -> Vec<u8>| -> Vec<_> { (200..206).map(line).map(|l| pack(&l)).collect() };
    check_pieces("members of gzip", &packed(gzip));
    check_pieces("frames of zstd", &packed(|line| zstd::encode_all(line.as_bytes(), 1).unwrap()));
    check_pieces("documents", &documents);
}

#[test]
fn a_table_that_grew_goes_on_under_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("a.csv");
    let mut state = ScanState::default();
    append(&table, "status,path\n200,/a\n201,/b\n");
    assert_eq!(run(folder.path(), &mut state).0, [200, 201]);
    assert_eq!(run(folder.path(), &mut state).1.total(), 0);
    append(&table, "202,/c\n");
    assert_eq!(run(folder.path(), &mut state).0, [202]);
    let packed = folder.path().join("b.csv.gz");
    append(&packed, gzip("status,path\n203,/a\n"));
    assert_eq!(run(folder.path(), &mut state).0, [203]);
    append(&packed, gzip("204,/a\n"));
    assert_eq!(run(folder.path(), &mut state).0, [204]);
}

#[test]
fn a_request_may_begin_in_one_run_and_end_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    let mut state = ScanState::default();
    append(&log, "(id-1) Extended Request Id: A=\n(id-2) Extended Request Id: B=\n");
    append(&log, "(id-2) Method completed with status: 201\n");
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.as_slice(), account.total(), account.incomplete), (&[201][..], 3, 0));
    append(&log, "(id-2) X-ray Tracing ID : 1\n(id-1) Method completed with status: 200\n");
    append(&log, "(id-3) Extended Request Id: C=\n");
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.as_slice(), account.total(), account.incomplete), (&[200][..], 3, 0));
    let (found, account) = run(folder.path(), &mut state);
    assert_eq!((found.len(), account.total(), account.incomplete), (1, 0, 1), "it never ends");
    assert_eq!(run(folder.path(), &mut state).1.records, 0);
}

#[test]
fn every_fixture_may_grow() {
    for log in common::logs() {
        let bytes = fs::read(&log).unwrap();
        // In its head, all that it is told by must be there.
        for cut in 1..6 {
            let (head, rest) = bytes.split_at(bytes.len() / 2 + bytes.len() * cut / 12);
            let (middle, end) = rest.split_at(rest.len() / 2);
            let name = format!("{} from {}", log.display(), head.len());
            check_pieces(&name, &[head.to_vec(), middle.to_vec(), end.to_vec()]);
        }
    }
}
