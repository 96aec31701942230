//! A ZIP file that is never in memory as a whole: stored entries of repeating bytes, written piece by piece. What does
//! not fit into 32 bits goes into ZIP64 records (APPNOTE.TXT 4.3.14, 4.3.15, 4.5.3).

use std::ops::Range;
use std::sync::LazyLock;

use hyper::body::Bytes;

use crate::tasks::Announced;

/// Largest size accepted for the content of a ZIP file: 1 PiB, so that no sum overflows.
pub(crate) const LARGEST: u64 = 1 << 50;

/// What a 32-bit field says when the value stands in a ZIP64 record.
const ELSEWHERE: u32 = u32::MAX;

const BLOCK: usize = 65_536;

/// Largest size of all entries but the first.
const SMALL: u64 = 200_000;

/// A ZIP file: its name, and what is in it.
#[derive(Clone, Debug)]
pub struct ZipFile {
    /// File name.
    pub name: String,
    /// Names and sizes of its entries.
    pub entries: Vec<Announced>,
}

impl ZipFile {
    /// A file with one entry per name, together `bytes` long. The first one gets what is too much for the others.
    pub fn of(name: String, names: impl ExactSizeIterator<Item = String>, bytes: u64) -> Self {
        let bytes = bytes.min(LARGEST);
        let small = (bytes / names.len().max(1) as u64).min(SMALL);
        let first = bytes - small * names.len().saturating_sub(1) as u64;
        let sizes = std::iter::once(first).chain(std::iter::repeat(small));
        Self { name, entries: names.zip(sizes).map(|(name, size)| Announced { name, size }).collect() }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        let (mut local, mut directory) = (0, 0);
        for entry in &self.entries {
            directory += 46 + entry.name.len() as u64 + extra(entry.size, Some(local)).len() as u64;
            local += 30 + entry.name.len() as u64 + extra(entry.size, None).len() as u64 + entry.size;
        }
        local + directory + end(self.entries.len() as u64, local, directory).len() as u64
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> ZipBytes {
        ZipBytes { entries: self.entries.clone(), next: 0, left: 0, offset: 0, directory: Vec::new(), over: false }
    }

    /// Some of its bytes.
    pub(crate) fn bytes_in(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + use<> {
        let Range { start, end } = range;
        let mut offset = 0;
        let placed = self.bytes().map(move |piece| {
            let place = offset;
            offset += piece.len() as u64;
            (place, piece)
        });
        placed.skip_while(move |(place, piece)| place + piece.len() as u64 <= start).map_while(move |(place, piece)| {
            let within =
                |at: u64| usize::try_from(at.saturating_sub(place)).map_or(piece.len(), |at| at.min(piece.len()));
            let part = within(start)..within(end);
            (!part.is_empty()).then(|| piece.slice(part))
        })
    }
}

/// The bytes of a ZIP file, in pieces of up to 64 KiB.
#[derive(Debug)]
pub(crate) struct ZipBytes {
    entries: Vec<Announced>,
    /// Index of the entry that comes next.
    next: usize,
    /// Bytes still to come of the entry that is being written.
    left: u64,
    offset: u64,
    directory: Vec<u8>,
    over: bool,
}

impl Iterator for ZipBytes {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let piece = self.piece()?;
        self.offset += piece.len() as u64;
        Some(piece)
    }
}

impl ZipBytes {
    fn piece(&mut self) -> Option<Bytes> {
        if self.left > 0 {
            let length = usize::try_from(self.left).unwrap_or(BLOCK).min(BLOCK);
            self.left -= length as u64;
            return Some(Bytes::from_static(FILLER.get(..length).unwrap_or_default()));
        }
        if let Some(entry) = self.entries.get(self.next) {
            self.next += 1;
            self.left = entry.size;
            let checksum = checksum(entry.size);
            self.directory.extend(central_header(entry, checksum, self.offset));
            return Some(local_header(entry, checksum).into());
        }
        if self.over {
            return None;
        }
        self.over = true;
        let mut last = std::mem::take(&mut self.directory);
        last.extend(end(self.entries.len() as u64, self.offset, last.len() as u64));
        Some(last.into())
    }
}

fn local_header(entry: &Announced, checksum: u32) -> Vec<u8> {
    let mut header = Vec::new();
    put32(&mut header, 0x0403_4b50);
    common_fields(&mut header, entry, checksum, &extra(entry.size, None));
    header.extend(entry.name.as_bytes());
    header.extend(extra(entry.size, None));
    header
}

fn central_header(entry: &Announced, checksum: u32, offset: u64) -> Vec<u8> {
    let extra = extra(entry.size, Some(offset));
    let mut header = Vec::new();
    put32(&mut header, 0x0201_4b50);
    put16(&mut header, 45); // made by
    common_fields(&mut header, entry, checksum, &extra);
    put16(&mut header, 0); // comment
    put16(&mut header, 0); // disk
    put16(&mut header, 0); // internal attributes
    put32(&mut header, 0); // external attributes
    put32(&mut header, narrow(offset));
    header.extend(entry.name.as_bytes());
    header.extend(extra);
    header
}

/// The fields that local and central headers have in common.
fn common_fields(header: &mut Vec<u8>, entry: &Announced, checksum: u32, extra: &[u8]) {
    put16(header, if extra.is_empty() { 20 } else { 45 }); // needed version
    put16(header, 0); // flags
    put16(header, 0); // stored
    put16(header, 0); // time
    put16(header, (46 << 9) | (1 << 5) | 1); // date: 1 January 2026
    put32(header, checksum);
    put32(header, narrow(entry.size));
    put32(header, narrow(entry.size));
    put16(header, u16::try_from(entry.name.len()).unwrap_or(u16::MAX));
    put16(header, u16::try_from(extra.len()).unwrap_or(u16::MAX));
}

/// The ZIP64 extra field: the size twice, then the offset, each only when it does not fit. Local headers have no
/// offset. Empty when everything fits.
fn extra(size: u64, offset: Option<u64>) -> Vec<u8> {
    let values = [Some(size), Some(size), offset];
    let values: Vec<u64> = values.into_iter().flatten().filter(|value| narrow(*value) == ELSEWHERE).collect();
    let mut field = Vec::new();
    if !values.is_empty() {
        put16(&mut field, 1);
        put16(&mut field, u16::try_from(8 * values.len()).unwrap_or(u16::MAX));
        values.into_iter().for_each(|value| put64(&mut field, value));
    }
    field
}

/// What follows the central directory, which is `directory` bytes long and begins at `offset`.
fn end(entries: u64, offset: u64, directory: u64) -> Vec<u8> {
    let mut end = Vec::new();
    let count = u16::try_from(entries).unwrap_or(u16::MAX);
    if count == u16::MAX || narrow(offset) == ELSEWHERE || narrow(directory) == ELSEWHERE {
        put32(&mut end, 0x0606_4b50);
        put64(&mut end, 44); // length of the rest of this record
        put16(&mut end, 45); // made by
        put16(&mut end, 45); // needed version
        put32(&mut end, 0); // disk
        put32(&mut end, 0); // disk of the directory
        put64(&mut end, entries);
        put64(&mut end, entries);
        put64(&mut end, directory);
        put64(&mut end, offset);
        // Where that record is.
        put32(&mut end, 0x0706_4b50);
        put32(&mut end, 0);
        put64(&mut end, offset + directory);
        put32(&mut end, 1); // disks
    }
    put32(&mut end, 0x0605_4b50);
    put16(&mut end, 0);
    put16(&mut end, 0);
    put16(&mut end, count);
    put16(&mut end, count);
    put32(&mut end, narrow(directory));
    put32(&mut end, narrow(offset));
    put16(&mut end, 0);
    end
}

/// The checksum of an entry of this size. Gigabytes of the same block are not gone through: checksums are combined.
fn checksum(size: u64) -> u32 {
    let block = BLOCK as u64;
    let rest = usize::try_from(size % block).unwrap_or_default();
    let mut whole = crc32fast::Hasher::new();
    let mut power = crc32fast::Hasher::new();
    power.update(&FILLER);
    let mut blocks = size / block;
    while blocks > 0 {
        if blocks % 2 == 1 {
            whole.combine(&power);
        }
        let half = power.clone();
        power.combine(&half);
        blocks /= 2;
    }
    whole.update(FILLER.get(..rest).unwrap_or_default());
    whole.finalize()
}

/// Bytes that look like compressed data (a linear congruential generator), so that nobody gains by compressing them.
static FILLER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let states =
        std::iter::successors(Some(1_u32), |state| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    states.map(|state| state.to_be_bytes()[0]).take(BLOCK).collect()
});

fn put16(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend(value.to_le_bytes());
}

fn put32(bytes: &mut Vec<u8>, value: u32) {
    bytes.extend(value.to_le_bytes());
}

fn put64(bytes: &mut Vec<u8>, value: u64) {
    bytes.extend(value.to_le_bytes());
}

/// The value, when 32 bits are enough.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with entries of these sizes.
    fn file(sizes: &[u64]) -> ZipFile {
        let entry = |(index, size): (usize, &u64)| Announced { name: format!("{index}.bin"), size: *size };
        ZipFile { name: "repository.zip".into(), entries: sizes.iter().enumerate().map(entry).collect() }
    }

    #[test]
    fn the_announced_size_is_the_real_one() {
        let limit = u64::from(u32::MAX);
        for sizes in [&[][..], &[0], &[1, BLOCK as u64, 200_000], &[limit - 1], &[limit], &[limit + 1, 7], &[limit; 3]]
        {
            let file = file(sizes);
            let sent: u64 = file.bytes().map(|piece| piece.len() as u64).sum();
            assert_eq!(sent, file.size(), "{sizes:?}");
        }
    }

    #[test]
    fn any_part_is_the_same_part_of_the_whole() {
        let file = file(&[1, 3 * BLOCK as u64, 7]);
        let joined = |pieces: &mut dyn Iterator<Item = Bytes>| pieces.flatten().collect::<Vec<u8>>();
        let whole = joined(&mut file.bytes());
        let block = BLOCK as u64;
        for range in [0..1, 0..file.size(), 5..6, 40..block + 100, block..2 * block, file.size() - 3..file.size()] {
            let expected = &whole[range.start as usize..range.end as usize];
            assert!(joined(&mut file.bytes_in(range.clone())) == expected, "{range:?}");
        }
    }

    #[test]
    fn checksums_are_those_of_the_bytes() {
        for size in [0, 1, BLOCK as u64, 3 * BLOCK as u64 + 17, 1_000_003] {
            let mut whole = crc32fast::Hasher::new();
            let mut left = size;
            while left > 0 {
                let length = left.min(BLOCK as u64);
                whole.update(&FILLER[..length as usize]);
                left -= length;
            }
            assert_eq!(checksum(size), whole.finalize(), "{size}");
        }
    }

    #[test]
    fn records_of_64_bits_only_where_they_are_needed() {
        let limit = u64::from(u32::MAX);
        assert!(extra(limit - 1, Some(limit - 1)).is_empty());
        assert_eq!(extra(limit, None).len(), 4 + 16);
        assert_eq!(extra(1, Some(limit)), [[1, 0, 8, 0].as_slice(), &limit.to_le_bytes()].concat());
        assert_eq!(extra(limit, Some(limit)).len(), 4 + 24);
        assert_eq!(end(2, limit - 1, 100).len(), 22);
        assert_eq!(end(2, limit, 100).len(), 56 + 20 + 22);
    }
}
