//! `multipart/form-data`, as far as an upload needs it.

/// A file in a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub filename: String,
    pub size: u64,
}

/// The files of a form; parts without a file name are passed over. `None`: it is not a complete form.
///
/// The names of the parts do not matter: pages and clients use five different ones (LXCA API, POST
/// /files/updateRepositories/firmware/import).
pub(crate) fn files(content_type: &str, body: &[u8]) -> Option<Vec<Part>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary")?;
    let delimiter = format!("--{boundary}");
    let mut rest = body.get(find(body, delimiter.as_bytes())? + delimiter.len()..)?;
    let mut files = Vec::new();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let head_length = find(part, b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(part.get(..head_length)?);
        let content = part.get(head_length + 4..)?;
        let end = find(content, format!("\r\n{delimiter}").as_bytes())?;
        let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"));
        if let Some(filename) = disposition.and_then(|line| parameter(line, "filename")) {
            let size = end as u64;
            files.push(Part { filename, size });
        }
        rest = content.get(end + 2 + delimiter.len()..)?;
    }
    rest.starts_with(b"--").then_some(files)
}

/// A parameter of a header: `name=value` or `name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.trim().trim_matches('"');
        key.trim().eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}
