//! A value of any type that WAMP knows, and the dictionaries in a message's options and details.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Id;

/// A value of any type that a WAMP message may carry.
///
/// JSON has no type for bytes. There WAMP writes them as a string: the
/// character U+0000, then the bytes in Base64 (specification, "Binary
/// Data in JSON"). Reading and writing a `Value` converts both ways.
///
/// ```
/// use transparency_middleware::messages::Value;
///
/// let value: Value = serde_json::from_str(r#"[1, -1, 0.5, "\u0000aGVsbG8="]"#)?;
/// let bytes = Value::Bytes(b"hello".to_vec());
/// let expected = [Value::from(1), Value::from(-1), Value::from(0.5), bytes];
/// assert_eq!(value, Value::List(expected.into()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// JSON's `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits into an `i64`.
    Integer(i64),
    /// A whole number above `i64::MAX`; smaller ones are an [`Value::Integer`].
    Unsigned(u64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A list of values.
    List(Vec<Value>),
    /// Values by name.
    Dict(Dict),
}

impl Value {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, if this is one. A number is none: WAMP keeps them apart.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if this is a whole number that is not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    /// The id, if this is a whole number from 1 to 2^53.
    pub fn as_id(&self) -> Option<Id> {
        self.as_u64().and_then(Id::new)
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The bytes of memory that it takes elsewhere.
    fn size(&self) -> usize {
        match self {
            Value::String(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(items) => {
                let item = |item: &Value| size_of::<Value>() + item.size();
                items.iter().map(item).sum()
            }
            Value::Dict(dict) => dict.size(),
            _ => 0,
        }
    }

    /// The entries, if this is a dictionary.
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Value::Dict(dict) => Some(dict),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Value::Integer(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Value::Unsigned(number), Value::Integer)
    }
}

impl From<Id> for Value {
    fn from(id: Id) -> Self {
        Value::from(id.get())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_string())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<Dict> for Value {
    fn from(dict: Dict) -> Self {
        Value::Dict(dict)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

/// Values by name, in the order in which they were put in or came over the wire.
///
/// Small by nature (options, details, features), so it is a list that is searched from its start.
/// An empty one, the commonest, costs no memory.
///
/// ```
/// use transparency_middleware::messages::Dict;
///
/// let options = Dict::new().with("match", "prefix").with("get_retained", true);
/// assert_eq!(options.str("match"), Some("prefix"));
/// assert!(options.flag("get_retained"));
/// assert!(!options.flag("acknowledge"));
/// ```
#[derive(Clone, Default)]
pub struct Dict(Vec<(String, Value)>);

impl Dict {
    /// A dictionary with nothing in it.
    pub const fn new() -> Self {
        Dict(Vec::new())
    }

    /// The same dictionary with one more entry.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.insert(key, value);
        self
    }

    /// Puts a value under a name. A value that stood there before is replaced.
    pub fn insert(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_string(), value)),
        }
    }

    /// The value under a name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// The text under a name; `None` also when it is not text.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// Whether `true` is under a name.
    pub fn flag(&self, key: &str) -> bool {
        self.bool(key) == Some(true)
    }

    /// The truth value under a name; `None` also when it is none.
    pub fn bool(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// The whole number under a name; `None` also when it is negative or no whole number.
    pub fn u64(&self, key: &str) -> Option<u64> {
        self.get(key)?.as_u64()
    }

    /// The id under a name; `None` also when it is no id.
    pub fn id(&self, key: &str) -> Option<Id> {
        self.get(key)?.as_id()
    }

    /// The list under a name; `None` also when it is not a list.
    pub fn list(&self, key: &str) -> Option<&[Value]> {
        self.get(key)?.as_list()
    }

    /// The dictionary under a name; `None` also when it is none.
    pub fn dict(&self, key: &str) -> Option<&Dict> {
        self.get(key)?.as_dict()
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn size(&self) -> usize {
        let entry = |(name, value): &(String, Value)| {
            size_of::<(String, Value)>() + name.len() + value.size()
        };
        self.0.iter().map(entry).sum()
    }

    /// A name that is there twice, which WAMP forbids.
    fn repeated_key(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
            .windows(2)
            .find(|pair| pair[0] == pair[1])
            .map(|pair| pair[0])
    }
}

/// Two dictionaries are equal when they have the same
/// values under the same names, in whatever order.
impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(name, value)| other.get(name) == Some(value))
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Dict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Not `serialize_unit`, which cbor4ii writes as an empty list.
            Value::Null => serializer.serialize_none(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Unsigned(number) => serializer.serialize_u64(*number),
            // serde_json would write null.
            Value::Float(number) if serializer.is_human_readable() && !number.is_finite() => {
                Err(S::Error::custom("NaN and Infinity have no form in JSON"))
            }
            Value::Float(number) => serializer.serialize_f64(*number),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) if serializer.is_human_readable() => {
                serializer.serialize_str(&format!("\0{}", BASE64.encode(bytes)))
            }
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Dict(dict) => dict.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let as_text = deserializer.is_human_readable();
        AnyValue { as_text }.deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for Dict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Dict(dict) => Ok(dict),
            _ => Err(D::Error::custom("expected a dictionary")),
        }
    }
}

/// Reads any value; `as_text` where bytes come as Base64 in a string.
#[derive(Clone, Copy)]
struct AnyValue {
    as_text: bool,
}

impl<'de> DeserializeSeed<'de> for AnyValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that WAMP knows")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i128<E: serde::de::Error>(self, number: i128) -> Result<Value, E> {
        let unsigned = u64::try_from(number).map(Value::from);
        unsigned
            .or_else(|_| i64::try_from(number).map(Value::Integer))
            .map_err(|_| E::custom("a whole number beyond 64 bits"))
    }

    fn visit_u128<E: serde::de::Error>(self, number: u128) -> Result<Value, E> {
        u64::try_from(number)
            .map(Value::from)
            .map_err(|_| E::custom("a whole number beyond 64 bits"))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        // What is no Base64 was meant as text.
        let base64 = text.strip_prefix('\0').filter(|_| self.as_text);
        let bytes = base64.and_then(|base64| BASE64.decode(base64).ok());
        Ok(bytes.map_or_else(|| Value::String(text.to_string()), Value::Bytes))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut dict = Dict::new();
        while let Some(name) = map.next_key::<String>()? {
            dict.0.push((name, map.next_value_seed(self)?));
        }
        match dict.repeated_key() {
            Some(name) => Err(A::Error::custom(format!("the key {name:?} is there twice"))),
            None => Ok(Value::Dict(dict)),
        }
    }
}
