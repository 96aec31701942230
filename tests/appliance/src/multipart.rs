//! `multipart/form-data` uploads, read as they come: of each file its name, its size, and what an import looks at.

use std::error::Error;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use http_body_util::{BodyDataStream, BodyExt as _};
use hyper::body::{Body, Bytes};
use multer::{Constraints, Multipart, SizeLimit};
use zip::ZipArchive;

/// How much is kept of the start and of the end of a file, in bytes.
const KEPT: usize = 1 << 20;

/// A file in a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub filename: String,
    pub size: u64,
    /// Its first MiB.
    start: Vec<u8>,
    /// Its last MiB or more.
    end: Vec<u8>,
}

impl Part {
    /// The start of the file as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.start).into_owned()
    }

    /// Names of the entries, if the file is a ZIP file whose directory fits into its last MiB.
    pub fn entries(&self) -> Vec<String> {
        let tail = Tail { size: self.size, end: Cursor::new(&self.end), at: 0 };
        let archive = ZipArchive::new(tail).ok();
        let names = archive.iter().flat_map(ZipArchive::file_names);
        names.filter_map(|name| Some(name.ok()?.into_owned())).collect()
    }

    fn take(&mut self, piece: &Bytes) {
        self.size += piece.len() as u64;
        let room = KEPT.saturating_sub(self.start.len()).min(piece.len());
        self.start.extend(piece.iter().take(room));
        self.end.extend(piece);
        if self.end.len() > 2 * KEPT {
            self.end.drain(..self.end.len() - KEPT);
        }
    }
}

/// A file of which only the end is known; zeros stand for the rest.
struct Tail<'a> {
    size: u64,
    end: Cursor<&'a Vec<u8>>,
    at: u64,
}

impl Read for Tail<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let unknown = self.size.saturating_sub(self.end.get_ref().len() as u64);
        let read = match self.at.checked_sub(unknown) {
            Some(place) => {
                self.end.set_position(place);
                self.end.read(into)?
            }
            None => {
                let length = into.len().min(usize::try_from(unknown - self.at).unwrap_or(usize::MAX));
                into.iter_mut().take(length).for_each(|byte| *byte = 0);
                length
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Tail<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// What became of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// The request holds none.
    #[default]
    None,
    /// Its files; parts without a file name are passed over.
    Files(Vec<Part>),
    /// It is cut short, or not a form.
    Broken,
    /// It is longer than is accepted.
    TooLong,
}

/// The boundary, if this is the media type of a form.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    multer::parse_boundary(content_type).ok()
}

/// Reads a form.
///
/// The names of the parts do not matter: pages and clients use five different ones (docs/lxca-api.md, Importing
/// files).
///
/// # Errors
/// The connection breaks.
pub(crate) async fn read<B>(boundary: String, body: B, limit: u64) -> Result<Form, Box<dyn Error + Send + Sync>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
    let stream = BodyDataStream::new(body.map_err(Into::into).boxed_unsync());
    let mut form = Multipart::with_constraints(stream, boundary, limits);
    match files(&mut form).await {
        Ok(files) => Ok(Form::Files(files)),
        Err(multer::Error::StreamSizeExceeded { .. }) => Ok(Form::TooLong),
        Err(multer::Error::StreamReadFailed(error)) => Err(error),
        Err(_) => Ok(Form::Broken),
    }
}

async fn files(form: &mut Multipart<'_>) -> multer::Result<Vec<Part>> {
    let mut files = Vec::new();
    while let Some(mut field) = form.next_field().await? {
        let mut part = Part { filename: field.file_name().unwrap_or_default().to_owned(), ..Part::default() };
        while let Some(piece) = field.chunk().await? {
            part.take(&piece);
        }
        if !part.filename.is_empty() {
            files.push(part);
        }
    }
    Ok(files)
}
