//! How figures, times and foreign words are written in a terminal.

use chrono::{DateTime, Local, Utc};

/// How wide the terminal is, where stdout is one.
pub(super) fn terminal_width() -> Option<u16> {
    comfy_table::Table::new().width()
}

/// A text of somebody else on one line, without what a terminal would take for a command.
pub(super) fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first `chars_max` characters; what is left out shows as `…`.
pub(super) fn shortened(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// What the operating system says, without its error number.
pub(super) fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// A time as people say it.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 1.0 {
        return format!("{:.0} ms", seconds.max(0.0) * 1_000.0);
    }
    // Not negative, and no execution runs for 2^64 seconds.
    let whole = seconds.round() as u64;
    match whole {
        0..=59 => format!("{seconds:.1} s"),
        60..=3_599 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3_600, whole % 3_600 / 60),
    }
}

/// A time that is left, which nobody knows to the millisecond: in seconds, rounded up.
pub(super) fn whole_seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0).ceil();
    if whole < 60.0 { format!("{whole} s") } else { duration(whole) }
}

/// A time of the API in the time of this place, or as it came where it is none.
pub(super) fn local_time(text: &str) -> String {
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => one_line(text),
    }
}

/// The time of the day in this place.
pub(super) fn clock_time(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local).format("%H:%M:%S%.3f").to_string()
}

/// A number with its thousands set apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_cannot_steer_the_terminal() {
        assert_eq!(one_line("\u{1b}[31mred\r\n  and\ttabs\u{7}"), "[31mred and tabs");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("Añoñ", 4), "Añoñ");
        assert_eq!(shortened("Año nuevo", 4), "Año…");
    }

    #[test]
    fn figures_are_written_for_people() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        let spoken = [0.0, 0.456, 1.25, 59.4, 61.0, 7_260.0].map(duration);
        assert_eq!([0.2, 12.0, 61.0].map(whole_seconds), ["1 s", "12 s", "1 min 1 s"]);
        assert_eq!(spoken, ["0 ms", "456 ms", "1.2 s", "59.4 s", "1 min 1 s", "2 h 1 min"]);
    }
}
