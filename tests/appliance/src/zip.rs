//! A ZIP file that is never in memory as a whole: stored entries of repeating bytes, written piece by piece.

use std::sync::LazyLock;

use crate::tasks::Announced;

/// Largest size accepted for the content of a ZIP file: below 4 GiB no ZIP64 records are needed.
pub(crate) const LARGEST: u64 = 0xffff_0000;

const BLOCK: usize = 65_536;

/// A ZIP file: its name, and what is in it.
#[derive(Clone, Debug)]
pub struct ZipFile {
    /// File name.
    pub name: String,
    /// Names and sizes of its entries.
    pub entries: Vec<Announced>,
}

impl ZipFile {
    /// A file with one entry per name, together `bytes` long.
    pub fn of(name: String, names: impl ExactSizeIterator<Item = String>, bytes: u64) -> Self {
        let count = names.len().max(1) as u64;
        let bytes = bytes.min(LARGEST);
        let entries = names
            .enumerate()
            .map(|(index, name)| Announced { name, size: bytes / count + if index == 0 { bytes % count } else { 0 } })
            .collect();
        Self { name, entries }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        let records: u64 = self
            .entries
            .iter()
            // Local header, data descriptor and central header, with the name twice.
            .map(|entry| 30 + 16 + 46 + 2 * entry.name.len() as u64 + entry.size)
            .sum();
        records + 22
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> ZipBytes {
        ZipBytes {
            entries: self.entries.clone(),
            next: 0,
            left: None,
            checksum: crc32fast::Hasher::new(),
            offset: 0,
            directory: Vec::new(),
            over: false,
        }
    }
}

/// The bytes of a ZIP file, in pieces of up to 64 KiB.
#[derive(Debug)]
pub(crate) struct ZipBytes {
    entries: Vec<Announced>,
    next: usize,
    /// Bytes still to come of the entry that is being written.
    left: Option<u64>,
    checksum: crc32fast::Hasher,
    offset: u64,
    directory: Vec<u8>,
    over: bool,
}

impl Iterator for ZipBytes {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let piece = self.piece()?;
        self.offset += piece.len() as u64;
        Some(piece)
    }
}

impl ZipBytes {
    fn piece(&mut self) -> Option<Vec<u8>> {
        let Some(entry) = self.entries.get(self.next).cloned() else {
            return (!std::mem::replace(&mut self.over, true)).then(|| self.end());
        };
        match self.left {
            None => {
                self.left = Some(entry.size);
                self.checksum = crc32fast::Hasher::new();
                Some(local_header(&entry))
            }
            Some(0) => {
                (self.left, self.next) = (None, self.next + 1);
                Some(self.descriptor(&entry))
            }
            Some(left) => {
                let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
                self.left = Some(left - length as u64);
                let piece = FILLER.get(..length).unwrap_or_default().to_vec();
                self.checksum.update(&piece);
                Some(piece)
            }
        }
    }

    /// Checksum and sizes follow the data, so that nothing is read twice.
    fn descriptor(&mut self, entry: &Announced) -> Vec<u8> {
        let checksum = self.checksum.clone().finalize();
        let start = self.offset - entry.size - 30 - entry.name.len() as u64;
        let header = &mut self.directory;
        put32(header, 0x0201_4b50);
        put16(header, 20); // made by
        local_fields(header, checksum, entry.size, &entry.name);
        put16(header, 0); // comment
        put16(header, 0); // disk
        put16(header, 0); // internal attributes
        put32(header, 0); // external attributes
        put32(header, truncated(start));
        header.extend(entry.name.as_bytes());

        let mut descriptor = Vec::new();
        put32(&mut descriptor, 0x0807_4b50);
        put32(&mut descriptor, checksum);
        put32(&mut descriptor, truncated(entry.size));
        put32(&mut descriptor, truncated(entry.size));
        descriptor
    }

    fn end(&mut self) -> Vec<u8> {
        let mut end = std::mem::take(&mut self.directory);
        let length = end.len() as u64;
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        put32(&mut end, 0x0605_4b50);
        put16(&mut end, 0);
        put16(&mut end, 0);
        put16(&mut end, count);
        put16(&mut end, count);
        put32(&mut end, truncated(length));
        put32(&mut end, truncated(self.offset));
        put16(&mut end, 0);
        end
    }
}

fn local_header(entry: &Announced) -> Vec<u8> {
    let mut header = Vec::new();
    put32(&mut header, 0x0403_4b50);
    local_fields(&mut header, 0, 0, &entry.name);
    header.extend(entry.name.as_bytes());
    header
}

/// The fields that local and central headers have in common.
fn local_fields(header: &mut Vec<u8>, checksum: u32, size: u64, name: &str) {
    put16(header, 20); // needed version
    put16(header, 1 << 3); // a data descriptor follows
    put16(header, 0); // stored
    put16(header, 0); // time
    put16(header, (46 << 9) | (1 << 5) | 1); // date: 1 January 2026
    put32(header, checksum);
    put32(header, truncated(size));
    put32(header, truncated(size));
    put16(header, u16::try_from(name.len()).unwrap_or(u16::MAX));
    put16(header, 0); // extra field
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

/// Sizes stay below 4 GiB ([`LARGEST`]); a longer one would be marked as too large.
fn truncated(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
