//! Reads a table and checks its rows one by one.

use rollsim::cluster::PodPhase;
use rollsim::cluster::spec::IntOrPercent;
use rollsim::engine::Dur;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One table file.
pub struct Table {
    name: &'static str,
    groups: Vec<Group>,
    seen: BTreeSet<String>,
    failures: Vec<String>,
}

struct Group {
    id: String,
    cases: Vec<toml::Table>,
}

/// One case of a group, or a table inside one.
pub struct Row<'a> {
    values: &'a toml::Table,
    used: RefCell<BTreeSet<String>>,
    failures: RefCell<Vec<String>>,
    /// Why the row does not apply to the model.
    skipped: RefCell<Option<&'static str>>,
}

/// A value of a row.
pub trait FromToml: Sized {
    fn from_toml(value: &toml::Value) -> Option<Self>;
}

impl Table {
    pub fn read(name: &'static str) -> Table {
        let path = format!("{}/tests/conformance/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("a table");
        let doc: toml::Table = text.parse().expect("valid TOML");
        let groups = doc["group"].as_array().expect("groups").iter().map(Group::read).collect();
        Table { name, groups, seen: BTreeSet::new(), failures: Vec::new() }
    }

    /// Runs `check` on every row of the group.
    pub fn group(&mut self, id: &str, check: impl Fn(&Row)) -> &mut Table {
        let group = self.groups.iter().find(|g| g.id == id).expect("a group of that id");
        assert!(!group.cases.is_empty(), "group {id} has no rows");
        for values in &group.cases {
            let row = Row::new(values);
            let result = catch_unwind(AssertUnwindSafe(|| check(&row)));
            let mut problems = row.failures.take();
            if result.is_err() {
                problems.push("the check panicked".to_owned());
            }
            match row.skipped.take() {
                Some(why) => println!("{}: {id}: row {values} not applied: {why}", self.name),
                None => problems.extend(row.unused()),
            }
            let place = |problem| format!("{}: {id}: {problem}\n    in row {values}", self.name);
            self.failures.extend(problems.into_iter().map(place));
        }
        self.seen.insert(id.to_owned());
        self
    }

    /// A group that later groups of the table refer to.
    pub fn rows(&mut self, id: &str) -> Vec<toml::Table> {
        self.seen.insert(id.to_owned());
        self.groups.iter().find(|g| g.id == id).expect("a group of that id").cases.clone()
    }

    /// Fails if a row did, or a group was left out.
    pub fn finish(&mut self) {
        for group in &self.groups {
            assert!(self.seen.contains(&group.id), "{}: {} was left out", self.name, group.id);
        }
        let failures = &self.failures;
        assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    }
}

impl Group {
    fn read(value: &toml::Value) -> Group {
        let id = value["id"].as_str().expect("an id").to_owned();
        let cases = value["cases"].as_array().expect("cases").iter();
        Group { id, cases: cases.map(|c| c.as_table().expect("a row").clone()).collect() }
    }
}

impl<'a> Row<'a> {
    pub fn new(values: &'a toml::Table) -> Row<'a> {
        Row {
            values,
            used: RefCell::default(),
            failures: RefCell::default(),
            skipped: RefCell::default(),
        }
    }

    /// The value of a key that must be there.
    pub fn get<T: FromToml>(&self, key: &str) -> T {
        self.opt(key).unwrap_or_else(|| panic!("no key {key}"))
    }

    /// The value of a key that may be absent.
    pub fn opt<T: FromToml>(&self, key: &str) -> Option<T> {
        self.used.borrow_mut().insert(key.to_owned());
        let value = self.values.get(key)?;
        Some(T::from_toml(value).unwrap_or_else(|| panic!("{key} = {value} is of another type")))
    }

    /// The rows inside a key, none if it is absent.
    pub fn tables(&self, key: &str) -> Vec<Row<'a>> {
        self.used.borrow_mut().insert(key.to_owned());
        let rows = self.values.get(key).map(|value| value.as_array().expect("rows"));
        let rows = rows.into_iter().flatten();
        rows.map(|row| Row::new(row.as_table().expect("a row"))).collect()
    }

    /// The row inside a key.
    pub fn table(&self, key: &str) -> Option<Row<'a>> {
        self.used.borrow_mut().insert(key.to_owned());
        self.values.get(key).map(|value| Row::new(value.as_table().expect("a row")))
    }

    /// The keys, for rows that map names to values.
    pub fn keys(&self) -> Vec<&'a str> {
        self.values.keys().map(String::as_str).collect()
    }

    /// The value under `key` must be `actual`.
    pub fn expect<T: FromToml + PartialEq + Debug>(&self, key: &str, actual: T) {
        self.same(key, self.get(key), actual);
    }

    /// The value under `key` must be `actual`, where absence stands for None.
    pub fn expect_opt<T: FromToml + PartialEq + Debug>(&self, key: &str, actual: Option<T>) {
        self.same(key, self.opt(key), actual);
    }

    /// `actual` must be `expected`, a value worked out from `key`.
    pub fn same<T: PartialEq + Debug>(&self, key: &str, expected: T, actual: T) {
        if expected != actual {
            let problem = format!("{key} is {expected:?} in the table and {actual:?} here");
            self.failures.borrow_mut().push(problem);
        }
    }

    /// Says that keys matter to people only, or hold no matter what their value is.
    pub fn ignore(&self, keys: &[&str]) {
        self.used.borrow_mut().extend(keys.iter().map(|&key| key.to_owned()));
    }

    /// The row cannot be put to the model.
    pub fn skip(&self, why: &'static str) {
        *self.skipped.borrow_mut() = Some(why);
    }

    fn unused(&self) -> Vec<String> {
        let used = self.used.borrow();
        let about = ["id", "what", "test"];
        let left = self
            .values
            .keys()
            .filter(|key| !used.contains(key.as_str()) && !about.contains(&key.as_str()));
        left.map(|key| format!("nothing looks at key {key}")).collect()
    }
}

impl FromToml for i64 {
    fn from_toml(value: &toml::Value) -> Option<i64> {
        value.as_integer()
    }
}

impl FromToml for i32 {
    fn from_toml(value: &toml::Value) -> Option<i32> {
        value.as_integer()?.try_into().ok()
    }
}

impl FromToml for u32 {
    fn from_toml(value: &toml::Value) -> Option<u32> {
        value.as_integer()?.try_into().ok()
    }
}

impl FromToml for usize {
    fn from_toml(value: &toml::Value) -> Option<usize> {
        value.as_integer()?.try_into().ok()
    }
}

impl FromToml for f64 {
    fn from_toml(value: &toml::Value) -> Option<f64> {
        value.as_float().or_else(|| value.as_integer().map(|n| n as f64))
    }
}

impl FromToml for bool {
    fn from_toml(value: &toml::Value) -> Option<bool> {
        value.as_bool()
    }
}

impl FromToml for String {
    fn from_toml(value: &toml::Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(value: &toml::Value) -> Option<Vec<T>> {
        value.as_array()?.iter().map(T::from_toml).collect()
    }
}

/// Seconds.
impl FromToml for Dur {
    fn from_toml(value: &toml::Value) -> Option<Dur> {
        f64::from_toml(value).map(Dur::from_secs_f64)
    }
}

impl FromToml for PodPhase {
    fn from_toml(value: &toml::Value) -> Option<PodPhase> {
        Some(match value.as_str()? {
            "Pending" => PodPhase::Pending,
            "Unknown" => PodPhase::Unknown,
            "Running" => PodPhase::Running,
            "Succeeded" => PodPhase::Succeeded,
            "Failed" => PodPhase::Failed,
            _ => return None,
        })
    }
}

impl FromToml for IntOrPercent {
    fn from_toml(value: &toml::Value) -> Option<IntOrPercent> {
        if let Some(n) = value.as_integer() {
            return n.try_into().ok().map(IntOrPercent::Int);
        }
        let percent = value.as_str()?.strip_suffix('%')?;
        percent.parse().ok().map(IntOrPercent::Percent)
    }
}

impl Row<'_> {
    /// The text of a key, if it has one that is text.
    pub fn opt_text(&self, key: &str) -> Option<String> {
        self.values.get(key)?.as_str().map(str::to_owned)
    }
}
