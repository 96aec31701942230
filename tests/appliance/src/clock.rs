//! The date formats of the API (docs/lxca-api.md, Value types). All times are UTC.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// `2026-11-21T21:42:24Z`: jobs and sessions.
pub(crate) fn iso(at: SystemTime) -> String {
    write(at, format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z"))
}

/// `2026-11-21_21-42-24`: the appliance's date in `/aicc`.
pub(crate) fn underscored(at: SystemTime) -> String {
    write(at, format_description!("[year]-[month]-[day]_[hour]-[minute]-[second]"))
}

/// `11-21-2026-21:42`: `lastRefreshed`. Whether month or day comes first is not documented; here it is the month.
pub(crate) fn refreshed(at: SystemTime) -> String {
    write(at, format_description!("[month]-[day]-[year]-[hour]:[minute]"))
}

/// `20261121214224`: part of the name of an export's file.
pub(crate) fn digits(at: SystemTime) -> String {
    write(at, format_description!("[year][month][day][hour][minute][second]"))
}

/// `2026-11-21`: release dates.
pub(crate) fn day(at: SystemTime) -> String {
    write(at, format_description!("[year]-[month]-[day]"))
}

fn write(at: SystemTime, format: &[BorrowedFormatItem<'_>]) -> String {
    // These formats name only parts that every date has.
    OffsetDateTime::from(at).format(format).unwrap_or_default()
}
