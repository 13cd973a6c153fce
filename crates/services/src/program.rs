//! Interpreters, with the packages that a test needs.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A Python that has the modules a test asked for.
#[derive(Clone, Debug)]
pub struct Python(PathBuf);

/// A Node that has the packages a test asked for.
#[derive(Clone, Debug)]
pub struct Node(());

impl Python {
    /// The Python of `TOLLGATE_PYTHON`, else `python3`, if it has these modules. Otherwise the test
    /// is skipped.
    ///
    /// # Panics
    /// With `TOLLGATE_REQUIRE_SERVICES=1`, if it is not there or lacks a module.
    #[track_caller]
    pub fn with(modules: &[&str]) -> Option<Python> {
        let path = std::env::var("TOLLGATE_PYTHON").map_or("python3".into(), PathBuf::from);
        let python = Python(path);
        let lacking: Vec<&str> =
            modules.iter().copied().filter(|module| !python.has(module)).collect();
        if lacking.is_empty() {
            return Some(python);
        }
        super::skip(&format!("{} for `{}`", lacking.join(", "), python.0.display()));
        None
    }

    /// A command of it, whose output is unbuffered.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.0);
        command.arg("-u");
        command
    }

    fn has(&self, module: &str) -> bool {
        // Found is enough: importing botocore takes half a second.
        let script =
            "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";
        succeeds(self.command().args(["-c", script, module]))
    }
}

impl Node {
    /// Node, if it has these packages. Otherwise the test is skipped.
    ///
    /// # Panics
    /// With `TOLLGATE_REQUIRE_SERVICES=1`, if it is not there or lacks a package.
    #[track_caller]
    pub fn with(packages: &[&str]) -> Option<Node> {
        let node = Node(());
        let lacks = |package: &&&str| {
            !succeeds(node.command().args(["-e", "require.resolve(process.argv[1])", package]))
        };
        let lacking: Vec<&str> = packages.iter().filter(lacks).copied().collect();
        if lacking.is_empty() {
            return Some(node);
        }
        super::skip(&format!("{} for Node", lacking.join(", ")));
        None
    }

    /// A command of it.
    pub fn command(&self) -> Command {
        Command::new("node")
    }
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
