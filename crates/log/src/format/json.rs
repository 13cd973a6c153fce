//! Any JSON object as a record: any order of keys, nesting and escapes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::names::{NameMap, Target};
use crate::rows::{Home, Rows, View};
use crate::schema::{FIELDS_MAX, Field};

/// Distinct keys that are remembered; beyond, the memory is cleared.
const KEYS_MAX: usize = 4096;

/// How deep objects are flattened; deeper ones are kept as text.
const DEPTH_MAX: usize = 8;

/// Fields of which a record has at least one, or it is no request. Every row that `convert` wrote
/// says whether it is suspect, though it may say nothing else.
pub(crate) const CORE: &[Field] = &[
    Field::Status,
    Field::Method,
    Field::ResourcePath,
    Field::RouteKey,
    Field::Path,
    Field::Action,
    Field::Suspect,
];

/// What is known about a key.
#[derive(Debug, Clone, Copy)]
struct Key {
    target: Option<Target>,
    /// The record in which it was seen last.
    seen: u64,
}

/// What a JSON object turned out to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// It has a field that only requests have.
    pub(crate) request: bool,
    /// A key occurs twice. The first one counts.
    pub(crate) duplicate: bool,
    /// It is in CloudWatch's embedded metric format.
    pub(crate) metric: bool,
    /// It is a CloudTrail record.
    pub(crate) trail: bool,
}

/// Reads JSON objects into rows.
#[derive(Debug)]
pub(crate) struct JsonReader {
    names: NameMap,
    keys: HashMap<String, Key>,
    record: u64,
}

impl JsonReader {
    pub(crate) fn new(names: NameMap) -> JsonReader {
        JsonReader { names, keys: HashMap::new(), record: 0 }
    }

    /// Reads the object that `text` begins with into the last row; `home` is
    /// where `text` stands. Returns what it was, and its length.
    pub(crate) fn read(
        &mut self,
        text: &str,
        home: Home,
        rows: &mut Rows,
    ) -> Result<(Traits, usize), serde_json::Error> {
        self.record += 1;
        if self.keys.len() > KEYS_MAX {
            self.keys.clear();
        }
        let extra = rows.layout().has(Field::Extra).then(Map::new);
        let mut record = Record {
            reader: self,
            text,
            home,
            rows,
            ranks: [u8::MAX; FIELDS_MAX],
            path: String::new(),
            depth: 0,
            extra,
            traits: Traits::default(),
        };
        let mut stream = serde_json::Deserializer::from_str(text);
        stream.deserialize_map(&mut record)?;
        let (traits, extra) = (record.traits, record.extra.take());
        let used = stream.into_iter::<serde::de::IgnoredAny>().byte_offset();
        if let Some(extra) = extra.filter(|extra| !extra.is_empty()) {
            rows.set_text(Field::Extra, &Value::Object(extra).to_string());
        }
        Ok((traits, used))
    }

    /// Where a key goes, and whether this record had it before.
    fn note(&mut self, name: &str) -> (Option<Target>, bool) {
        if let Some(key) = self.keys.get_mut(name) {
            let duplicate = key.seen == self.record;
            key.seen = self.record;
            return (key.target, duplicate);
        }
        let target = self.names.target(name);
        self.keys.insert(name.to_owned(), Key { target, seen: self.record });
        (target, false)
    }
}

/// One object being read.
struct Record<'a, 'r> {
    reader: &'r mut JsonReader,
    text: &'a str,
    home: Home,
    rows: &'r mut Rows,
    ranks: [u8; FIELDS_MAX],
    path: String,
    depth: usize,
    extra: Option<Map<String, Value>>,
    traits: Traits,
}

impl<'a> Record<'a, '_> {
    /// Notes the key that `path` ends with. Returns where its value goes.
    fn enter(&mut self, key: &str) -> (usize, Slot) {
        let parent = self.path.len();
        if parent > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        let (target, duplicate) = self.reader.note(&self.path);
        if parent == 0 {
            self.traits.metric |= key == "_aws";
            self.traits.trail |= key == "userIdentity";
        }
        if duplicate {
            self.traits.duplicate = true;
            return (parent, Slot::Ignored);
        }
        (parent, target.map_or(Slot::Extra, |target| self.slot(target)))
    }

    fn slot(&mut self, target: Target) -> Slot {
        self.traits.request |= CORE.contains(&target.field);
        match self.ranks.get_mut(target.field as usize) {
            Some(best) if target.rank < *best => {
                *best = target.rank;
                Slot::Field(target.field)
            }
            _ => Slot::Ignored,
        }
    }

    fn put(&mut self, slot: Slot, value: Cow<'a, str>) {
        match slot {
            Slot::Field(field) if !self.rows.layout().has(field) => {}
            Slot::Field(field) => {
                let view = match value {
                    Cow::Borrowed(value) => self.view(value),
                    Cow::Owned(value) => self.rows.keep(&value),
                };
                self.rows.set(field, view);
            }
            Slot::Extra if value != "-" && !value.is_empty() => {
                if let Some(extra) = &mut self.extra {
                    extra.insert(self.path.clone(), Value::String(value.into_owned()));
                }
            }
            Slot::Extra | Slot::Ignored => {}
        }
    }

    /// The view of a slice of the text.
    fn view(&mut self, value: &'a str) -> View {
        let inside = (value.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        match inside.filter(|at| at + value.len() <= self.text.len()) {
            Some(at) => View::new(self.text.as_bytes(), at, at + value.len(), self.home),
            None => self.rows.keep(value),
        }
    }
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Field(Field),
    Extra,
    Ignored,
}

impl<'a> Visitor<'a> for &mut Record<'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<Name<'a>>()? {
            let (parent, slot) = self.enter(&key.0);
            map.next_value_seed(Element { record: self, slot })?;
            self.path.truncate(parent);
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Name)
    }
}

/// The value after a key.
struct Element<'s, 'a, 'r> {
    record: &'s mut Record<'a, 'r>,
    slot: Slot,
}

impl<'a> DeserializeSeed<'a> for Element<'_, 'a, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Element<'_, 'a, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.record.put(self.slot, Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.record.put(self.slot, Cow::Owned(text.to_owned()));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.record.put(self.slot, Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.record.put(self.slot, Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.record.put(self.slot, Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.record.put(self.slot, Cow::Borrowed(if flag { "true" } else { "false" }));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut sequence: S) -> Result<(), S::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element::<Value>()? {
            values.push(value);
        }
        self.record.put(self.slot, Cow::Owned(Value::Array(values).to_string()));
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let record = self.record;
        if record.depth == DEPTH_MAX {
            let mut object = Map::new();
            while let Some((key, value)) = map.next_entry::<String, Value>()? {
                object.entry(key).or_insert(value);
            }
            record.put(self.slot, Cow::Owned(Value::Object(object).to_string()));
            return Ok(());
        }
        record.depth += 1;
        let outcome = (&mut *record).visit_map(map);
        record.depth -= 1;
        outcome
    }
}
