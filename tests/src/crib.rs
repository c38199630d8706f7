//! The page for readers of Python: rustdoc compiles its examples, and those that must fail fail.
#![doc = include_str!(concat!(env!("OUT_DIR"), "/crib.md"))]
