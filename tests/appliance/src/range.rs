//! The part of a file that a request asks for (RFC 9110, 14).

use std::ops::Range;

use crate::http::Request;

/// What is to be sent of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Beyond,
}

/// What a request asks for of a file with this size and tag. What is not understood is ignored, as are several ranges
/// at once, and a range with an `If-Range` that is not the tag.
pub(crate) fn asked(request: &Request, size: u64, etag: &str) -> Asked {
    let usable = request.method == "GET" && request.header("if-range").is_none_or(|tag| tag == etag);
    let range = request.header("range").filter(|_| usable).and_then(|range| range.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        // So many at the end.
        (Err(_), Ok(count)) if first.is_empty() => size.saturating_sub(count)..size,
        _ => return Asked::Whole,
    };
    if range.is_empty() { Asked::Beyond } else { Asked::Part(range) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_ten(headers: &[(&str, &str)]) -> Asked {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        asked(&Request { method: "GET".into(), headers, ..Request::default() }, 10, "\"tag\"")
    }

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let part = |from, to| Asked::Part(from..to);
        let cases = [
            ("bytes=0-0", part(0, 1)),
            ("bytes=3-5", part(3, 6)),
            ("bytes=3-", part(3, 10)),
            ("bytes=3-99", part(3, 10)),
            ("bytes=-3", part(7, 10)),
            ("bytes=-99", part(0, 10)),
            ("bytes=3-18446744073709551615", part(3, 10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=10-20", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-3", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=1-2,4-5", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("lines=1-2", Asked::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(of_ten(&[("range", range)]), expected, "{range}");
        }
        assert_eq!(of_ten(&[]), Asked::Whole);
        assert_eq!(of_ten(&[("range", "bytes=3-"), ("if-range", "\"tag\"")]), part(3, 10));
        for other in ["\"gat\"", "W/\"tag\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(of_ten(&[("range", "bytes=3-"), ("if-range", other)]), Asked::Whole, "{other}");
        }
    }
}
