//! All fields of a type, by its own `Deserialize`: a deserializer that has a value for every field.

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor, value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Type, then field.
pub type Schema = BTreeMap<String, BTreeMap<String, Field>>;

/// What a field holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// A type that has fields itself.
    pub child: Option<String>,
    /// It is a list.
    pub list: bool,
    /// It is a mapping from names.
    pub map: bool,
    /// A plain value that it takes.
    pub sample: serde_json::Value,
}

/// The types reachable from `T`, which says that it is `kind` of `api_version`.
pub fn of<T: de::DeserializeOwned>(api_version: &str, kind: &str) -> Schema {
    let schema = RefCell::default();
    let all = All { schema: &schema, field: None, api_version, kind };
    T::deserialize(all).unwrap_or_else(|e| panic!("{kind}: {e}"));
    schema.into_inner()
}

/// A value that has everything.
#[derive(Clone, Copy)]
struct All<'a> {
    schema: &'a RefCell<Schema>,
    /// Where it stands: a type and its field.
    field: Option<(&'static str, &'static str)>,
    api_version: &'a str,
    kind: &'a str,
}

/// What `volumeClaimTemplates` hold.
const CLAIM: &str = "PersistentVolumeClaim";

type Error = value::Error;

impl All<'_> {
    // As little as possible stands in what is made anew for each type: there are hundreds.
    fn is(&self, change: &dyn Fn(&mut Field)) {
        let Some((owner, field)) = self.field else { return };
        let mut schema = self.schema.borrow_mut();
        change(schema.get_mut(owner).expect("entered").get_mut(field).expect("entered"));
    }

    /// A type that has fields begins.
    fn enter(&self, name: &'static str, fields: &'static [&'static str]) {
        self.is(&|f| f.child = Some(name.into()));
        let mut schema = self.schema.borrow_mut();
        schema.entry(name.to_owned()).or_insert_with(|| {
            fields.iter().map(|f| ((*f).to_owned(), Field::default())).collect()
        });
    }
}

impl<'de> Deserializer<'de> for All<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(&|f| f.sample = "1".into());
        visitor.visit_str("1")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(&|f| f.sample = true.into());
        visitor.visit_bool(true)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(&|f| f.sample = 1.into());
        visitor.visit_i32(1)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(&|f| f.sample = 1.into());
        visitor.visit_i64(1)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // It reads as a time, too.
        const TEXT: &str = "2020-01-01T00:00:00Z";
        self.is(&|f| f.sample = TEXT.into());
        match self.field {
            Some((owner, "apiVersion")) if owner == self.kind => {
                visitor.visit_str(self.api_version)
            }
            Some((owner, "kind")) if owner == self.kind => visitor.visit_str(self.kind),
            // Whole objects within others.
            Some((CLAIM, "apiVersion")) => visitor.visit_str("v1"),
            Some((CLAIM, "kind")) => visitor.visit_str(CLAIM),
            _ => visitor.visit_str(TEXT),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(&|f| f.list = true);
        visitor.visit_seq(One { all: self, left: true })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.is(&|f| f.map = true);
        visitor.visit_map(One { all: self, left: true })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.enter(name, fields);
        visitor.visit_map(Fields { all: self, name, left: fields, now: "" })
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
        enum identifier ignored_any
    }
}

/// A list or mapping with one element.
struct One<'a> {
    all: All<'a>,
    left: bool,
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let there = std::mem::take(&mut self.left);
        there.then(|| seed.deserialize(self.all)).transpose()
    }
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let there = std::mem::take(&mut self.left);
        there.then(|| seed.deserialize(value::StrDeserializer::new("key"))).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.all)
    }
}

struct Fields<'a> {
    all: All<'a>,
    name: &'static str,
    left: &'static [&'static str],
    now: &'static str,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((first, rest)) = self.left.split_first() else { return Ok(None) };
        (self.now, self.left) = (first, rest);
        seed.deserialize(value::StrDeserializer::new(first)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(All { field: Some((self.name, self.now)), ..self.all })
    }
}
