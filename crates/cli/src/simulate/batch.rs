//! Many cases, a line each.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use miette::{Context, IntoDiagnostic};
use tollgate_policy::simulate::answer;

use crate::exit::{Exit, Outcome};
use crate::world::World;

/// Answers every line of the file, in order and as soon as it is read.
///
/// A line that is no case is answered by what is wrong with it, and the others are answered all the
/// same; the run then ends as one whose input could not be read.
pub(super) fn answer_all(path: &str, world: &World) -> Outcome {
    let (mut refused, mut first, mut number) = (0_u64, 0_u64, 0_u64);
    let mut input = open(path)?;
    let mut line = Vec::new();
    while next_line(&mut *input, &mut line).into_diagnostic().wrap_err_with(|| unreadable(path))? {
        number += 1;
        let answer = answer(&line).unwrap_or_else(|refusal| {
            first = if refused == 0 { number } else { first };
            refused += 1;
            refusal
        });
        world.write(None, format!("{answer}\n").as_bytes())?;
    }
    match refused {
        0 => Ok(Exit::Ok),
        1 => Err(miette::miette!("line {first} of `{path}` is no case; its answer says why")),
        _ => Err(miette::miette!(
            "{refused} lines of `{path}` are no cases, the first is line {first}; their answers say why"
        )),
    }
}

fn open(path: &str) -> miette::Result<Box<dyn BufRead>> {
    if path == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).into_diagnostic().wrap_err_with(|| unreadable(path))?;
    Ok(Box::new(BufReader::new(file)))
}

fn unreadable(path: &str) -> String {
    format!("cannot read `{path}`")
}

/// Reads a line without its end; false when there are no more.
fn next_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input.read_until(b'\n', line)?;
    while let Some(b'\n' | b'\r') = line.last() {
        line.pop();
    }
    Ok(read > 0)
}
