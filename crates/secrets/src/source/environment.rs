//! A secret in an environment variable.

use tollgate_literals::told;

use super::{Environment, Read, Reading, Source, SourceError, Version, secret_at};
use crate::reference::EnvironmentReference;

/// Reads a variable of the environment that was handed in.
pub struct EnvironmentSource {
    reference: EnvironmentReference,
    environment: Environment,
}

impl EnvironmentSource {
    /// The variable that the reference names.
    pub fn new(reference: EnvironmentReference, environment: Environment) -> Self {
        Self { reference, environment }
    }

    fn look_up(&self) -> Result<Reading, SourceError> {
        let place = format!("environment variable `{}`", told(&self.reference.env));
        let value = (self.environment)(&self.reference.env);
        let value = value
            .ok_or_else(|| SourceError::missing(format!("{place} is not set, or is empty")))?;
        let secret = secret_at(place, value)?;
        Ok(Reading { secret, version: Version::new("environment"), expires: None })
    }
}

impl Source for EnvironmentSource {
    fn read(&self) -> Read<'_> {
        Box::pin(async { self.look_up() })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[track_caller]
    fn check(name: &str, expected: Result<&str, &str>) {
        let environment: Environment = Arc::new(|name: &str| match name {
            "TOKEN" => Some("vanilla".to_owned()),
            "LINES" => Some("van\nilla".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        });
        let source = EnvironmentSource::new(EnvironmentReference { env: name.into() }, environment);
        let read = source.look_up();
        let actual = read.as_ref().map(|reading| reading.secret.expose());
        assert_eq!(actual.map_err(ToString::to_string), expected.map_err(str::to_owned));
    }

    #[test]
    fn a_variable_is_read_or_named() {
        check("TOKEN", Ok("vanilla"));
        check("TOKENS", Err("environment variable `TOKENS` is not set, or is empty"));
        check("LINES", Err("environment variable `LINES`: the value contains a line feed"));
        check("vanilla0XY1", Err("environment variable `…` is not set, or is empty"));
        check("EMPTY", Err("environment variable `EMPTY`: the value is empty"));
    }
}
