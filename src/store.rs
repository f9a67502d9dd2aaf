//! Events that are more than the memory should hold: sorted by conversation into private temporary files, which come back
//! one after the other.
//!
//! The files have no names, are readable to nobody else, and are gone with the process, however it ends.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::batch::{Batch, SHARDS, Stored};
use crate::survey::Survey;

/// Where events go when they are too many, and how many are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    /// The memory that the whole run should do with, in bytes.
    pub memory_bytes: u64,
    /// The folder for temporary files.
    pub folder: PathBuf,
}

/// Why events could not be stored or read back.
#[derive(Debug)]
pub struct StoreError {
    folder: PathBuf,
    cause: io::Error,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, cause) = (self.folder.display(), &self.cause);
        write!(
            f,
            "cannot keep events in a temporary file in {folder}: {cause}; give another folder with --temp-dir, or more --memory"
        )
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> io::Error {
        io::Error::new(error.cause.kind(), error)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

/// Stored events: a file for each shard of the conversations.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    shards: Vec<Mutex<Pile>>,
    survey: Mutex<Survey>,
}

impl Store {
    /// An empty store.
    ///
    /// # Errors
    /// The temporary files cannot be made.
    pub fn new(folder: &Path) -> Result<Store, StoreError> {
        let shards = (0..SHARDS).map(|_| Pile::new(folder).map(Mutex::new)).collect::<Result<_, _>>()?;
        Ok(Store { folder: folder.to_owned(), shards, survey: Mutex::default() })
    }

    /// Adds batches of [`crate::batch::Shards`].
    ///
    /// # Errors
    /// They cannot be written.
    pub fn add<'b>(&self, batches: impl IntoIterator<Item = &'b Batch> + Clone) -> Result<(), StoreError> {
        let mut survey = Survey::default();
        survey.see(batches.clone());
        for batch in batches {
            let Some(shard) = self.shards.get(batch.shard()) else { continue };
            // Turned into bytes before the file is locked, so that other threads wait for the writing alone.
            let bytes = framed(batch);
            shard.lock().unwrap_or_else(PoisonError::into_inner).write(&bytes)?;
        }
        self.survey.lock().unwrap_or_else(PoisonError::into_inner).add(survey);
        Ok(())
    }

    /// What all its events show together.
    pub fn take_survey(&mut self) -> Survey {
        std::mem::take(self.survey.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The events of one shard.
    ///
    /// # Errors
    /// They cannot be read back.
    pub fn load(&self, shard: usize) -> Result<Vec<Batch>, StoreError> {
        let Some(pile) = self.shards.get(shard) else { return Ok(Vec::new()) };
        let mut pile = pile.lock().unwrap_or_else(PoisonError::into_inner);
        pile.rewind()?;
        let mut batches = Vec::new();
        while let Some(batch) = pile.next()? {
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// What was put down in a temporary file, piece by piece, to be read back in the same order.
#[derive(Debug)]
pub struct Pile {
    folder: PathBuf,
    file: File,
    /// What was read of the next pieces.
    ahead: Vec<u8>,
    at: usize,
}

/// How much is read of a pile at once, in bytes.
const READ_BYTES: usize = 256 << 10;

impl Pile {
    /// An empty pile in a nameless file in `folder`.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(folder: &Path) -> Result<Pile, StoreError> {
        let file = tempfile::tempfile_in(folder);
        let file = file.map_err(|cause| StoreError { folder: folder.to_owned(), cause })?;
        Ok(Pile { folder: folder.to_owned(), file, ahead: Vec::new(), at: 0 })
    }

    /// Puts a piece on the pile.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn push(&mut self, piece: &impl Stored) -> Result<(), StoreError> {
        self.write(&framed(piece))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write_all(bytes);
        written.map_err(|cause| self.failed(cause))
    }

    /// Goes back to the first piece.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn rewind(&mut self) -> Result<(), StoreError> {
        self.ahead.clear();
        self.at = 0;
        let rewound = self.file.rewind();
        rewound.map_err(|cause| self.failed(cause))
    }

    /// The next piece; none after the last one.
    ///
    /// # Errors
    /// It cannot be read, or is not what was written.
    pub(crate) fn next<T: Stored>(&mut self) -> Result<Option<T>, StoreError> {
        let len = match self.bytes(size_of::<u64>()) {
            Ok(Some(mut len)) => u64::get(&mut len),
            Ok(None) => return Ok(None),
            Err(cause) => return Err(self.failed(cause)),
        };
        let len = len.and_then(|len| usize::try_from(len).ok()).unwrap_or(usize::MAX);
        let piece = match self.bytes(len) {
            Ok(Some(mut piece)) => T::get(&mut piece),
            Ok(None) => None,
            Err(cause) => return Err(self.failed(cause)),
        };
        let changed = || io::Error::new(io::ErrorKind::InvalidData, "what was written has changed");
        piece.map(Some).ok_or_else(|| self.failed(changed()))
    }

    /// The next `len` bytes; none at the end.
    fn bytes(&mut self, len: usize) -> io::Result<Option<&[u8]>> {
        if self.ahead.len().saturating_sub(self.at) < len {
            self.ahead.drain(..self.at);
            self.at = 0;
            let missing = len.saturating_sub(self.ahead.len());
            (&self.file).take(missing.max(READ_BYTES) as u64).read_to_end(&mut self.ahead)?;
        }
        let bytes = self.ahead.get(self.at..self.at.saturating_add(len));
        self.at += bytes.map_or(0, <[u8]>::len);
        Ok(bytes)
    }

    fn failed(&self, cause: io::Error) -> StoreError {
        StoreError { folder: self.folder.clone(), cause }
    }
}

/// A piece as it stands in a file: its length, then itself.
fn framed(piece: &impl Stored) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<u64>()];
    piece.put(&mut bytes);
    let len = ((bytes.len() - size_of::<u64>()) as u64).to_le_bytes();
    bytes.iter_mut().zip(len).for_each(|(byte, of_len)| *byte = of_len);
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::batch::{KeepText, Shards};
    use crate::event::{Event, Kind};

    #[test]
    fn every_event_comes_back_with_its_conversation() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path()).unwrap();
        for _ in 0..3 {
            let mut shards = Shards::new(KeepText::OfClaims);
            for user in 0..1_000 {
                let user = user.to_string();
                shards.push(&Event { user: &user, account: "1", kind: Kind::Send, ..Event::default() }).unwrap();
            }
            let batches: Vec<Batch> = shards.into_batches().map(|(_, batch)| batch).collect();
            store.add(&batches).unwrap();
        }
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "the files have no names");
        let mut seen = std::collections::BTreeMap::new();
        for shard in 0..store.shards() {
            for batch in store.load(shard).unwrap() {
                for index in 0..batch.len() {
                    assert_eq!(batch.shard(), shard);
                    *seen.entry(batch.event(index).user.to_owned()).or_insert(0) += 1;
                }
            }
        }
        assert_eq!((seen.len(), seen.values().min(), seen.values().max()), (1_000, Some(&3), Some(&3)));
        assert!(store.take_survey().beginnings.of(crate::Channel::Messenger, "1").is_some());
    }

    #[test]
    fn a_folder_that_is_none_is_an_error_that_says_what_helps() {
        let error = Store::new(Path::new("/nowhere/at/all")).unwrap_err().to_string();
        assert!(error.starts_with("cannot keep events in a temporary file in /nowhere/at/all"), "{error}");
        assert!(error.contains("--temp-dir"), "{error}");
    }
}
