//! The ZIP file of an export. The `zip` crate writes it once; what stays in memory is its headers and the lengths of
//! the filler between them, so that gigabytes need no memory and any part of the file can be sent at once.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use hyper::body::Bytes;
use zip::CompressionMethod::Stored;
use zip::ZipWriter;
use zip::result::ZipResult;
use zip::write::SimpleFileOptions;

use crate::tasks::Announced;

/// Largest size accepted for the content of a ZIP file: 64 GiB, whose checksums take seconds.
pub(crate) const LARGEST: u64 = 1 << 36;

const BLOCK: u64 = 65_536;

/// Largest size of all entries but the first.
const SMALL: u64 = 200_000;

/// A ZIP file: its name, and what is in it.
#[derive(Clone, Debug)]
pub struct ZipFile {
    /// File name.
    pub name: String,
    /// Names and sizes of its entries.
    pub entries: Vec<Announced>,
    layout: Arc<OnceLock<Layout>>,
}

impl ZipFile {
    /// A file with one entry per name, together `bytes` long. The first one gets what is too much for the others.
    pub(crate) fn of(name: String, names: impl ExactSizeIterator<Item = String>, bytes: u64) -> Self {
        let bytes = bytes.min(LARGEST);
        let small = (bytes / names.len().max(1) as u64).min(SMALL);
        let first = bytes - small * names.len().saturating_sub(1) as u64;
        let sizes = std::iter::once(first).chain(std::iter::repeat(small));
        let entries = names.zip(sizes).map(|(name, size)| Announced { name, size }).collect();
        Self { name, entries, layout: Arc::default() }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.layout().0.iter().map(Segment::length).sum()
    }

    /// A strong validator: the content follows from name and size.
    pub(crate) fn etag(&self) -> String {
        format!("\"{}-{:x}\"", self.name.trim_end_matches(".zip"), self.size())
    }

    /// Some of its bytes, in pieces of up to 64 KiB.
    pub(crate) fn bytes_in(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + Send + use<> {
        let file = self.clone();
        let Range { start: mut at, end } = range;
        std::iter::from_fn(move || {
            let piece = file.layout().piece(at, end)?;
            at += piece.len() as u64;
            Some(piece)
        })
    }

    /// The same, with zeros in place of the last 22 bytes and more, where the central directory ends.
    pub(crate) fn broken_bytes_in(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + Send + use<> {
        let whole = self.size().saturating_sub(100);
        let mut at = range.start;
        self.bytes_in(range).map(move |piece| {
            let kept = usize::try_from(whole.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
            at += piece.len() as u64;
            if kept == piece.len() {
                return piece;
            }
            let zeros = vec![0; piece.len() - kept];
            Bytes::from([piece.get(..kept).unwrap_or_default(), &zeros].concat())
        })
    }

    fn layout(&self) -> &Layout {
        // Writing to memory does not fail, and the names of entries differ.
        self.layout.get_or_init(|| write(&self.entries).unwrap_or_default())
    }
}

fn write(entries: &[Announced]) -> ZipResult<Layout> {
    let mut writer = ZipWriter::new_stream(Layout::default());
    for entry in entries {
        let large = entry.size > u64::from(u32::MAX);
        writer.start_file(&entry.name, SimpleFileOptions::default().compression_method(Stored).large_file(large))?;
        let mut left = entry.size;
        while left > 0 {
            let piece = FILLER.slice(..left.min(BLOCK) as usize);
            writer.write_all(&piece)?;
            left -= piece.len() as u64;
        }
    }
    Ok(writer.finish()?.into_inner())
}

/// What a file consists of.
#[derive(Debug, Default)]
struct Layout(Vec<Segment>);

#[derive(Debug)]
enum Segment {
    Bytes(Vec<u8>),
    /// So many bytes of [`FILLER`], over and over.
    Filler(u64),
}

impl Segment {
    fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Filler(length) => *length,
        }
    }
}

impl Layout {
    /// The bytes from one offset up to another one, or as many of them as one piece holds. `None`: the file has no
    /// more.
    fn piece(&self, at: u64, end: u64) -> Option<Bytes> {
        let mut offset = 0;
        for segment in &self.0 {
            let length = segment.length();
            if at < offset + length {
                let (from, to) = (at - offset, length.min(end.saturating_sub(offset)));
                let piece = match segment {
                    Segment::Bytes(bytes) => Bytes::copy_from_slice(bytes.get(from as usize..to as usize)?),
                    Segment::Filler(_) => {
                        let start = from % BLOCK;
                        let stop = (start + to.checked_sub(from)?).min(BLOCK);
                        FILLER.slice(start as usize..stop as usize)
                    }
                };
                return (!piece.is_empty()).then_some(piece);
            }
            offset += length;
        }
        None
    }
}

impl Write for Layout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_filler = FILLER.starts_with(bytes);
        match self.0.last_mut() {
            Some(Segment::Filler(length)) if is_filler && *length % BLOCK == 0 => *length += bytes.len() as u64,
            Some(Segment::Bytes(before)) if !is_filler => before.extend(bytes),
            _ if is_filler => self.0.push(Segment::Filler(bytes.len() as u64)),
            _ => self.0.push(Segment::Bytes(bytes.to_vec())),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that look like compressed data, so that nobody gains by compressing them; always the same.
static FILLER: LazyLock<Bytes> = LazyLock::new(|| {
    let mut random = fastrand::Rng::with_seed(0);
    std::iter::repeat_with(|| random.u8(..)).take(BLOCK as usize).collect()
});

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;

    /// A file with entries of these sizes.
    fn file(sizes: &[u64]) -> ZipFile {
        let entry = |(index, size): (usize, &u64)| Announced { name: format!("{index}.bin"), size: *size };
        let entries = sizes.iter().enumerate().map(entry).collect();
        ZipFile { name: "repository.zip".into(), entries, layout: Arc::default() }
    }

    fn whole(file: &ZipFile) -> Vec<u8> {
        file.bytes_in(0..file.size()).flatten().collect()
    }

    #[test]
    fn any_part_is_the_same_part_of_the_whole() {
        let file = file(&[1, 3 * BLOCK, 7]);
        let whole = whole(&file);
        assert_eq!(whole.len() as u64, file.size());
        for range in [0..1, 5..6, 40..BLOCK + 100, BLOCK..2 * BLOCK, file.size() - 3..file.size(), 9..9] {
            let part: Vec<u8> = file.bytes_in(range.clone()).flatten().collect();
            assert!(part == whole[range.start as usize..range.end as usize], "{range:?}");
        }
    }

    #[test]
    fn entries_are_whole() {
        let sizes = [0, 1, 2 * BLOCK + 17, 200_000];
        let mut archive = zip::ZipArchive::new(Cursor::new(whole(&file(&sizes)))).unwrap();
        for (index, size) in sizes.iter().enumerate() {
            let mut content = Vec::new();
            // Fails when the checksum differs.
            archive.by_index(index).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(content.len() as u64, *size);
        }
    }

    #[test]
    fn gigabytes_take_no_memory() {
        let file = file(&[1 << 30, 5]);
        assert!(file.size() > 1 << 30);
        assert!(file.layout().0.len() < 20, "{}", file.layout().0.len());
    }
}
