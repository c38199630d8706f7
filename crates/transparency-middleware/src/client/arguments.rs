//! Lists of arguments as Rust values, and back.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::UnitDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::messages::{Format, Payload, PayloadError};

/// Reads a result: no argument as `()` or `None`, one
/// as itself, several as a tuple or another list.
///
/// # Errors
///
/// When the arguments are not what `R` takes.
pub(super) fn read_result<R: DeserializeOwned>(payload: &Payload) -> Result<R, PayloadError> {
    match payload.args::<One<R>>() {
        Ok(one) => Ok(one.0),
        // The error of the list is the better one only where the list is what was meant.
        Err(error) => payload.args::<R>().map_err(|_| error),
    }
}

/// Reads a handler's arguments: a tuple, a `Vec`, or `()` for none.
///
/// # Errors
///
/// When the arguments are not what `A` takes.
pub(super) fn read_args<A: DeserializeOwned>(payload: &Payload) -> Result<A, PayloadError> {
    let list = payload.args::<A>();
    match list {
        Err(_) if payload.args::<[(); 0]>().is_ok() => {
            A::deserialize(unit()).map_err(|_: serde::de::value::Error| no_arguments::<A>(payload))
        }
        list => list,
    }
}

/// The error that reading the list gave, made again: errors of two kinds met.
fn no_arguments<A: DeserializeOwned>(payload: &Payload) -> PayloadError {
    match payload.args::<A>() {
        Err(error) => error,
        Ok(_) => unreachable!("the list could not be read a moment ago"),
    }
}

/// A result's value as a list of arguments: `()` as none, anything else as one.
///
/// # Errors
///
/// When the value cannot be written in this serialization.
pub(super) fn write_result<R: Serialize + ?Sized>(
    format: Format,
    value: &R,
) -> Result<Payload, PayloadError> {
    if size_of_val(value) == 0
        && Payload::new(format, value).is_ok_and(|payload| payload.is_empty())
    {
        return Ok(Payload::empty());
    }
    Payload::new(format, &(value,))
}

fn unit() -> UnitDeserializer<serde::de::value::Error> {
    ().into_deserializer()
}

/// The only item of a list, or what `R` makes of nothing.
struct One<R>(R);

impl<'de, R: Deserialize<'de>> Deserialize<'de> for One<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<R>(PhantomData<R>);
        impl<'de, R: Deserialize<'de>> Visitor<'de> for Items<R> {
            type Value = One<R>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of at most one argument")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<One<R>, A::Error> {
                let Some(item) = list.next_element()? else {
                    return R::deserialize(().into_deserializer()).map(One);
                };
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(One(item)),
                    Some(_) => Err(serde::de::Error::custom(
                        "the result has several values where one is wanted",
                    )),
                }
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_nothing_one_value_or_several_in_each_format() {
        for format in Format::ALL {
            let none = Payload::empty();
            assert_eq!(read_result::<()>(&none), Ok(()));
            assert_eq!(read_result::<Option<i64>>(&none), Ok(None));
            assert!(read_result::<i64>(&none).is_err());
            let one = Payload::new(format, &(5,)).unwrap();
            assert_eq!(read_result::<i64>(&one), Ok(5));
            assert_eq!(read_result::<Option<i64>>(&one), Ok(Some(5)));
            assert!(read_result::<String>(&one).is_err());
            let list = Payload::new(format, &([1, 2],)).unwrap();
            assert_eq!(read_result::<Vec<i64>>(&list), Ok(vec![1, 2]));
            let two = Payload::new(format, &(5, "five")).unwrap();
            assert_eq!(
                read_result::<(i64, String)>(&two),
                Ok((5, "five".to_string()))
            );
            assert!(read_result::<i64>(&two).is_err());
        }
    }

    #[test]
    fn what_is_written_as_a_result_is_read_as_one() {
        for format in Format::ALL {
            assert!(write_result(format, &()).unwrap().is_empty());
            let text = write_result(format, "text").unwrap();
            assert_eq!(read_result::<String>(&text), Ok("text".to_string()));
            let pair = write_result(format, &(1, 2)).unwrap();
            assert_eq!(read_result::<(i64, i64)>(&pair), Ok((1, 2)));
            let none = write_result(format, &None::<i64>).unwrap();
            assert_eq!(read_result::<Option<i64>>(&none), Ok(None));
        }
    }

    #[test]
    fn arguments_are_a_tuple_and_none_are_the_unit() {
        for format in Format::ALL {
            assert_eq!(read_args::<()>(&Payload::empty()), Ok(()));
            assert!(read_args::<(i64,)>(&Payload::empty()).is_err());
            let two = Payload::new(format, &(2, 3)).unwrap();
            assert_eq!(read_args::<(i64, i64)>(&two), Ok((2, 3)));
            assert_eq!(read_args::<Vec<i64>>(&two), Ok(vec![2, 3]));
            assert!(read_args::<(i64,)>(&two).is_err(), "{format:?}");
            assert!(read_args::<()>(&two).is_err());
        }
    }
}
