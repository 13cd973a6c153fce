//! Where the reader is: a JSON pointer, kept as a list on the stack until someone needs its text.

/// A path from the root of a document.
#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Name(&'p str),
    Index(usize),
}

/// The longest name that a pointer repeats, in bytes.
const NAME_BYTES_MAX: usize = 256;

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub(super) fn name(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Name(name) }
    }

    pub(super) fn index(&'p self, index: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// The pointer's text. It ends before a name that is too long to repeat.
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    /// Writes the pointer; `false` if it had to end early.
    fn write(&self, pointer: &mut String) -> bool {
        let whole = self.parent.is_none_or(|parent| parent.write(pointer));
        match self.step {
            _ if !whole => return false,
            Step::Root => {}
            Step::Name(name) if name.len() > NAME_BYTES_MAX => return false,
            Step::Name(name) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_and_end_before_long_names() {
        let statement = Path::ROOT.name("Statement");
        let first = statement.index(0);
        assert_eq!(first.name("a/b~c").pointer(), "/Statement/0/a~1b~0c");
        let long = "x".repeat(257);
        assert_eq!(first.name(&long).index(3).pointer(), "/Statement/0");
        assert_eq!(Path::ROOT.pointer(), "");
    }
}
