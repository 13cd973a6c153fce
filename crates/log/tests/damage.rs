//! A damaged file, every line of it accounted for, against a count that knows
//! nothing of templates: `serde_json` and a regular damage of our own making.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::fmt::Write;

use tollgate_log::{Decoder, Field, Input, LineAccount, Projection, ScanOptions, scan};

/// Pseudo-random numbers, the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn record(random: &mut Random, at: u64) -> String {
    let mut line = String::new();
    write!(
        line,
        "{{\"requestId\":\"r-{at}\",\"userAgent\":\"client/{}\",\"requestTimeEpoch\":{},\
         \"httpMethod\":\"GET\",\"path\":\"/x/{}\",\"status\":\"{}\"}}",
        random.below(9),
        1_763_700_000_000 + at,
        random.below(1000),
        200 + random.below(300)
    )
    .unwrap();
    line
}

/// A log of which about every tenth line is damaged, and its account.
fn damaged(lines: u64) -> (Vec<u8>, LineAccount) {
    let mut random = Random(7);
    let mut log = Vec::new();
    let mut account = LineAccount::default();
    for at in 0..lines {
        let line = record(&mut random, at);
        match random.below(60) {
            0 => {
                log.extend_from_slice(line.get(..line.len() / 2).unwrap().as_bytes());
                account.quarantined += 1;
            }
            1 => {
                let quoted = line.replace("client/", "Evil\"Client/");
                assert!(serde_json::from_str::<serde_json::Value>(&quoted).is_err());
                log.extend_from_slice(quoted.as_bytes());
                account.recovered += 1;
                account.records += 1;
            }
            2 => {
                log.extend_from_slice(b"\x00\x01\xff");
                account.quarantined += 1;
            }
            3 => account.blank += 1,
            4 => {
                log.extend_from_slice(line.as_bytes());
                log.extend_from_slice(line.as_bytes());
                account.recovered += 1;
                account.records += 2;
                account.suspect += 2;
            }
            5 => {
                log.extend_from_slice(line.replace("\",\"", "\" , \"").as_bytes());
                account.parsed += 1;
                account.records += 1;
            }
            _ => {
                serde_json::from_str::<serde_json::Value>(&line).unwrap();
                log.extend_from_slice(line.as_bytes());
                account.parsed += 1;
                account.records += 1;
            }
        }
        log.push(b'\n');
    }
    (log, account)
}

#[test]
fn every_line_of_a_damaged_file_is_accounted_for() {
    let (log, expected) = damaged(20_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.log");
    std::fs::write(&path, &log).unwrap();
    for (threads, block_bytes) in [(1, 512 << 10), (2, 4096), (4, 100_000)] {
        let options = ScanOptions {
            threads,
            block_bytes,
            ..ScanOptions::new(Projection::of([Field::Status, Field::Time]))
        };
        let scanned = scan(
            &[Input::File(path.clone())],
            &options,
            || 0,
            |rows, batch| {
                *rows += batch.records.num_rows() as u64;
            },
        );
        assert_eq!(scanned.account, expected, "{threads} threads, blocks of {block_bytes}");
        assert_eq!(scanned.account.total(), 20_000);
        assert_eq!(scanned.accumulators.iter().sum::<u64>(), expected.records);
    }
}

#[test]
fn a_quarantined_line_is_where_its_offset_says() {
    let (log, _) = damaged(2_000);
    let mut decoder = Decoder::new("damaged", Projection::NONE);
    log.chunks(999).for_each(|chunk| drop(decoder.push(chunk)));
    decoder.finish();
    let samples = decoder.quarantine().samples();
    assert_eq!(samples.len(), 20);
    for sample in samples {
        let line = log.get(sample.offset as usize..).unwrap();
        let line = line.split(|&c| c == b'\n').next().unwrap();
        let start: String = sample.sample.chars().take(20).collect();
        assert!(String::from_utf8_lossy(line).starts_with(&start) || line.starts_with(b"\0"));
    }
}

#[test]
fn a_damaged_container_gives_what_could_be_read() {
    let (log, _) = damaged(5_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.zst");
    let mut packed = zstd::encode_all(&*log, 1).unwrap();
    packed.truncate(packed.len() / 2);
    std::fs::write(&path, packed).unwrap();
    let options = ScanOptions::new(Projection::NONE);
    let scanned = scan(&[Input::File(path)], &options, || (), |(), _| ());
    let damage = scanned.sources.first().and_then(|source| source.damage.clone());
    assert!(damage.is_some(), "the damage is told");
    assert!(scanned.account.parsed > 100, "{:?}", scanned.account);
    let reasons: Vec<_> = scanned.quarantine.samples().iter().map(|line| &line.reason).collect();
    assert!(scanned.account.quarantined > 0, "{reasons:?}");
}
