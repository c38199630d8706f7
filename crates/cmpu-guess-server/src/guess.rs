//! Which guesses are valid, and how each is answered.

/// At most so much of a guess is quoted: bytes in the printed line, characters in the answer.
pub const QUOTE_LIMIT: usize = 64;
/// What may be around a number: the white space of ASCII.
const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\x0b', '\x0c', '\r'];

/// The answer: `HIGHER` if the number is higher than the guess, `LOWER` if it is lower, `CORRECT`,
/// or an error that says what is wrong with the guess.
pub fn answer(guess: &[u8], secret: i64) -> String {
    let text = String::from_utf8_lossy(guess);
    let text = text.trim_matches(WHITE_SPACE);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let quote: String = text.chars().take(QUOTE_LIMIT).collect();
        let cut = if quote.len() < text.len() { "…" } else { "" };
        return format!("ERROR: \"{quote}{cut}\" is not a whole number");
    }
    // A number that does not fit into 64 bits is far below 1 or far above 100.
    let far_off = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    let number = text.parse().unwrap_or(far_off);
    if secret > number {
        "HIGHER".to_string()
    } else if secret < number {
        "LOWER".to_string()
    } else {
        "CORRECT".to_string()
    }
}

/// Reads `--secret`.
pub fn secret(value: &str) -> Result<i64, String> {
    value
        .parse()
        .ok()
        .filter(|number| (1..=100).contains(number))
        .ok_or_else(|| "the number to guess is a whole number from 1 to 100".to_string())
}
