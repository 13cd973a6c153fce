//! The report on the bundled example in every format for others, read back.

#![expect(clippy::unwrap_used, reason = "a test fails by saying where")]

use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::util::display::array_value_to_string;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tollgate_analyzer::render::tables::{NAMES, Table, Values, tables};
use tollgate_analyzer::render::{csv as to_csv, html, markdown, parquet as to_parquet};
use tollgate_analyzer::{Analysis, Grouping, Partial, Remedy, Report};
use tollgate_log::{Input, ScanOptions};
use tollgate_store::{Account, Files};

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The report on the example, against itself and in comparison with itself.
fn report() -> Report<'static> {
    let folder = top().join("fixtures/github-proxy");
    let account = Account::read(&Files, &folder.join("tollgate.toml")).unwrap();
    let group_by = [Grouping::parse("role").unwrap(), Grouping::parse("upstream,status").unwrap()];
    let analysis = Analysis {
        account: Some(&account),
        against: Some(&account),
        group_by: &group_by,
        timeline: true,
        ..Analysis::default()
    };
    let inputs = Input::expand(folder.join("logs").to_str().unwrap()).unwrap();
    let options = ScanOptions::new(analysis.projection());
    let (gathered, read) = analysis.scan(&inputs, &options);
    let run: &Partial = Box::leak(Box::new(Partial::new(&analysis, gathered, &read)));
    let (remedies, others) = Remedy::find(&account, run.gathered.outcomes.as_ref().unwrap());
    assert_eq!(others, None);
    let report = Report::new(&run.gathered, run.lines, &run.samples).compared(run, run);
    Report { remedies: Some(remedies), ..report }
}

/// Where this machine keeps the repository is left out of a text.
fn without_folder(text: &str) -> String {
    let folder = top();
    text.replace(&format!("{}/", folder.to_str().unwrap()), "")
}

#[test]
fn the_comment_on_the_example() {
    insta::assert_snapshot!(without_folder(&markdown::render(&report(), 5)));
}

#[test]
fn every_table_has_a_name_that_is_listed() {
    let names: Vec<&str> = tables(&report()).iter().map(|table| table.name).collect();
    assert_eq!(names, NAMES);
}

#[test]
fn the_columns_of_the_tables() {
    let columns = |table: &Table| {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        format!("{} ({} rows): {}\n", table.name, table.rows(), names.join(", "))
    };
    insta::assert_snapshot!(tables(&report()).iter().map(columns).collect::<String>());
}

#[test]
fn csv_and_parquet_hold_the_same_and_no_row_is_lost() {
    for table in tables(&report()) {
        let batch = read_parquet(&to_parquet::render(&table).unwrap());
        let bytes = to_csv::render(&table).unwrap();
        let mut reader = csv::Reader::from_reader(&*bytes);
        let names: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let fields: Vec<String> =
            batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, fields, "{}", table.name);
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!((records.len(), batch.num_rows()), (table.rows(), table.rows()));
        for (row, record) in records.iter().enumerate() {
            let cells: Vec<String> =
                batch.columns().iter().map(|column| cell(column.as_ref(), row)).collect();
            assert_eq!(record.iter().collect::<Vec<_>>(), cells, "{} {row}", table.name);
        }
    }
}

#[test]
fn what_is_so_or_not_is_no_text() {
    // One table tells facts of all kinds in a column.
    for table in tables(&report()).iter().filter(|table| table.name != "about") {
        for column in &table.columns {
            let Values::Text(values) = &column.values else { continue };
            let mut told = values.iter().flatten();
            let is_flag = told.next().is_some_and(|first| first.parse::<bool>().is_ok());
            assert!(!is_flag, "{} {}", table.name, column.name);
        }
    }
}

fn read_parquet(bytes: &[u8]) -> RecordBatch {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    let text = array_value_to_string(column, row).unwrap();
    text.parse::<jiff::Timestamp>().map_or(text, |moment| moment.to_string())
}

/// The JSON inside of a page.
fn embedded(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"report\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_page_holds_the_report_and_it_fits_the_schema() {
    let report = report();
    let held = embedded(&html::render(&report).unwrap());
    assert_eq!(held, serde_json::to_value(&report).unwrap());
    let schema = std::fs::read_to_string(top().join("fixtures/schemas/analyze.schema.json"));
    let schema: Value = serde_json::from_str(&schema.unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&held).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn the_page_loads_nothing() {
    let page = html::render(&report()).unwrap();
    let frame = page.split("<script type=\"application/json\"").next().unwrap();
    for outside in ["http:", "https:", "=\"//", "@import", "url("] {
        let without_doctype = frame.trim_start_matches("<!DOCTYPE html>");
        assert!(!without_doctype.contains(outside), "`{outside}`");
    }
    assert_eq!(page.matches("<script").count(), 3);
}

#[test]
fn every_list_is_a_sum_of_the_timeline() {
    let report = serde_json::to_value(report()).unwrap();
    let timeline = &report["timeline"];
    let sum = |column: usize, value: u64| -> u64 {
        let cells = timeline["cells"].as_array().unwrap().iter();
        let chosen = cells.filter(|cell| cell[column].as_u64() == Some(value));
        chosen.map(|cell| cell[5].as_u64().unwrap()).sum()
    };
    let place = |list: &str, name: &str| {
        let names = timeline[list].as_array().unwrap();
        names.iter().position(|known| known == name).unwrap() as u64
    };
    for caller in report["usage"]["callers"].as_array().unwrap() {
        let place = place("callers", caller["caller"].as_str().unwrap());
        assert_eq!(Some(sum(1, place)), caller["requests"].as_u64(), "{caller}");
    }
    for route in report["usage"]["routes"].as_array().unwrap() {
        let [method, path] = ["method", "route"].map(|name| route[name].as_str().unwrap());
        let place = place("routes", &format!("{method} {path}"));
        assert_eq!(Some(sum(2, place)), route["requests"].as_u64(), "{route}");
    }
    for status in report["usage"]["statuses"].as_array().unwrap() {
        let requests = sum(3, status["status"].as_u64().unwrap());
        assert_eq!(Some(requests), status["requests"].as_u64(), "{status}");
    }
    for (place, group) in (0..).zip(report["denied"].as_array().unwrap()) {
        assert_eq!(Some(sum(4, place)), group["requests"].as_u64(), "{group}");
    }
}
