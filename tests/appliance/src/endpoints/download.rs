//! The file of an export on its way (docs/lxca-api.md, Exporting firmware). Whether an appliance sends parts is not
//! documented, only that 206 exists; this one does.

use std::ops::Range;

use crate::envelope::{NOT_VALID, not_found};
use crate::http::Request;
use crate::plays::{Download, Ranges, Validator};
use crate::random;
use crate::range::{self, Asked};
use crate::reply::{Content, Reply};
use crate::zip::ZipFile;

/// When every file was made, for those who ask for dates instead of tags.
const MADE: &str = "Fri, 20 Nov 2026 10:00:00 GMT";

/// A file, or the part of it that is asked for.
pub(crate) fn sent(request: &Request, file: &ZipFile, play: &Download) -> Reply {
    let (etag, size) = (file.etag(), file.size());
    let validator = match play.validator {
        Validator::Strong => Some(("ETag", etag)),
        Validator::Weak => Some(("ETag", format!("W/{etag}"))),
        Validator::LastModified => Some(("Last-Modified", MADE.to_owned())),
        Validator::Changing => Some(("ETag", format!("\"{}\"", random::token()))),
        Validator::None => None,
    };
    // A weak tag never allows a part (RFC 9110, 13.1.5).
    let strong = validator.as_ref().map_or("", |(_, value)| value).trim_start_matches("W/");
    let of_file = |status, range: Range<u64>| {
        let reply = Reply::new(status, Content::Zip(file.clone(), range, play.clone()));
        reply.with("Content-Disposition", format!("attachment; filename=\"{}\"", file.name))
    };
    let asked = match play.ranges {
        Ranges::Ignored => Asked::Whole,
        _ => range::asked(request, size, strong),
    };
    let reply = match (asked, play.ranges) {
        (Asked::Whole, _) => of_file(200, 0..size),
        (Asked::Part(_), Ranges::Refused) | (Asked::Beyond, _) => {
            not_found(416, NOT_VALID).with("Content-Range", format!("bytes */{size}"))
        }
        (Asked::Part(part), Ranges::Unsaid) => of_file(206, part),
        (Asked::Part(part), play) => {
            let off_by_one = |wrong| u64::from(play == wrong);
            let part = (part.start + off_by_one(Ranges::WrongStart)).min(part.end)..part.end;
            let (last, total) = (part.end.saturating_sub(1), size + off_by_one(Ranges::WrongTotal));
            let shown = format!("bytes {}-{last}/{total}", part.start);
            of_file(206, part).with("Content-Range", shown)
        }
    };
    let reply = validator.into_iter().fold(reply, |reply, (name, value)| reply.with(name, value));
    let accepts = if play.ranges == Ranges::Ignored { "none" } else { "bytes" };
    reply.with("Accept-Ranges", accepts)
}
