//! The sum itself, exact: no digit is lost, however long the numbers are.

use num_bigint::BigInt;

/// How much of a word an error answer quotes, in characters: it must fit into the client's recv.
const QUOTE_LIMIT: usize = 64;

/// The sum of the numbers in a request, or an answer that names the word that is not a number.
///
/// `0.1 0.2` is `0.3`. A binary `f64` would make it 0.30000000000000004, so each number is kept as
/// a whole number of tenths, hundredths and so on. The sum has as many decimal places as the number
/// with the most.
pub fn answer(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    // The white space of Python's bytes.split(): blank, and tab to carriage return.
    let words = text
        .split([' ', '\t', '\n', '\x0b', '\x0c', '\r'])
        .filter(|word| !word.is_empty());
    let mut total = BigInt::ZERO;
    let mut places = 0;
    for word in words {
        let Some((mut number, its_places)) = parse(word) else {
            let quote: String = word.chars().take(QUOTE_LIMIT).collect();
            let cut = if quote.len() < word.len() { "…" } else { "" };
            return format!("error: \"{quote}{cut}\" is not a number");
        };
        let common = places.max(its_places);
        total *= power_of_ten(common - places);
        number *= power_of_ten(common - its_places);
        total += number;
        places = common;
    }
    show(&total, places)
}

/// `-1.50` is (-150, 2): -150 hundredths.
fn parse(word: &str) -> Option<(BigInt, usize)> {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = format!("{whole}{fraction}");
    // Checked by hand: BigInt alone would also accept "1_000" and a second sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: BigInt = digits.parse().ok()?;
    let signed = if word.starts_with('-') {
        -number
    } else {
        number
    };
    Some((signed, fraction.len()))
}

fn show(total: &BigInt, places: usize) -> String {
    let sign = if total < &BigInt::ZERO { "-" } else { "" };
    // Filled up with zeros on the left, so that a digit comes before the point: 5 hundredths are
    // 0.05.
    let digits = format!(
        "{:0>width$}",
        total.magnitude().to_string(),
        width = places + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if places == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// 10 × 10 × …, as often as the exponent says.
fn power_of_ten(exponent: usize) -> BigInt {
    (0..exponent).fold(BigInt::from(1), |power, _| power * 10)
}

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn decimals_are_exact() {
        assert_eq!(answer(b"0.1 0.2"), "0.3");
        assert_eq!(answer(b"1.50 1.50"), "3.00");
        assert_eq!(answer(b".5 5. +1"), "6.5");
        assert_eq!(answer(b"-0.05"), "-0.05");
        assert_eq!(answer(b"-1.5 1.5 -0"), "0.0");
    }

    #[test]
    fn integers_have_any_length() {
        let nines = "9".repeat(1000);
        let expected = format!("1{}", "0".repeat(1000));
        assert_eq!(answer(format!("{nines} 1").as_bytes()), expected);
        assert_eq!(answer(format!("-{nines} {nines}").as_bytes()), "0");
    }

    #[test]
    fn any_white_space_separates_and_an_empty_sum_is_0() {
        assert_eq!(answer(b"1\t2\r\n3\x0b\x0c 4 "), "10");
        assert_eq!(answer(b" \n"), "0");
    }

    #[test]
    fn a_word_that_is_not_a_number_is_named() {
        let odd = [
            "two", "1e5", "1_000", "--5", "-", ".", "1.2.3", "NaN", "inf", "0x10", "\u{661}",
        ];
        for word in odd {
            let expected = format!("error: \"{word}\" is not a number");
            assert_eq!(answer(format!("1 {word} 2").as_bytes()), expected);
        }
        assert_eq!(answer(b"1 \xff2"), "error: \"\u{fffd}2\" is not a number");
        let long = "x".repeat(1000);
        assert!(answer(long.as_bytes()).len() < 128);
    }
}
