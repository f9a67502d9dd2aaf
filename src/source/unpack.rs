//! Reading through compression: gzip and zstd streams, and the files inside a zip archive.
//!
//! What is damaged or breaks off is no error of the run but a bad record of the input: what was unpacked before it counts.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flate2::Crc;
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::input::Bytes;

/// How much all files of one archive may unpack to. Each may reach a thousand times its packed size, all of them may lie
/// in the same place of the archive, and nobody who sent such a one meant to have it read.
const MOST_UNPACKED: u64 = 64 << 30;
/// Files that hold no conversation, by the end of their names. Exports bring the media along.
const MEDIA: &[&str] = &[
    "jpg", "jpeg", "png", "gif", "webp", "heic", "bmp", "svg", "ico", "mp4", "mov", "avi", "webm", "mkv", "3gp", "m4a",
    "mp3", "aac", "ogg", "opus", "wav", "amr", "pdf", "vcf",
];

/// How unpacking went, as far as it got.
#[derive(Clone, Default)]
pub(super) struct Fate {
    wrong: Arc<OnceLock<String>>,
    passed: Arc<AtomicU64>,
}

impl Fate {
    /// Why the data ended before its time.
    pub(super) fn wrong(&self) -> Option<&str> {
        self.wrong.get().map(String::as_str)
    }

    /// How many packed bytes were read and not yet asked for.
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// The same, which are thereby asked for.
    pub(super) fn take_passed(&self) -> u64 {
        self.passed.swap(0, Ordering::Relaxed)
    }
}

/// How a stream is packed.
#[derive(Clone, Copy)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

/// How the stream that begins with `start` is packed, if it is in a way we read.
pub(super) fn packing(start: &[u8]) -> Option<Packing> {
    match start {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
        _ => None,
    }
}

/// Unpacks a stream.
pub(super) fn stream(packing: Packing, packed: Bytes) -> (Bytes, Fate) {
    match packing {
        Packing::Gzip => guarded(packed, "gzip", |source| Box::new(MultiGzDecoder::new(source))),
        Packing::Zstd => guarded(packed, "zstd", |source| Box::new(Frames::new(source))),
    }
}

fn guarded(packed: Bytes, kind: &'static str, unpack: impl FnOnce(Source) -> Bytes) -> (Bytes, Fate) {
    let (fate, failed) = (Fate::default(), Arc::new(AtomicBool::new(false)));
    let source = Source { packed, passed: Arc::clone(&fate.passed), failed: Arc::clone(&failed) };
    let guard = Guard { inner: unpack(source), kind, failed, fate: fate.clone() };
    (Box::new(guard), fate)
}

/// The packed bytes: counts them, and knows whether it was the disk that failed.
struct Source {
    packed: Bytes,
    passed: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.packed.read(buffer);
        match &read {
            Ok(count) => {
                self.passed.fetch_add(*count as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.failed.store(true, Ordering::Relaxed),
        }
        read
    }
}

/// The unpacked bytes, which end where the packed ones make no sense.
struct Guard {
    inner: Bytes,
    kind: &'static str,
    failed: Arc<AtomicBool>,
    fate: Fate,
}

impl Read for Guard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fate.wrong().is_some() {
            return Ok(0);
        }
        match self.inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted && !self.failed.load(Ordering::Relaxed) => {
                let ours = error.get_ref().and_then(|inner| inner.downcast_ref::<Excess>());
                let reason = match ours {
                    Some(excess) => excess.0.to_owned(),
                    None => format!("breaks off: the compressed data ({}) is cut off or damaged", self.kind),
                };
                // Only the first reason counts.
                let _ = self.fate.wrong.set(reason);
                Ok(0)
            }
            read => read,
        }
    }
}

/// Why unpacking was stopped although the data is sound.
#[derive(Debug)]
struct Excess(&'static str);

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Excess {}

/// The frames of a zstd stream, one after another, with those skipped that hold no data.
struct Frames {
    source: BufReader<Source>,
    decoder: FrameDecoder,
    is_inside: bool,
}

impl Frames {
    fn new(source: Source) -> Frames {
        Frames { source: BufReader::new(source), decoder: FrameDecoder::new(), is_inside: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        match self.decoder.init(&mut self.source) {
            Ok(()) => self.is_inside = true,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                skip(&mut self.source, length.into())?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
        Ok(())
    }
}

fn skip(source: &mut impl Read, length: u64) -> io::Result<()> {
    let skipped = io::copy(&mut source.take(length), &mut io::sink())?;
    if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_inside {
                if self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.begin()?;
                continue;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let step = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, step).map_err(io::Error::other)?;
            }
            let read = self.decoder.read(buffer)?;
            if 0 < read {
                return Ok(read);
            }
            let sums = (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum());
            if matches!(sums, (Some(written), Some(found)) if written != found) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.is_inside = false;
        }
    }
}

/// A file inside a zip archive.
pub(super) struct Member {
    pub(super) name: String,
    archive: PathBuf,
    what: Result<Packed, String>,
    /// How much all files of the archive were unpacked to so far.
    unpacked: Arc<AtomicU64>,
}

/// Where the bytes of a member lie.
struct Packed {
    start: u64,
    packed_size: u64,
    size: u64,
    crc: u32,
    is_deflated: bool,
}

/// The files to read in an archive, and what a person should know of the others.
pub(super) struct Contents {
    pub(super) members: Vec<Member>,
    pub(super) notes: Vec<String>,
}

/// What is in an archive, or why it cannot be read.
pub(super) fn members(path: &Path, name: &str) -> io::Result<Result<Contents, String>> {
    if !path.metadata()?.is_file() {
        return Ok(Err("is a zip archive; give it as a file, since it cannot be read from a pipe".to_owned()));
    }
    const DAMAGED: &str = "is a zip archive that is cut off or damaged; unpack it first";
    let Ok(mut archive) = ZipArchive::new(BufReader::new(File::open(path)?)) else {
        return Ok(Err(DAMAGED.to_owned()));
    };
    if archive.file_names().flatten().any(|name| name == "[Content_Types].xml" || name == "mimetype") {
        return Ok(Err("is a spreadsheet or another office document; export it as CSV first".to_owned()));
    }
    let (mut members, mut media) = (Vec::new(), 0_u64);
    let unpacked = Arc::new(AtomicU64::new(0));
    for index in 0..archive.len() {
        let Ok(file) = archive.by_index_raw(index) else {
            let what = Err("is damaged: the archive does not say where it lies".to_owned());
            let name = format!("{name}!{}", index + 1);
            members.push(Member { name, archive: path.to_owned(), what, unpacked: Arc::clone(&unpacked) });
            continue;
        };
        let inner = match file.name() {
            Ok(inner) => inner.into_owned(),
            Err(_) => String::from_utf8_lossy(file.name_raw()).into_owned(),
        };
        let is_hidden = inner
            .split(['/', '\\'])
            .any(|part| part.starts_with('.') && !part.trim_matches('.').is_empty() || part == "__MACOSX");
        if file.is_dir() || file.is_symlink() || is_hidden {
            continue;
        }
        if is_media(&inner) {
            media += 1;
            continue;
        }
        let method = file.compression();
        let what = match (file.data_start(), method) {
            _ if file.encrypted() => Err("is encrypted; unpack the archive first".to_owned()),
            (Some(start), CompressionMethod::Stored | CompressionMethod::Deflated) => Ok(Packed {
                start,
                packed_size: file.compressed_size(),
                size: file.size(),
                crc: file.crc32(),
                is_deflated: method == CompressionMethod::Deflated,
            }),
            (Some(_), method) => {
                Err(format!("is compressed in a way we do not read ({method}); unpack the archive first"))
            }
            (None, _) => Err("is damaged: the archive does not say where it lies".to_owned()),
        };
        let name = format!("{name}!{}", escaped(&inner));
        members.push(Member { name, archive: path.to_owned(), what, unpacked: Arc::clone(&unpacked) });
    }
    let notes = match media {
        0 => Vec::new(),
        1 => vec!["1 media file was not read".to_owned()],
        media => vec![format!("{media} media files were not read")],
    };
    Ok(Ok(Contents { members, notes }))
}

fn is_media(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    end.is_some_and(|end| MEDIA.contains(&end.as_str()))
}

/// A name as a terminal may show it.
fn escaped(name: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control() || turns(c) { plain.extend(c.escape_default()) } else { plain.push(c) }
    }
    plain
}

impl Member {
    /// Its unpacked bytes, or why they cannot be read.
    pub(super) fn open(self) -> io::Result<Result<(Bytes, Fate), String>> {
        let packed = match self.what {
            Ok(packed) => packed,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut file = File::open(&self.archive)?;
        file.seek(SeekFrom::Start(packed.start))?;
        let bytes: Bytes = Box::new(file.take(packed.packed_size));
        let unpacked = self.unpacked;
        Ok(Ok(guarded(bytes, "zip", move |source| {
            let inner: Bytes =
                if packed.is_deflated { Box::new(DeflateDecoder::new(source)) } else { Box::new(source) };
            Box::new(Checked { inner, packed, crc: Crc::new(), done: 0, unpacked })
        })))
    }
}

/// The bytes of a member, as many as the archive says, and no more than anybody needs.
struct Checked {
    inner: Bytes,
    packed: Packed,
    crc: Crc,
    done: u64,
    unpacked: Arc<AtomicU64>,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        self.done += read as u64;
        if read == 0 && !buffer.is_empty() {
            let is_whole = self.done == self.packed.size && self.crc.sum() == self.packed.crc;
            return if is_whole { Ok(0) } else { Err(io::ErrorKind::InvalidData.into()) };
        }
        if self.packed.size < self.done {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if MOST_UNPACKED < self.unpacked.fetch_add(read as u64, Ordering::Relaxed) {
            return Err(io::Error::other(Excess(
                "belongs to an archive that unpacks to more than 64 GiB; unpack it first",
            )));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn an_archive_without_end_is_stopped() {
        let packed = Packed { start: 0, packed_size: 0, size: u64::MAX, crc: 0, is_deflated: false };
        let unpacked = Arc::new(AtomicU64::new(MOST_UNPACKED - 1_000));
        let source: Bytes = Box::new(Cursor::new(Vec::new()));
        let (mut bytes, fate) = guarded(source, "zip", |_| {
            Box::new(Checked { inner: Box::new(io::repeat(b'x')), packed, crc: Crc::new(), done: 0, unpacked })
        });
        let mut read = Vec::new();
        bytes.read_to_end(&mut read).unwrap();
        assert!(read.len() < 100_000, "{}", read.len());
        assert_eq!(fate.wrong(), Some("belongs to an archive that unpacks to more than 64 GiB; unpack it first"));
    }

    #[test]
    fn a_disk_that_fails_is_no_damaged_archive() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the disk is gone"))
            }
        }
        for packing in [Packing::Gzip, Packing::Zstd] {
            let (mut bytes, fate) = stream(packing, Box::new(Broken));
            assert!(bytes.read(&mut [0; 10]).is_err());
            assert_eq!(fate.wrong(), None);
        }
    }
}
