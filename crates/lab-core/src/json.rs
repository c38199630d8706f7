//! Reading JSON: what cargo prints.
//!
//! With `tinyjson`, since this is in the way of the first `cargo lab run` and `serde_json` builds
//! far longer. The commands that are built when they are first used take `serde_json`.

use tinyjson::JsonValue;

/// A JSON value of any kind.
pub type Json = JsonValue;

static NULL: Json = JsonValue::Null;

/// What is at this path of an object in an object; null when nothing does.
///
/// ```
/// let value = r#"{"target": {"name": "x"}}"#.parse().unwrap();
/// assert_eq!(lab_core::json::text(lab_core::json::at(&value, &["target", "name"])), Some("x"));
/// assert!(lab_core::json::at(&value, &["target", "kind", "0"]).is_null());
/// ```
pub fn at<'a>(value: &'a Json, path: &[&str]) -> &'a Json {
    path.iter().fold(value, |value, key| match value {
        JsonValue::Object(object) => object.get(*key).unwrap_or(&NULL),
        _ => &NULL,
    })
}

/// A value that is a text.
pub fn text(value: &Json) -> Option<&str> {
    value.get::<String>().map(String::as_str)
}

/// A list's values; none for anything else.
pub fn list(value: &Json) -> &[Json] {
    value.get::<Vec<Json>>().map_or(&[], Vec::as_slice)
}

/// A number that is whole and not negative.
///
/// ```
/// assert_eq!(lab_core::json::whole(&4.0.into()), Some(4));
/// assert_eq!(lab_core::json::whole(&4.5.into()), None);
/// ```
pub fn whole(value: &Json) -> Option<u64> {
    // JSON has one kind of number, and so has `tinyjson`; its decimal form tells which are whole.
    value.get::<f64>()?.to_string().parse().ok()
}
